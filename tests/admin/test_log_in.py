"""Logging in: who gets in, for how long, at what cost to the others."""

import asyncio
import threading
from collections.abc import Iterable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import httpx2
import pytest
from litestar.types import ASGIApp
from structlog.testing import capture_logs

from api.admin.browsers import KnownBrowsers
from api.postgres.engine import PlainConnection
from tables.admin import AdminUser
from tests.admin.conftest import IGNORE_SCHEMA, PASSWORD, at_the_door, log_in, make_admin
from tests.support.clock import MovableClock

pytestmark = pytest.mark.filterwarnings(IGNORE_SCHEMA)


async def test_the_right_password_opens_and_logging_out_closes(door: httpx2.AsyncClient, ada_id: int) -> None:
    assert (await door.get("/admin/api/user/")).status_code == 401
    assert (await log_in(door)).status_code == 200
    assert (await door.get("/admin/api/user/")).json() == {"username": "ada", "user_id": str(ada_id)}
    token = door.cookies["id"]
    assert (await door.post("/admin/public/logout/")).status_code == 200
    door.cookies.set("id", token, domain="guildhall.test", path="/admin")
    assert (await door.get("/admin/api/user/")).status_code == 401


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("ada", "wrong password"),
        ("nobody", PASSWORD),
        ("a\x00da", PASSWORD),
        ("ada", "x" * 1000),
        ("x" * 1000, PASSWORD),
    ],
)
async def test_a_wrong_one_does_not(door: httpx2.AsyncClient, ada_id: int, name: str, password: str) -> None:
    assert (await log_in(door, name, password)).status_code == 401
    assert "id" not in door.cookies


