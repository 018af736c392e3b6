"""Erasing a person: nothing of them is left in any column, and what comes late does not bring them back."""

from datetime import timedelta

import httpx2
import pytest
from litestar import Litestar

from api.auth.actors import Actor
from api.postgres.engine import PlainConnection
from api.privacy.erasing import Eraser
from tests.activity.test_record import message, record
from tests.activity.test_upkeep import run_upkeep
from tests.imports.files import counts, event, imported, lines
from tests.members.people import give, hide, member, profile
from tests.privacy.people import USER, erase, found, live
from tests.support.clock import MovableClock
from tests.support.people import ADA, BO, HARBOUR, QUARRY

TOTALS = f"/v1/guilds/{HARBOUR}/activity"


async def test_nothing_is_left_of_them(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    await live(bot)
    before = await found(owner)
    assert before.keys() >= {
        "members",
        "boards",
        "activity_days",
        "audit_log",
        "guilds",
        "imports",
        "achievement_awards",
    }, before
    totals = (await bot.get(TOTALS)).json()["items"]
    others = await profile(bot, BO)

    receipt = await erase(bot)

    assert await found(owner) == {}
    assert (receipt["guilds"], receipt["rows"] > 10) == (2, True), receipt
    assert (await bot.get(TOTALS)).json()["items"] == totals, "totals of guilds stay"
    assert (await bot.get(member(ADA))).status_code == 404
    assert await profile(bot, BO) == others | {"rank": 1, "member_count": 1}
    log = (await bot.get(f"/v1/guilds/{QUARRY}/audit-log")).json()["items"]
    assert (log[0]["action"], log[0]["target"]) == ("user.erased", receipt["receipt"])
    named = {entry["action"]: entry for entry in log}
    word = named["guild.updated"]["changes"]["owner_id"]["after"]
    assert word.startswith("erased-")
    assert named["member.xp_adjusted"]["target"] in (word, str(BO))
    assert named["guild.updated"]["reason"] == f"ask {word}"
    assert (await bot.get(f"/v1/guilds/{QUARRY}")).json()["owner_id"] is None
    [achievement] = (await bot.get(f"/v1/guilds/{HARBOUR}/achievements")).json()["items"]
    assert achievement["awarded_count"] == 0


async def test_twice_is_once(bot: httpx2.AsyncClient) -> None:
    await live(bot)
    first = await erase(bot)
    again = await erase(bot)
    assert (again["guilds"], again["rows"]) == (0, 0)
    assert again["receipt"] != first["receipt"]


async def test_somebody_unknown(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    receipt = await erase(bot)
    assert (receipt["guilds"], receipt["rows"]) == (0, 0)
    assert await owner.fetchval("SELECT count(*) FROM audit_log WHERE action = 'user.erased'") == 0


async def test_what_comes_late_is_dropped(bot: httpx2.AsyncClient, owner: PlainConnection, clock: MovableClock) -> None:
    await record(bot, message("1"))
    await erase(bot)
    late = await record(bot, message("late", at=clock.now() - timedelta(hours=1)), message("bo", user=BO))
    assert (late["accepted"], late["duplicates"], late["rejected"]) == (2, 0, []), "nobody can tell"
    assert await found(owner) == {}
    clock.move(minutes=1)
    answer = await record(bot, message("new", at=clock.now()), message("late2", at=clock.now() - timedelta(days=1)))
    assert answer["accepted"] == 2
    assert (await profile(bot))["stats"]["messages"] == 1, "who comes back is counted from then on"


async def test_imports_bring_nobody_back(bot: httpx2.AsyncClient, owner: PlainConnection, clock: MovableClock) -> None:
    await live(bot)
    export = (await bot.get(f"/v1/guilds/{HARBOUR}/export")).content
    await erase(bot)
    old = (clock.now() - timedelta(days=300)).isoformat()
    for source, file, guild_id in (
        ("csv", f"user_id,xp\n{ADA},50\n".encode(), HARBOUR),
        ("events", lines(event(1, old)), HARBOUR),
        ("polaris", {"users": {str(ADA): {"xp": 9, "hidden": True}}}, HARBOUR),
        ("guildhall", export, QUARRY),
    ):
        done = await imported(bot, source, file, guild_id)
        assert (done["status"], done["counts"]["refused"]) == ("finished", 0)
        assert await found(owner) == {}, source


async def test_an_import_of_what_they_did_since(bot: httpx2.AsyncClient, clock: MovableClock) -> None:
    await erase(bot)
    old, new = (clock.now() + timedelta(minutes=minutes) for minutes in (-5, 2))
    file = lines(event(1, old.isoformat()), event(2, new.isoformat()))
    assert (await imported(bot, "events", file))["counts"] == counts(2, 1, 1)
    assert (await profile(bot))["stats"]["messages"] == 1


async def test_the_tombstone_goes_after_eight_days(
    bot: httpx2.AsyncClient, litestar_app: Litestar, owner: PlainConnection, clock: MovableClock
) -> None:
    await erase(bot)
    await run_upkeep(litestar_app, clock)
    assert await owner.fetchval("SELECT count(*) FROM erased_people") == 1
    clock.move(days=8, minutes=1)
    await run_upkeep(litestar_app, clock)
    assert await owner.fetchval("SELECT count(*) FROM erased_people") == 0


async def test_opting_out_with_it(bot: httpx2.AsyncClient, clock: MovableClock) -> None:
    await record(bot, message("1"))
    await erase(bot, "?opt_out=true")
    clock.move(minutes=1)
    await record(bot, message("2", at=clock.now()))
    assert (await bot.get(member(ADA))).status_code == 404
    assert (await bot.get(f"{USER}/privacy")).json() == {"visibility": "public", "opt_out": True}


async def test_choices_stay(bot: httpx2.AsyncClient, owner: PlainConnection, clock: MovableClock) -> None:
    """Who was hidden is not shown because they were erased."""
    await record(bot, message("1"))
    await hide(owner, ADA)
    await erase(bot)
    clock.move(minutes=1)
    await record(bot, message("2", at=clock.now()))
    assert (await profile(bot))["rank"] is None


async def test_with_a_list_of_guilds(
    bot: httpx2.AsyncClient, harbour_bot: httpx2.AsyncClient, owner: PlainConnection, clock: MovableClock
) -> None:
    """Only their part, and only their late events."""
    await live(bot)
    await give(bot, ADA, 5)
    refused = await harbour_bot.delete(f"{USER}?opt_out=true")
    assert refused.status_code == 403
    receipt = await erase(harbour_bot)
    assert receipt["guilds"] == 1
    assert (await bot.get(member(ADA))).status_code == 404
    assert (await profile(bot, ADA, QUARRY))["xp"] == 700
    assert (await bot.get(f"/v1/guilds/{QUARRY}")).json()["owner_id"] == str(ADA)
    log = (await bot.get(f"/v1/guilds/{QUARRY}/audit-log")).json()["items"]
    assert str(ADA) in [entry["target"] for entry in log]
    past = clock.now() - timedelta(hours=1)
    await record(bot, message("late", at=past))
    assert (await bot.get(member(ADA))).status_code == 404
    body = {"events": [message("late", at=past)]}
    assert (await bot.post(f"/v1/guilds/{QUARRY}/activity", json=body)).status_code == 200
    assert (await profile(bot, ADA, QUARRY))["stats"]["messages"] == 1


async def test_by_themselves(bot: httpx2.AsyncClient, litestar_app: Litestar, owner: PlainConnection) -> None:
    """Who did it is nobody in the log; where from, nowhere."""
    await record(bot, message("1"))
    await owner.execute(
        "INSERT INTO audit_log (guild_id, actor_kind, actor_id, action, ip)"
        " VALUES ($1, 'user', $2, 'settings.updated', '203.0.113.7')",
        HARBOUR,
        str(ADA),
    )
    eraser = litestar_app.dependencies["eraser"].dependency()  # type: ignore[union-attr] # the application gives `Provide`s
    assert isinstance(eraser, Eraser)
    who = Actor("user", str(ADA), f"I am {ADA}", "203.0.113.7", "r1")
    assert (await eraser.erase(who, ADA, opt_out=False)).guilds == 1
    assert await found(owner) == {}
    rows = await owner.fetch("SELECT actor_id, reason, ip FROM audit_log WHERE actor_kind = 'user' ORDER BY id")
    [(word, ip)] = {(row["actor_id"], row["ip"]) for row in rows}
    assert (word[:7], ip, rows[-1]["reason"]) == ("erased-", None, f"I am {word}")


@pytest.mark.parametrize("query", ["?opt_out=maybe", "?optout=true"])
async def test_bad_query(bot: httpx2.AsyncClient, query: str) -> None:
    assert (await bot.delete(USER + query)).status_code == 422
