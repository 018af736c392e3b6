"""A guild's bot counts so many stats of its own and no more: each name is a row for each member and day."""

import asyncio
from typing import Any

import asyncpg
import httpx2
import pytest

from api.activity.locks import NAMES, key_of
from api.activity.stat_names import MOST
from api.postgres.engine import PlainConnection
from tests.activity.test_record import message, record
from tests.database.conftest import root as root
from tests.imports.files import imported, lines
from tests.support.people import ADA, BO, HARBOUR, QUARRY

Json = dict[str, Any]  # Any: JSON

NAMES_STORED = "SELECT array_agg(stat ORDER BY id) FROM custom_stat_names WHERE guild_id = $1"


def stat(name: str, id_: str | None = None, **more: object) -> Json:
    return message(id_ or name, **more) | {"type": "stat", "stat": name, "amount": 1}  # type: ignore[arg-type]  # JSON


def names(number: int, prefix: str = "s") -> list[str]:
    return [f"{prefix}{place}" for place in range(number)]


def beyond(*indexes: int) -> list[Json]:
    return [{"index": index, "reason": "too_many_stats"} for index in indexes]


async def full(bot: httpx2.AsyncClient) -> None:
    await record(bot, *(stat(name) for name in names(MOST)))


async def test_they_are_listed_by_name(bot: httpx2.AsyncClient) -> None:
    path = f"/v1/guilds/{HARBOUR}/stats"
    assert (await bot.get(path)).json() == {"items": [], "next_cursor": None}
    await record(bot, stat("duels_won"), stat("boats"), stat("anchors"), message("m"))
    first = (await bot.get(f"{path}?limit=2")).json()
    await record(bot, stat("aardvarks"), stat("eels"))
    second = (await bot.get(f"{path}?limit=2&cursor={first['next_cursor']}")).json()
    found = [item["stat"] for page in (first, second) for item in page["items"]]
    assert (found, second["next_cursor"]) == (["anchors", "boats", "duels_won", "eels"], None)
    assert (await bot.get(path.replace(str(HARBOUR), str(QUARRY)))).json()["items"] == []


async def test_so_many_stats(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    first = await record(bot, *(stat(name) for name in names(MOST + 2)), message("m"), stat("s0", "again"))
    assert (first["accepted"], first["rejected"]) == (MOST + 2, beyond(MOST, MOST + 1))
    assert await owner.fetchval("SELECT count(DISTINCT stat) FROM custom_stats") == MOST
    assert await owner.fetchval("SELECT count(DISTINCT stat) FROM custom_stat_days") == MOST
    # Those that are there go on, also where nothing is remembered of them, and for others.
    changed = await bot.patch(f"/v1/guilds/{HARBOUR}/settings/leveling", json={"cooldown_seconds": 5})
    assert changed.status_code == 200
    old = message("old", stat="old", type="stat", amount=1) | {"occurred_at": "2020-01-01T00:00:00Z"}
    again = await record(bot, old, stat("more"), stat("s7", "b", user=BO), stat("s3", "c"), stat("more", "d"))
    assert (again["accepted"], again["rejected"]) == (2, [{"index": 0, "reason": "too_old"}, *beyond(1, 4)])
    assert (await bot.get(f"/v1/guilds/{HARBOUR}/members/{ADA}")).json()["custom_stats"]["s3"] == 2
    # Another guild has names of its own.
    other = await bot.post(f"/v1/guilds/{QUARRY}/activity", json={"events": [stat("more")]})
    assert (other.json()["accepted"], other.json()["rejected"]) == (1, [])
    explained = await bot.post(
        f"/v1/guilds/{HARBOUR}/activity/explain", json={"events": [stat("more"), stat("s1", "e")]}
    )
    assert [str(MOST) in item["reason"] for item in explained.json()["items"]] == [True, False]


async def test_many_shards_at_once(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    """Not one too many, and no event is taken whose stat is not."""
    answers = await asyncio.gather(
        *(record(bot, *(stat(name) for name in names(30, f"shard{number}_"))) for number in range(20))
    )
    assert sum(answer["accepted"] for answer in answers) == MOST
    assert sum(len(answer["rejected"]) for answer in answers) == 20 * 30 - MOST
    stored = await owner.fetchval(NAMES_STORED, HARBOUR)
    assert len(stored) == MOST
    assert await owner.fetchval("SELECT count(*) FROM custom_stats WHERE stat = ANY($1)", stored) == MOST


async def test_the_database_goes_away_meanwhile(
    bot: httpx2.AsyncClient, owner: PlainConnection, root: PlainConnection
) -> None:
    """Who takes a name while others wait is cut off: nothing is taken, and the same request again counts."""
    await owner.execute("SELECT pg_advisory_lock($1, $2)", NAMES, key_of(HARBOUR))
    asked = asyncio.create_task(bot.post(f"/v1/guilds/{HARBOUR}/activity", json={"events": [stat("duels_won")]}))
    waiting = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND classid::bigint = $1 AND NOT granted"
    async with asyncio.timeout(10):
        while (pid := await owner.fetchval(waiting, NAMES)) is None:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.02)
    await root.execute("SELECT pg_terminate_backend($1)", pid)
    assert (await asked).status_code == 503
    await owner.execute("SELECT pg_advisory_unlock_all()")
    assert await owner.fetchval(NAMES_STORED, HARBOUR) is None
    assert (await record(bot, stat("duels_won")))["accepted"] == 1
    assert (await record(bot, stat("duels_won")))["duplicates"] == 1


async def test_imported_events(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    await full(bot)
    file = lines(stat("s0", "i0"), stat("more", "i1"), stat("s1", "i2"))
    for dry_run in (True, False):
        done = await imported(bot, "events", file, dry_run=dry_run)
        assert done["counts"] == {"rows": 3, "imported": 2, "unchanged": 0, "refused": 1}
        (refused,) = done["refused"]
        assert (refused["row"], refused["pointer"]) == (2, "/stat")
        assert str(MOST) in refused["message"]
    assert len(await owner.fetchval(NAMES_STORED, HARBOUR)) == MOST


async def test_imported_members(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    day = "2026-01-01"
    file = lines(
        {"guildhall": 1},
        {"member": {"user_id": str(ADA), "xp": 5, "custom_stats": dict.fromkeys(names(MOST - 1), 1)}},
        {"member": {"user_id": str(BO), "xp": 5, "custom_stats": {"one": 1, "two": 1}}},
        {"member": {"user_id": str(BO), "xp": 7, "custom_stats": {"one": 1}}},
        {"stat_day": {"stat": "three", "day": day, "user_id": str(ADA), "value": 1}},
        {"stat_day": {"stat": "s1", "day": day, "user_id": str(ADA), "value": 1}},
    )
    for dry_run in (True, False):
        done = await imported(bot, "guildhall", file, dry_run=dry_run)
        assert [(each["row"], each["pointer"]) for each in done["refused"]] == [
            (2, "/member/custom_stats/two"),
            (4, "/stat_day/stat"),
        ]
        assert done["counts"]["imported"] == 3
    assert sorted(await owner.fetchval(NAMES_STORED, HARBOUR)) == sorted([*names(MOST - 1), "one"])
    assert (await record(bot, stat("more"), stat("one")))["rejected"] == beyond(0)


async def test_a_name_goes_with_its_guild(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    await full(bot)
    await owner.execute("DELETE FROM guilds WHERE id = $1", HARBOUR)
    assert await owner.fetchval("SELECT count(*) FROM custom_stat_names") == 0
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await owner.execute("INSERT INTO custom_stat_names (guild_id, stat) VALUES ($1, 'a')", HARBOUR)