@pytest.mark.parametrize("body", [b"[]", b"", b"{", b'{"username": 1, "password": 2}', b"[" * 10_000, b"\xff"])
async def test_what_is_no_log_in_is_refused(door: httpx2.AsyncClient, body: bytes) -> None:
    await log_in(door, "nobody")
    response = await door.post("/admin/public/login/", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 422


async def test_without_the_token_of_the_page_nobody_logs_in(door: httpx2.AsyncClient, ada_id: int) -> None:
    response = await door.post("/admin/public/login/", json={"username": "ada", "password": PASSWORD})
    assert response.status_code == 403


async def test_only_a_digest_is_stored_and_each_log_in_has_its_own(
    ada: httpx2.AsyncClient, owner: PlainConnection
) -> None:
    first = ada.cookies["id"]
    await log_in(ada)
    second = ada.cookies["id"]
    stored = {row["token"] for row in await owner.fetch("SELECT token FROM admin_sessions")}
    assert first != second
    assert stored == {sha256(token.encode()).hexdigest() for token in (first, second)}


async def test_the_cookie_is_ours_alone(door: httpx2.AsyncClient, ada_id: int) -> None:
    await log_in(door)
    response = await log_in(door)
    session = next(value for value in response.headers.get_list("set-cookie") if value.startswith("id="))
    attributes = {part.strip().lower() for part in session.split(";")[1:]}
    assert attributes == {"max-age=43200", "path=/admin", "samesite=strict", "httponly"}


async def test_a_session_ends_when_idle_and_after_twelve_hours(ada: httpx2.AsyncClient, owner: PlainConnection) -> None:
    async def read() -> int:
        return (await ada.get("/admin/api/user/")).status_code

    row = await owner.fetchrow("SELECT expiry_date, max_expiry_date FROM admin_sessions")
    assert row is not None
    now = datetime.now(UTC).replace(tzinfo=None)
    assert abs(row["expiry_date"] - now - timedelta(hours=1)) < timedelta(minutes=1)
    assert abs(row["max_expiry_date"] - now - timedelta(hours=12)) < timedelta(minutes=1)

    await owner.execute("UPDATE admin_sessions SET expiry_date = $1", now + timedelta(minutes=10))
    assert await read() == 200
    prolonged = await owner.fetchval("SELECT expiry_date FROM admin_sessions")
    assert abs(prolonged - now - timedelta(hours=1)) < timedelta(minutes=1)

    await owner.execute("UPDATE admin_sessions SET max_expiry_date = $1", now - timedelta(seconds=1))
    assert await read() == 401
    await owner.execute(
        "UPDATE admin_sessions SET max_expiry_date = $1, expiry_date = $2", now + timedelta(hours=1), now
    )
    assert await read() == 401
    await log_in(ada)
    assert await owner.fetchval("SELECT count(*) FROM admin_sessions") == 1


async def statuses(app: ASGIApp, addresses: Iterable[str], name: str = "ada") -> list[int]:
    """What wrong tries are answered, one from each of the addresses."""
    found = []
    for address in addresses:
        async with at_the_door(app, address) as client:
            answer = await log_in(client, name, "x" * 200)  # too long to be hashed
        found.append(answer.status_code)
        assert (answer.status_code == 429) == ("retry-after" in answer.headers)
        assert answer.status_code != 429 or 1 <= int(answer.headers["retry-after"]) <= 60
    return found


async def test_ten_tries_a_minute_of_an_address(app: ASGIApp, ada_id: int, clock: MovableClock) -> None:
    assert await statuses(app, ["192.0.2.7"] * 12) == [401] * 10 + [429] * 2
    async with at_the_door(app, "192.0.2.7") as guesser, at_the_door(app, "192.0.2.8") as neighbour:
        assert (await guesser.get("/admin/")).status_code == 200
        assert (await log_in(guesser)).status_code == 429
        assert (await log_in(neighbour)).status_code == 200
        clock.move(minutes=1.1)
        assert (await log_in(guesser)).status_code == 200


async def test_an_ipv6_network_is_one_address(app: ASGIApp, ada_id: int) -> None:
    assert await statuses(app, [f"2001:db8:1:2:{n}::{n}" for n in range(1, 13)]) == [401] * 10 + [429] * 2
    assert await statuses(app, ["2001:db8:1:3::1"]) == [401]


async def test_thirty_tries_a_minute_of_an_account(app: ASGIApp, ada_id: int, clock: MovableClock) -> None:
    """Never for good, and never of whoever has been in before: nobody is shut out on purpose."""
    await make_admin("bo")
    async with at_the_door(app, "192.0.2.1") as known, at_the_door(app, "192.0.2.2") as stranger:
        assert (await log_in(known)).status_code == 200
        await known.post("/admin/public/logout/")
        assert await statuses(app, [f"192.0.2.{10 + n % 4}" for n in range(32)]) == [401] * 30 + [429] * 2
        assert (await log_in(stranger)).status_code == 429
        assert (await log_in(stranger, "bo")).status_code == 200
        assert (await log_in(known)).status_code == 200
        known.cookies.delete("known", domain="guildhall.test", path="/admin")
        assert (await log_in(known)).status_code == 429
        clock.move(minutes=1.1)
        assert (await log_in(stranger)).status_code == 200


async def test_a_good_try_costs_nothing(app: ASGIApp, ada_id: int) -> None:
    async with at_the_door(app, "192.0.2.9") as client:
        for _ in range(12):
            assert (await log_in(client)).status_code == 200
            client.cookies.delete("known", domain="guildhall.test", path="/admin")


async def test_a_known_browsers_cookie_is_no_key(app: ASGIApp, ada_id: int) -> None:
    await make_admin("bo")
    async with at_the_door(app, "192.0.2.1") as client:
        response = await log_in(client)
        attributes = next(value for value in response.headers.get_list("set-cookie") if value.startswith("known="))
        assert {"HttpOnly", "Path=/admin", "SameSite=Strict"} <= set(attributes.split("; "))
        assert [(await log_in(client, "ada", "x" * 200)).status_code for _ in range(11)] == [401] * 10 + [429]
        assert (await log_in(client, "bo")).status_code == 200  # a stranger there


def test_who_wrote_a_known_browsers_cookie() -> None:
    clock = MovableClock()
    ours, rotated = KnownBrowsers(["old"], clock), KnownBrowsers(["new", "old"], clock)
    cookie = ours.write("ada")
    number, written, mac = cookie.split(".")
    assert ours.read("ada", cookie) == rotated.read("ada", cookie) == number
    for name, text in (
        ("bo", cookie),
        ("ada", None),
        ("ada", ""),
        ("ada", f"{number}.{int(written) + 1}.{mac}"),
        ("ada", f"{number}.{written}.{mac[:-1]}"),
        ("ada", f"{'0' * 16}.{written}.{mac}"),
        ("ada", KnownBrowsers(["another"], clock).write("ada")),
    ):
        assert ours.read(name, text) is None, (name, text)
    clock.move(days=91)
    assert ours.read("ada", cookie) is None


async def test_a_crowd_at_the_door_holds_up_nobody_who_is_known(
    app: ASGIApp, ada_id: int, owner: PlainConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, hash_ = threading.Event(), AdminUser.hash_password

    def hash_slowly(password: str, salt: str = "", iterations: int | None = None) -> str:
        if password == "wrong password":
            assert opened.wait(60)
        return hash_(password, salt, iterations)

    async with AsyncExitStack() as stack:
        known, late = [await stack.enter_async_context(at_the_door(app)) for _ in range(2)]
        crowd = [await stack.enter_async_context(at_the_door(app)) for _ in range(60)]
        assert (await log_in(known)).status_code == 200
        for each in (*crowd, late):
            await log_in(each, "nobody", "x" * 200)  # who opens the page
        counted = await owner.fetchval("SELECT used FROM rate_budgets WHERE owner = 'log-in-strangers'")
        monkeypatch.setattr(AdminUser, "hash_password", hash_slowly)
        trying = [
            asyncio.create_task(log_in(each, f"nobody {number}", "wrong password")) for number, each in enumerate(crowd)
        ]
        for _, first in zip(range(56), asyncio.as_completed(trying), strict=False):
            await first
        refused = [task.result() for task in trying if task.done()]
        assert {(each.status_code, each.headers["retry-after"]) for each in refused} == {(503, "1")}
        assert (await log_in(known)).status_code == 200
        assert (await log_in(late)).status_code == 503
        assert await owner.fetchval("SELECT used FROM rate_budgets WHERE owner = 'log-in-strangers'") == counted + 4
        opened.set()
        answers = await asyncio.gather(*trying)
        assert sorted(each.status_code for each in answers) == [401] * 4 + [503] * 56
        assert (await log_in(late)).status_code == 200


async def test_every_try_is_logged_with_name_and_address(app: ASGIApp, ada_id: int, owner: PlainConnection) -> None:
    bo_id = await make_admin("bo")
    await owner.execute("UPDATE admin_users SET active = false WHERE id = $1", bo_id)
    async with at_the_door(app, "192.0.2.7") as client:
        await client.get("/admin/")
        client.headers["X-Request-ID"] = "the-try"
        with capture_logs() as lines:
            for name, password in (("ada", "x" * 200), ("no\nbody", PASSWORD), ("bo", PASSWORD), ("ada", PASSWORD)):
                await log_in(client, name, password)
            for _ in range(10):
                await log_in(client, "y" * 300, "x" * 200)
    wanted = [
        ("admin.log_in_refused", None, "ada", "wrong name or password"),
        ("admin.log_in_refused", None, "no\N{REPLACEMENT CHARACTER}body", "wrong name or password"),
        ("admin.log_in_refused", str(bo_id), "bo", "not active, or not an administrator"),
        ("admin.logged_in", str(ada_id), "ada", None),
        *[("admin.log_in_refused", None, "y" * 100, "wrong name or password")] * 7,
        ("admin.log_in_refused", None, "y" * 100, "too many tries"),
    ]
    rows = await owner.fetch("SELECT * FROM audit_log WHERE action LIKE 'admin.log%' ORDER BY id")
    assert [(row["action"], row["actor_id"], row["target"], row["reason"]) for row in rows] == wanted
    about = {(row["actor_kind"], row["ip"], row["request_id"], row["guild_id"]) for row in rows}
    assert about == {("admin", "192.0.2.7", "the-try", None)}
    # The log has a line of those too that came when the budget was spent.
    logged = [(line["event"], line["name"], line["address"]) for line in lines if line["event"].startswith("admin.")]
    assert logged == [(action, name, "192.0.2.7") for action, _, name, _ in [*wanted, *wanted[-1:] * 2]]


async def test_a_password_given_again_is_counted_too(ada: httpx2.AsyncClient) -> None:
    body = dict.fromkeys(("current_password", "new_password", "confirm_new_password"), "x" * 200)
    answers = [await ada.post("/admin/api/change-password/", json=body) for _ in range(11)]
    assert [answer.status_code for answer in answers] == [422] * 10 + [429]
    assert (await ada.get("/admin/api/user/")).status_code == 200


async def test_log_ins_do_not_hold_up_the_api(
    ada_id: int, anonymous: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a hash takes, and a real one takes a quarter of a second, others are answered meanwhile."""
    begun, opened, hash_ = threading.Event(), threading.Event(), AdminUser.hash_password

    def hash_slowly(password: str, salt: str = "", iterations: int | None = None) -> str:
        begun.set()
        assert opened.wait(60)
        return hash_(password, salt, iterations)

    monkeypatch.setattr(AdminUser, "hash_password", hash_slowly)
    running = [asyncio.create_task(AdminUser.login(name, PASSWORD)) for name in ("ada", "nobody") * 2]
    async with asyncio.timeout(50):
        while not begun.is_set():  # noqa: ASYNC110 - another thread's
            await asyncio.sleep(0.01)
    assert (await anonymous.get("/health/live")).status_code == 200
    assert not any(task.done() for task in running)
    opened.set()
    assert [await task for task in running] == [ada_id, None] * 2


async def test_an_unknown_name_costs_what_a_wrong_password_does(ada_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rounds, hash_ = list[int](), AdminUser.hash_password

    def hash_and_note(password: str, salt: str = "", iterations: int | None = None) -> str:
        hashed = hash_(password, salt, iterations)
        rounds.append(int(hashed.split("$")[1]))
        return hashed

    monkeypatch.setattr(AdminUser, "hash_password", hash_and_note)
    for name in ("ada", "nobody"):
        assert await AdminUser.login(name, "wrong password") is None
    assert rounds == [AdminUser._pbkdf2_iteration_count] * 2


def test_a_hash_costs_what_it_should(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests do with fewer rounds; what is served has as many as OWASP asks for at least."""
    monkeypatch.undo()
    assert AdminUser.hash_password(PASSWORD).split("$")[1] == "600000"
