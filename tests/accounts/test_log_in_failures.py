"""Log-in while Discord fails, or where it is not configured."""

import pytest

from api.app import create_litestar, with_middleware
from api.config import Settings
from api.lib.clock import Clock
from api.lib.metrics import Metrics
from api.postgres.engine import PlainConnection
from tests.accounts.test_log_in import SESSION, began, refused
from tests.support.browsers import Browsers
from tests.support.clock import MovableClock
from tests.support.discord import Discord
from tests.support.discord_answers import Answer, Call, Fault, broken, json_answer, limited, silence
from tests.support.people import ADA, BO
from tests.support.serving import in_process


async def garbage(_call: Call) -> Answer:
    return 200, {"content-type": "application/json"}, b'{"access_token": 7, "id": []'


async def wrong(_call: Call) -> Answer:
    token = {"access_token": "é\n", "refresh_token": "r", "expires_in": 1e300}
    return json_answer(200, {"id": "abc", "username": "x", **token})


async def busy(_call: Call) -> Answer:
    return limited(17.3)


async def endless(_call: Call) -> Answer:
    return 200, {}, b" " * (3 * 1024 * 1024)


@pytest.mark.parametrize("path", ["/oauth2/token", "/users/@me"])
@pytest.mark.parametrize("fault", [garbage, wrong, broken, busy, endless, silence])
async def test_nobody_is_let_in_while_discord_fails(
    browsers: Browsers,
    discord: Discord,
    owner: PlainConnection,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    fault: Fault,
) -> None:
    monkeypatch.setattr("api.accounts.discord.SECONDS", 0.1)
    ada = browsers.fresh()
    back = await began(ada, browsers)
    discord.fails(path, fault)
    answer = await ada.get(back)
    assert refused(answer, 503, "discord-away")
    assert answer.headers["retry-after"] == ("18" if fault is busy else "1")
    assert await owner.fetchval("SELECT count(*) FROM sessions") == 0
    assert SESSION not in ada.cookies
    assert discord.grants == [], "what was granted is given back"


async def test_a_wrong_verifier_or_a_used_code_lets_nobody_in(browsers: Browsers, discord: Discord) -> None:
    ada = browsers.fresh()
    back = await began(ada, browsers)
    next(iter(discord.codes.values())).challenge = "another"
    assert refused(await ada.get(back), 400, "login-failed")
    back = await began(ada, browsers)
    discord.codes.clear()
    assert refused(await ada.get(back), 400, "login-failed")
    back = await began(ada, browsers)
    next(iter(discord.codes.values())).scope = "identify"
    assert refused(await ada.get(back), 400, "login-failed")


async def test_log_out_while_discord_is_away_gives_the_grant_back_later(
    browsers: Browsers, discord: Discord, owner: PlainConnection, clock: MovableClock
) -> None:
    grants = browsers.accounts.grants
    assert grants is not None
    ada, bo = await browsers.log_in(ADA), await browsers.log_in(BO)
    discord.fails("/oauth2/token/revoke", broken)
    assert (await ada.post("/auth/logout")).status_code == 204
    assert (await ada.get("/v1/me")).status_code == 401
    assert {grant.user_id for grant in discord.grants} == {ADA, BO}
    discord.faults.clear()
    await grants.upkeep()
    assert {grant.user_id for grant in discord.grants} == {BO}
    assert await owner.fetchval("SELECT count(*) FROM sessions WHERE refresh_token IS NULL") == 1
    clock.move(days=1, seconds=1)
    await grants.upkeep()
    assert await owner.fetchval("SELECT array_agg(user_id) FROM sessions") == [BO]
    assert (await bo.get("/v1/me")).status_code == 200


async def test_without_a_client_at_discord_the_routes_say_how_to_have_one() -> None:
    settings = Settings(secret="0" * 64, admin=False)
    app = create_litestar(settings, clock=Clock(), metrics=Metrics())
    async with in_process(with_middleware(app, settings), "http://guildhall.test") as browser:
        for path in ("/auth/discord/login", "/auth/discord/callback?state=a&code=b"):
            answer = await browser.get(path)
            assert refused(answer, 404, "login-not-configured")
            assert "GUILDHALL_DISCORD_CLIENT_ID" in answer.json()["detail"]
        assert (await browser.get("/v1/me")).status_code == 401
