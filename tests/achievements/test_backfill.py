"""Awarded in the background to those who met it before; simulated before that."""

import asyncio
from collections import Counter
from typing import cast

import httpx2
import pytest

from api.achievements import backfill, queries
from api.jobs import pace
from api.postgres.engine import PlainConnection
from tests.achievements.support import OF_ALL, OF_HARBOUR, Json, define, draft, earned, event_types_of
from tests.activity.test_record import message, record
from tests.support.people import ADA, BO, HARBOUR, QUARRY


async def finished(bot: httpx2.AsyncClient, path: str) -> Json:
    """The definition, when it has been awarded to all."""
    for _ in range(100):
        found = cast("Json", (await bot.get(path)).json())
        if found["awarding"] is not None and found["awarding"]["status"] in {"finished", "failed"}:
            return found
        await asyncio.sleep(0.05)
    raise AssertionError(found)


async def crowd(owner: PlainConnection, guild_id: int, members: int) -> None:
    """Members 1, 2, … who wrote as many messages as their number."""
    await owner.execute(
        "INSERT INTO members (guild_id, user_id, messages, xp) SELECT $1, n, n, n FROM generate_series(1, $2) AS n",
        guild_id,
        members,
    )
    await owner.execute(
        "INSERT INTO boards (guild_id, stat, value, user_id)"
        " SELECT $1, stat, n, n FROM generate_series(1, $2) AS n, (VALUES (0), (1)) AS each (stat)",
        guild_id,
        members,
    )


async def test_who_meets_it_already_is_given_it(
    bot: httpx2.AsyncClient, owner: PlainConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "MOST", 4)
    await crowd(owner, HARBOUR, 10)
    await define(bot, draft("next", stat="level", gte=1))
    data: Json = {"condition": {"stat": "messages", "gte": 6}}
    simulated = (await bot.post(f"{OF_HARBOUR}/simulate", json=data)).json()
    assert simulated == {"eligible": 5, "would_unlock": 5, "share": 0.5}
    made = await bot.post(OF_HARBOUR, json=draft(retroactive=True, rewards={"xp": 100}, **data))
    assert made.json()["awarding"]["status"] in {"queued", "running", "finished"}
    found = await finished(bot, f"{OF_HARBOUR}/chatterbox")
    assert found["awarding"] == {"status": "finished", "progress": 1.0, "awarded": 5}
    assert (found["awarded_count"], found["rarity"]) == (5, 0.5)
    rows = await owner.fetch("SELECT user_id, xp FROM members ORDER BY user_id")
    assert [(row["user_id"], row["xp"]) for row in rows] == [(n, n + 100 * (n > 5)) for n in range(1, 11)]
    # What the XP unlocked, and the levels that it reached, go with it.
    assert (await bot.get(f"{OF_HARBOUR}/next")).json()["awarded_count"] == 5
    types = await event_types_of(owner, *range(1, 11))
    assert Counter(types) == {"achievement.unlocked": 10, "member.level_up": 5}
    assert await owner.fetchval("SELECT count(*) FROM jobs") == 0
    again = (await bot.post(f"{OF_HARBOUR}/simulate", json={"key": "chatterbox", **data})).json()
    assert again == {"eligible": 5, "would_unlock": 0, "share": 0.5}


async def test_a_changed_one_is_awarded_anew_and_what_was_revoked_stays_so(
    bot: httpx2.AsyncClient, owner: PlainConnection
) -> None:
    await crowd(owner, HARBOUR, 6)
    one = f"{OF_HARBOUR}/chatterbox"
    await define(bot, draft(gte=5, retroactive=True))
    assert (await finished(bot, one))["awarding"]["awarded"] == 2
    assert (await bot.delete(f"/v1/guilds/{HARBOUR}/members/6/achievements/chatterbox")).status_code == 204
    changed = await bot.patch(one, json={"condition": {"stat": "messages", "gte": 3}})
    assert (changed.json()["awarding"]["awarded"], changed.json()["not_qualifying"]) == (0, 0)
    found = await finished(bot, one)
    assert (found["awarding"]["awarded"], found["awarded_count"]) == (2, 3)
    named = await bot.patch(one, json={"name": "Talker"})
    assert named.json()["awarding"]["status"] == "finished"


