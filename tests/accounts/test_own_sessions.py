"""`/v1/me/sessions`: where else somebody is logged in, and how they end it."""

import httpx2
import pytest
from structlog.testing import capture_logs

from api.accounts.own_sessions import shown_agent
from api.postgres.engine import PlainConnection
from tests.privacy.people import erase
from tests.support.browsers import Browsers
from tests.support.clients import Clients
from tests.support.clock import MovableClock
from tests.support.people import ADA, BO

MINE = "/v1/me/sessions"


async def listed(browser: httpx2.AsyncClient, query: str = "") -> list[dict[str, object]]:
    answer = await browser.get(MINE + query)
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store"), answer.text
    items: list[dict[str, object]] = answer.json()["items"]
    return items


async def logged_in(browsers: Browsers, user_id: int, agent: str) -> httpx2.AsyncClient:
    browser = browsers.fresh()
    browser.headers["User-Agent"] = agent
    return await browsers.log_in(user_id, browser)


async def test_where_they_are_logged_in(browsers: Browsers) -> None:
    phone, laptop = await logged_in(browsers, ADA, "Phone/1.0"), await logged_in(browsers, ADA, "Laptop/2.0")
    await logged_in(browsers, BO, "Another's")
    first, second = await listed(phone)
    assert list(first) == ["id", "current", "created_at", "last_used_at", "expires_at", "user_agent", "ip"]
    assert [(item["user_agent"], item["ip"], item["current"]) for item in (first, second)] == [
        ("Laptop/2.0", "127.0.0.1", False), ("Phone/1.0", "127.0.0.1", True),
    ]  # fmt: skip
    assert [item["current"] for item in await listed(laptop)] == [True, False]
    page = (await phone.get(f"{MINE}?limit=1")).json()
    assert [page["items"], await listed(phone, f"?cursor={page['next_cursor']}")] == [[first], [second]]
    assert (await laptop.get(f"{MINE}?cursor=x")).status_code == 422


async def test_one_is_ended(browsers: Browsers, clients: Clients) -> None:
    phone, laptop = await browsers.log_in(ADA), await browsers.log_in(ADA)
    bo = await browsers.log_in(BO)
    [other] = [item["id"] for item in await listed(laptop) if not item["current"]]
    for browser in (bo, await logged_in(browsers, BO, "")):
        assert (await browser.delete(f"{MINE}/{other}")).status_code == 404
    token = laptop.headers.pop("X-CSRF-Token")
    for path in (f"{MINE}/{other}", MINE):
        assert (await laptop.delete(path)).json()["type"] == "urn:guildhall:problem:bad-csrf-token"
    laptop.headers["X-CSRF-Token"] = token
    assert (await phone.get("/v1/me")).status_code == 200
    assert [(await laptop.delete(f"{MINE}/{id_}")).status_code for id_ in (other, other, "abc", "0")] == [
        204, 404, 404, 404,
    ]  # fmt: skip
    assert (await phone.get("/v1/me")).status_code == 401
    [own] = await listed(laptop)
    assert (await laptop.delete(f"{MINE}/{own['id']}")).status_code == 204
    assert (await laptop.get("/v1/me")).status_code == 401
    async with await clients.bot() as bot:
        assert [(await bot.request(method, MINE)).status_code for method in ("GET", "DELETE")] == [403, 403]


async def test_all_others_are_ended(browsers: Browsers) -> None:
    others, ada, bo = (
        [await browsers.log_in(ADA) for _ in range(3)],
        await browsers.log_in(ADA),
        await browsers.log_in(BO),
    )
    for _ in range(2):
        answer = await ada.delete(MINE)
        assert (answer.status_code, answer.content) == (204, b"")
    assert [(await browser.get("/v1/me")).status_code for browser in (*others, ada, bo)] == [401, 401, 401, 200, 200]
    assert [item["current"] for item in await listed(ada)] == [True]


async def test_what_has_ended_is_not_listed(browsers: Browsers, clock: MovableClock) -> None:
    ended = await browsers.log_in(ADA)
    await ended.post("/auth/logout")
    await browsers.log_in(ADA)  # and lies idle for too long
    clock.move(days=2, minutes=1)
    assert len(await listed(await browsers.log_in(ADA))) == 1


@pytest.mark.parametrize(
    ("header", "shown"),
    [(None, None), ("", None), (" a\x00\x1b[31m\u202e b ", "a[31m b"), ("x" * 5000, "x" * 256), ("é", "é")],
)
def test_what_a_browser_calls_itself(header: str | None, shown: str | None) -> None:
    assert shown_agent(header) == shown


async def test_erasing_removes_browser_and_address(browsers: Browsers, owner: PlainConnection) -> None:
    await erase(await logged_in(browsers, ADA, "Phone/1.0"))
    assert [tuple(row) for row in await owner.fetch("SELECT user_agent, ip FROM sessions")] == [(None, None)]


async def test_log_ins_stand_in_the_log(browsers: Browsers) -> None:
    """With where they came from, and with no token."""
    with capture_logs() as logs:
        ada = await browsers.log_in(ADA)
        await ada.get("/auth/discord/callback?state=x&code=y")
        begun = await ada.get("/auth/discord/login")
        back = httpx2.URL(await browsers.said(begun.headers["location"], no="1"))
        await ada.get(f"{back.path}?{back.query.decode()}")
        await ada.post("/auth/logout")
    lines = [line for line in logs if str(line["event"]).startswith(("log-in", "logged"))]
    assert [line["event"] for line in lines] == ["logged in", "log-in refused", "log-in refused", "logged out"]
    assert [line.get("ip") for line in lines] == ["127.0.0.1"] * 3 + [None]
    assert (lines[0]["user"], lines[3]["user"]) == (ADA, ADA)
    secrets = {*ada.cookies.values(), ada.headers["X-CSRF-Token"], back.params["state"]}
    assert not [secret for secret in secrets if secret and secret in str(logs)]
