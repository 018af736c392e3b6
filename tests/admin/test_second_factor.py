"""An authenticator app beside the password: turned on, used, lost, turned off, demanded."""

import asyncio
import re

import httpx2
import pytest
from litestar.types import ASGIApp
from msgspec.structs import replace
from pyotp import TOTP

from api.admin.entrance import Entrance
from api.admin.mount import Mount
from api.config import Settings
from api.postgres.engine import PlainConnection
from tests.admin.conftest import IGNORE_SCHEMA, PASSWORD, alone, at_the_door, log_in
from tests.support.clock import MovableClock

pytestmark = pytest.mark.filterwarnings(IGNORE_SCHEMA)

PAGE = "/admin/api/mfa-setup/"


async def send(client: httpx2.AsyncClient, action: str, **fields: str) -> httpx2.Response:
    return await client.post(PAGE, data={"action": action, "csrftoken": client.cookies["csrftoken"], **fields})


async def enrol(client: httpx2.AsyncClient, clock: MovableClock) -> tuple[TOTP, list[str]]:
    """Turns it on; gives what the app has, and the recovery codes. The code that did it is used up."""
    page = await send(client, "register", password=PASSWORD)
    secret = re.search(r'id="secret">([A-Z2-7]{32})<', page.text)
    codes = re.findall(r"<li><code>([a-z2-7-]{29})</code>", page.text)
    assert secret is not None, page.text
    assert len(set(codes)) == 10
    app = TOTP(secret[1])
    confirmed = await send(client, "confirm", code=app.at(clock.now()))
    assert "The second factor is on" in confirmed.text, confirmed.text
    return app, codes


async def with_code(client: httpx2.AsyncClient, code: str) -> tuple[int, object]:
    """A log-in of Ada's with the code; the status, and what the page reads."""
    answer = await client.post("/admin/public/login/", json={"username": "ada", "password": PASSWORD, "mfa_code": code})
    return answer.status_code, answer.json().get("detail")


async def test_it_is_asked_for_once_it_is_on(
    app: ASGIApp, ada: httpx2.AsyncClient, ada_id: int, clock: MovableClock, owner: PlainConnection
) -> None:
    assert "The second factor is off" in (await ada.get(PAGE)).text
    assert (await send(ada, "register", password="wrong password")).status_code == 422
    totp, codes = await enrol(ada, clock)
    async with at_the_door(app) as other:
        first = await log_in(other)
        assert (first.status_code, first.json()) == (401, {"detail": "MFA code required"})
        assert await with_code(other, "000000") == (401, "MFA failed")
        assert await with_code(other, totp.at(clock.now())) == (401, "MFA failed")  # it turned it on
        clock.move(seconds=30)
        code = totp.at(clock.now())
        both = await asyncio.gather(with_code(other, f"{code[:3]} {code[3:]}"), with_code(ada, code))
        assert sorted(status for status, _ in both) == [200, 401]  # whichever came first
        assert await with_code(other, codes[0].upper()) == (200, None)
        assert await with_code(other, codes[0]) == (401, "MFA failed")
        assert await with_code(other, codes[1].replace("-", " ")) == (200, None)
    stored = await owner.fetchrow("SELECT secret, recovery_codes FROM admin_second_factors")
    assert stored is not None
    assert totp.secret.encode() not in stored["secret"]
    assert len(stored["recovery_codes"]) == 8
    rows = await owner.fetch("SELECT action, reason, actor_id FROM audit_log WHERE action LIKE 'admin.%' ORDER BY id")
    entries = [(row["action"].removeprefix("admin."), row["reason"]) for row in rows]
    assert ("second_factor_enabled", None) in entries
    assert ("code_asked_for", "the password is right, the code is missing") in entries
    assert ("log_in_refused", "wrong code") in entries
    assert entries.count(("recovery_code_used", None)) == 2
    assert all(totp.secret not in str(row) for row in await owner.fetch("SELECT * FROM audit_log"))


