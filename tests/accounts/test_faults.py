"""What people may do while Discord fails, is slow, asks to be left alone, or has taken its grant back."""

import asyncio

import pytest

from api.accounts.grants import Grants
from api.postgres.engine import PlainConnection
from tests.accounts.test_access import GUILD, MINE, SETTINGS, read, write
from tests.support.browsers import Browsers
from tests.support.clock import MovableClock
from tests.support.discord import Discord
from tests.support.discord_answers import Answer, Call, Fault, broken, forbidden, json_answer, limited, silence
from tests.support.people import ADA, HARBOUR, MALLORY, QUARRY


async def html(_call: Call) -> Answer:
    return 200, {"content-type": "text/html"}, b"<html>"


async def nonsense(_call: Call) -> Answer:
    return json_answer(200, [{"id": "abc", "name": "x", "permissions": "8", "owner": True}])


async def no_number(_call: Call) -> Answer:
    return json_answer(200, [{"id": str(HARBOUR), "name": "x", "permissions": "-8", "owner": True}])


async def deep(_call: Call) -> Answer:
    return 200, {}, b"[" * 100_000


@pytest.mark.parametrize("fault", [html, nonsense, no_number, deep, broken, forbidden, silence])
async def test_while_discord_fails_changes_are_refused_and_reads_live_on_what_was_known(
    browsers: Browsers, discord: Discord, clock: MovableClock, monkeypatch: pytest.MonkeyPatch, fault: Fault
) -> None:
    monkeypatch.setattr("api.accounts.discord.SECONDS", 0.1)
    ada = await browsers.log_in(ADA)
    assert (await read(ada), await write(ada)) == (200, 200)
    discord.fails(MINE, fault)
    clock.move(seconds=61)
    refused = await ada.patch(SETTINGS, json={"max_level": 8})
    assert (refused.status_code, refused.json()["type"]) == (503, "urn:guildhall:problem:discord-away")
    assert int(refused.headers["retry-after"]) >= 1
    assert await read(ada) == 200
    clock.move(seconds=838)
    assert (await read(ada), await write(ada)) == (200, 503)
    clock.move(seconds=2)
    assert (await read(ada), await write(ada)) == (503, 503)
    discord.faults.clear()
    clock.move(seconds=4)
    assert (await read(ada), await write(ada)) == (200, 200)


async def test_nothing_hangs_on_silence(
    browsers: Browsers, discord: Discord, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One call is waited for, and for a while nobody asks again."""
    monkeypatch.setattr("api.accounts.discord.SECONDS", 0.2)
    ada = await browsers.log_in(ADA)
    assert await read(ada) == 200
    discord.fails(MINE, silence)
    clock.move(seconds=400)
    before = discord.calls[MINE]
    async with asyncio.timeout(2):
        assert await asyncio.gather(*(read(ada) for _ in range(20)), *(write(ada) for _ in range(20))) == (
            [200] * 20 + [503] * 20
        )
    assert discord.calls[MINE] == before + 1


async def test_a_person_is_asked_about_once_at_a_time(browsers: Browsers, discord: Discord) -> None:
    ada, too = await browsers.log_in(ADA), await browsers.log_in(ADA)

    async def slow(_call: Call) -> None:
        await asyncio.sleep(0.05)

    discord.fails(MINE, slow)
    found = await asyncio.gather(*(read(browser) for _ in range(15) for browser in (ada, too)))
    assert set(found) == {200}
    assert discord.calls[MINE] == 1


@pytest.mark.parametrize("everything", [False, True])
async def test_discord_is_left_alone_as_long_as_it_asks(
    browsers: Browsers, discord: Discord, monkeypatch: pytest.MonkeyPatch, everything: bool
) -> None:
    accounts = browsers.accounts
    assert accounts.discord is not None
    ada, mallory = await browsers.log_in(ADA), await browsers.log_in(MALLORY)
    now = 1000.0
    monkeypatch.setattr(accounts.discord, "_monotonic", lambda: now)
    monkeypatch.setattr("api.accounts.discord_cache.QUIET_SECONDS", 0.0)

    async def busy(_call: Call) -> Answer:
        return limited(20, everything=everything)

    discord.fails(MINE, busy)
    first = await ada.get(GUILD)
    assert (first.status_code, first.headers["retry-after"]) == (503, "21")
    discord.faults.clear()
    now += 19
    again = await ada.get(GUILD)
    assert (again.status_code, again.headers["retry-after"]) == (503, "2")
    assert discord.calls[MINE] == 1
    # Another person has a budget of their own, unless it is all of Guildhall that is to wait.
    assert (await mallory.get(f"/v1/guilds/{QUARRY}")).status_code == (503 if everything else 200)
    now += 2
    assert await read(ada) == 200


async def test_a_grant_that_was_taken_back_ends_the_session(
    browsers: Browsers, discord: Discord, clock: MovableClock
) -> None:
    ada = await browsers.log_in(ADA)
    assert await write(ada) == 200
    discord.take_back(ADA)
    clock.move(seconds=61)
    assert await write(ada) == 401
    assert (await read(ada), (await ada.get("/v1/me")).status_code) == (401, 401)


async def test_a_token_that_ends_is_renewed_once_whoever_notices(
    browsers: Browsers, discord: Discord, clock: MovableClock, owner: PlainConnection
) -> None:
    ada = await browsers.log_in(ADA)
    accounts = browsers.accounts
    one = accounts.grants
    assert one is not None
    # Another worker, as far as grants go: the same database, nothing shared in memory.
    other = Grants(one._database, one._clock, one._discord, one._secret_box, one._sessions)
    session_id = await owner.fetchval("SELECT id FROM sessions")

    async def token(seen: str) -> str:
        return seen

    before = await one.using(session_id, token)
    clock.move(days=6, hours=23, minutes=59, seconds=30)
    await owner.execute("UPDATE sessions SET last_used_at = $1", clock.now())
    exchanged = discord.calls["/oauth2/token"]
    found = await asyncio.gather(*(grants.using(session_id, token) for _ in range(5) for grants in (one, other)))
    assert discord.calls["/oauth2/token"] == exchanged + 1
    assert set(found) == {discord.grants[0].access_token} != {before}
    assert await write(ada) == 200
    # And one that ends before its time.
    discord.expire(ADA)
    clock.move(seconds=61)
    assert await write(ada) == 200
    assert discord.calls["/oauth2/token"] == exchanged + 2


async def test_a_token_is_not_lost_when_renewing_fails(
    browsers: Browsers, discord: Discord, clock: MovableClock
) -> None:
    ada = await browsers.log_in(ADA)
    assert await write(ada) == 200
    discord.expire(ADA)
    clock.move(seconds=61)
    discord.fails("/oauth2/token", broken)
    assert await write(ada) == 503
    discord.faults.clear()
    clock.move(seconds=4)
    assert await write(ada) == 200
