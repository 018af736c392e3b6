"""Achievements and imports: events award, exports carry definitions and awards."""

from datetime import timedelta

import httpx2
from litestar import Litestar

from api.postgres.engine import PlainConnection
from tests.achievements.support import OF_ALL, OF_HARBOUR, define, draft, earned, event_types_of, mine
from tests.activity.test_record import message, record
from tests.imports.files import event, imported, lines
from tests.imports.test_export import export
from tests.support.clock import CLOCK
from tests.support.people import ADA, BO, HARBOUR, QUARRY
from tests.support.wiring import services_of

NOW = CLOCK.start


async def test_imported_events_award(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    await define(
        bot,
        draft(gte=3, rewards={"xp": 1000}),
        draft("higher", stat="level", gte=4),
        draft("regular", stat="streak", gte=4, rewards={"xp": 5}),
        draft("week", condition={"stat": "messages", "gte": 1, "within": "7d"}),
    )
    await record(bot, message("live", at=NOW - timedelta(days=2)))
    days = (300, 299, 297, 298)
    file = [event(number, (NOW - timedelta(days=each)).isoformat()) for number, each in enumerate(days)]
    found = await imported(bot, "events", lines(*file, event(9, (NOW - timedelta(days=300)).isoformat(), BO)))
    assert found["status"] == "finished"
    assert await earned(bot, ADA) == {"chatterbox", "higher", "regular", "week"}
    assert await earned(bot, BO) == set()
    assert await event_types_of(owner, ADA) == ["achievement.unlocked"] * 4
    again = await imported(bot, "events", lines(*file))
    assert again["counts"]["imported"] == 0
    assert await owner.fetchval("SELECT count(*) FROM achievement_awards") == 4


async def test_definitions_and_awards_go_along(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    await define(bot, draft("everywhere", gte=1), at=OF_ALL)
    await define(
        bot,
        draft("second", gte=2, rewards={"xp": 10, "role_id": "77"}),
        draft("first", gte=1, hidden=True, retroactive=True, description="Say\nsomething.", icon="👋"),
        draft("gone", gte=1),
    )
    await bot.patch(f"{OF_HARBOUR}/second", json={"prerequisites": ["first"]})
    await record(bot, message("1"), message("2"), message("3", user=BO))
    await bot.delete(f"{OF_HARBOUR}/gone")
    await bot.delete(f"/v1/guilds/{HARBOUR}/members/{BO}/achievements/first")
    file = await export(bot)
    assert [line["achievement"]["key"] for line in file if "achievement" in line] == ["first", "second", "gone"]

    dry = await imported(bot, "guildhall", lines(*file), QUARRY, dry_run=True)
    assert (dry["status"], dry["refused"]) == ("finished", [])
    assert await owner.fetchval("SELECT count(*) FROM achievements WHERE guild_id = $1", QUARRY) == 0
    done = await imported(bot, "guildhall", lines(*file), QUARRY)
    assert (done["status"], done["refused"]) == ("finished", [])

    there = f"/v1/guilds/{QUARRY}/achievements"
    for listed in ("false", "true"):
        one, other = [(await bot.get(path, params={"deleted": listed})).json()["items"] for path in (OF_HARBOUR, there)]
        moving = ("guild_id", "revision", "created_at", "updated_at", "deleted_at", "awarding")
        assert sorted(item["key"] for item in one) == sorted(item["key"] for item in other)
        for item in one:
            same = next(each for each in other if each["key"] == item["key"])
            assert {k: v for k, v in item.items() if k not in moving} == {
                k: v for k, v in same.items() if k not in moving
            }
    for user in (ADA, BO):
        assert await mine(bot, user, QUARRY) == await mine(bot, user)
    assert await earned(bot, ADA, QUARRY) == {"everywhere", "first", "second", "gone"}
    # What was revoked stays so there, and nobody is given anything twice.
    again = await imported(bot, "guildhall", lines(*file), QUARRY, mode="max")
    assert again["counts"]["refused"] == 0
    answer = await bot.post(
        f"/v1/guilds/{QUARRY}/activity", json={"events": [message("9"), message("10", user=BO), message("11", user=BO)]}
    )
    assert [each["achievement"] for each in answer.json()["achievements_unlocked"]] == []


async def test_an_export_from_before_names_had_a_rule_loses_nothing(
    bot: httpx2.AsyncClient, owner: PlainConnection
) -> None:
    await define(bot, draft("first", gte=1))
    await bot.put(f"/v1/guilds/{HARBOUR}/roles", json={"items": [{"id": "7", "name": "Crew"}]})
    await record(bot, message("1"))
    await owner.execute("UPDATE achievements SET name = E'\\u202eeno'")
    await owner.execute("UPDATE achievement_awards SET name = ' '")
    await owner.execute("UPDATE guilds SET name = E'\\u200b' WHERE id = $1", HARBOUR)
    await owner.execute("UPDATE guild_roles SET name = ' '")
    file = await export(bot)
    for dry_run in (True, False):
        done = await imported(bot, "guildhall", lines(*file), QUARRY, dry_run=dry_run)
        assert (done["status"], done["refused"]) == ("finished", [])
    there = f"/v1/guilds/{QUARRY}"
    assert (await bot.get(there)).json()["name"] == str(QUARRY)
    assert (await bot.get(f"{there}/roles")).json()["items"][0]["name"] == "7"
    assert (await bot.get(f"{there}/achievements/first")).json()["name"] == "eno"
    names = (
        "SELECT DISTINCT a.name FROM achievement_awards a JOIN members m ON m.id = a.member_id WHERE m.guild_id = $1"
    )
    assert [row["name"] for row in await owner.fetch(names, QUARRY)] == ["first"]


async def test_standings_from_elsewhere_award_when_their_stat_moves_next(
    bot: httpx2.AsyncClient, running_app: Litestar
) -> None:
    tree = {"all": [{"stat": "messages", "gte": 2}, {"stat": "wins", "gte": 5}]}
    await define(bot, draft("both", condition=tree), draft("rich", stat="xp", gte=10_000))
    await record(bot, message("1"), message("2"))
    header = {"guildhall": 1}
    member = {"member": {"user_id": str(ADA), "xp": 20_000, "messages": 2, "custom_stats": {"wins": 9}}}
    assert (await imported(bot, "guildhall", lines(header, member)))["status"] == "finished"
    assert await earned(bot, ADA) == set()
    # As the change watcher does in every process, a moment later: the guild has changed.
    services_of(running_app).watcher.invalidate("guild", {HARBOUR})
    await record(bot, message("3"))
    assert await earned(bot, ADA) == {"both", "rich"}