async def test_it_counts_only_when_the_app_has_it(
    app: ASGIApp, ada: httpx2.AsyncClient, clock: MovableClock, owner: PlainConnection
) -> None:
    page = await send(ada, "register", password=PASSWORD)
    assert "Until then nothing is on" in page.text
    assert (await send(ada, "confirm", code="000000")).status_code == 422
    async with at_the_door(app) as other:
        assert (await log_in(other)).status_code == 200
        await enrol(ada, clock)
        assert (await other.get("/admin/api/user/")).status_code == 401  # the others end
    assert (await ada.get("/admin/api/user/")).status_code == 200
    again = await send(ada, "register", password=PASSWORD)
    assert 'id="secret"' not in again.text


async def test_it_is_turned_off_with_password_and_code(
    app: ASGIApp, ada: httpx2.AsyncClient, clock: MovableClock
) -> None:
    totp, codes = await enrol(ada, clock)
    clock.move(seconds=30)
    assert (await send(ada, "revoke", password=PASSWORD, code="000000")).status_code == 422
    assert (await send(ada, "revoke", password="wrong password", code=totp.at(clock.now()))).status_code == 422
    assert "The second factor is off" in (await send(ada, "revoke", password=PASSWORD, code=codes[0])).text
    async with at_the_door(app) as other:
        assert (await log_in(other)).status_code == 200


async def test_who_knows_the_password_does_not_guess_the_code(
    app: ASGIApp, ada: httpx2.AsyncClient, clock: MovableClock
) -> None:
    totp, _ = await enrol(ada, clock)
    found = []
    for number in range(12):
        async with at_the_door(app) as stranger:
            await stranger.get("/admin/")
            stranger.headers["X-CSRFToken"] = stranger.cookies["csrftoken"]
            found.append((await with_code(stranger, f"{number:06}"))[0])
    assert found == [401] * 10 + [429] * 2
    clock.move(minutes=5)
    async with at_the_door(app) as stranger:
        await log_in(stranger)
        assert (await with_code(stranger, totp.at(clock.now())))[0] == 429
    assert (await with_code(ada, totp.at(clock.now())))[0] == 200  # a browser that has been in


async def test_another_has_a_second_factor_of_their_own(
    app: ASGIApp, ada: httpx2.AsyncClient, bo: httpx2.AsyncClient, clock: MovableClock, owner: PlainConnection
) -> None:
    await enrol(ada, clock)
    assert "The second factor is off" in (await bo.get(PAGE)).text
    assert (await log_in(bo, "bo")).status_code == 200
    del bo.headers["X-CSRFToken"]  # a form brings the token as a field, or not at all
    assert (await bo.post(PAGE, data={"action": "register", "password": PASSWORD})).status_code == 403
    async with at_the_door(app) as nobody:
        assert (await nobody.get(PAGE)).status_code == 401
    await owner.execute("DELETE FROM admin_users WHERE username = 'ada'")
    assert await owner.fetchval("SELECT count(*) FROM admin_second_factors") == 0


async def test_it_can_be_demanded(
    app: ASGIApp, settings: Settings, entrance: Entrance, ada_id: int, clock: MovableClock
) -> None:
    demanding = Mount(replace(settings, admin_second_factor="required"), entrance)
    async with at_the_door(alone(demanding)) as ada:
        assert (await log_in(ada)).status_code == 200
        for method, path in (("GET", "tables/"), ("GET", "tables/guilds/"), ("POST", "tables/admin_users/")):
            refused = await ada.request(method, f"/admin/api/{path}")
            assert (refused.status_code, refused.headers["x-set-up-first"]) == (403, "api/mfa-setup/")
        assert (await ada.get("/admin/api/user/")).status_code == 200
        await enrol(ada, clock)
        assert (await ada.get("/admin/api/tables/")).status_code == 200