async def test_of_every_guild(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    await crowd(owner, HARBOUR, 3)
    await crowd(owner, QUARRY, 2)
    simulated = (await bot.post(f"{OF_ALL}/simulate", json={"condition": {"stat": "xp", "gte": 2}})).json()
    assert simulated == {"eligible": 3, "would_unlock": 3, "share": 0.6}
    await define(bot, draft(stat="xp", gte=2, retroactive=True), at=OF_ALL)
    found = await finished(bot, f"{OF_ALL}/chatterbox")
    assert (found["awarding"]["awarded"], found["awarded_count"], found["rarity"]) == (3, 3, 0.6)


async def test_windows_and_prerequisites_count(bot: httpx2.AsyncClient) -> None:
    await define(bot, draft("first", gte=3))
    await record(bot, *(message(f"a{n}") for n in range(3)), *(message(f"b{n}", user=BO) for n in range(2)))
    week = {"stat": "messages", "gte": 2, "within": "7d"}
    data: Json = {"condition": week, "prerequisites": ["first"]}
    assert (await bot.post(f"{OF_HARBOUR}/simulate", json={"condition": week})).json()["eligible"] == 2
    assert (await bot.post(f"{OF_HARBOUR}/simulate", json=data)).json()["eligible"] == 1
    await define(bot, draft(retroactive=True, **data))
    await finished(bot, f"{OF_HARBOUR}/chatterbox")
    assert (await earned(bot, ADA), await earned(bot, BO)) == ({"first", "chatterbox"}, set())


async def test_killed_another_goes_on_where_it_ended(
    bot: httpx2.AsyncClient, owner: PlainConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "MOST", 2)
    await crowd(owner, HARBOUR, 8)
    steps = []
    step = backfill.Backfill.step

    async def failing(self: backfill.Backfill, connection: object, achievement_id: int, size: int) -> object:
        steps.append(achievement_id)
        if len(steps) == 3:
            raise RuntimeError
        return await step(self, connection, achievement_id, size)  # type: ignore[arg-type] # it is the one that it is given

    monkeypatch.setattr(backfill.Backfill, "step", failing)
    await define(bot, draft(gte=1, retroactive=True, rewards={"xp": 1}))
    for _ in range(100):
        if len(steps) >= 3:
            break
        await asyncio.sleep(0.02)
    half = (await bot.get(f"{OF_HARBOUR}/chatterbox")).json()["awarding"]
    assert half == {"status": "running", "progress": 0.5, "awarded": 4}
    await owner.execute("UPDATE jobs SET run_after = now()")
    await define(bot, draft("other"))  # has the worker look for a job at once
    found = await finished(bot, f"{OF_HARBOUR}/chatterbox")
    assert (found["awarding"]["awarded"], found["awarded_count"]) == (8, 8)
    assert await owner.fetchval("SELECT sum(xp) FROM members") == 36 + 8


async def test_deleted_meanwhile_it_ends(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    await crowd(owner, HARBOUR, 3)
    await define(bot, draft(gte=1, retroactive=True))
    await bot.delete(f"{OF_HARBOUR}/chatterbox")
    for _ in range(100):
        if not await owner.fetchval("SELECT count(*) FROM jobs"):
            return
        await asyncio.sleep(0.05)
    raise AssertionError


async def test_a_list_of_members_is_read_once(owner: PlainConnection) -> None:
    """However the table is read: its size is what PostgreSQL knows least while awards are being written."""
    await owner.execute("SET enable_indexscan = off; SET enable_bitmapscan = off; SET enable_indexonlyscan = off")
    try:
        plan = "\n".join(row[0] for row in await owner.fetch(f"EXPLAIN {queries.AWARDS}", "{1,2}"))
    finally:
        await owner.execute("RESET enable_indexscan; RESET enable_bitmapscan; RESET enable_indexonlyscan")
    assert "Seq Scan" in plan
    assert "InitPlan" in plan
    assert "text" not in plan.split("Filter")[1].split("\n")[0]
