"""Every definition for every member afresh: nobody lacks what they meet, and the stream has each once."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import asyncpg

from api.members.levels import level_curve
from api.postgres.engine import PlainConnection
from api.settings.builtin.leveling import LevelingSettings
from tests.soak.model import Model
from tests.soak.world import BY_HAND, STANDINGS, Json, is_of_files

Key = tuple[int, int]

_UNLOCKED = "SELECT guild_id, user_id, data FROM stream_events WHERE type = 'achievement.unlocked' AND user_id <> 0"


class Afresh:
    """All that conditions look at, read once."""

    def __init__(self, days: dict[Key, dict[date, Counter[str]]], custom: dict[Key, dict[str, int]]) -> None:
        self._days, self._custom = days, custom
        self._level_curve = level_curve(LevelingSettings().curve, None)
        self._today = datetime.now(UTC).date()

    def meets(self, member: asyncpg.Record, condition: Json) -> bool:
        return self._value(member, condition) >= int(condition["gte"])

    def _value(self, member: asyncpg.Record, condition: Json) -> int:
        key, stat = (member["guild_id"], member["user_id"]), condition["stat"]
        if "within" in condition and condition["within"] is not None:
            first = self._today - timedelta(days=int(condition["within"][:-1]) - 1)
            return sum(counted[stat] for day, counted in self._days.get(key, {}).items() if day >= first)
        if stat == "level":
            return self._level_curve.level(member["xp"])
        if stat == "streak":
            return int(member["streak_best"])
        if stat == "duels":
            return self._custom.get(key, {}).get("duels", 0)
        return int(member[stat])


async def assert_awards(owner: PlainConnection, models: list[Model]) -> None:
    definitions = await owner.fetch("SELECT * FROM achievements WHERE deleted_at IS NULL")
    keys = {row["id"]: row["key"] for row in definitions}
    awards = await owner.fetch("SELECT guild_id, user_id, achievement_id FROM achievement_awards")
    had: dict[Key, set[str]] = {}
    for row in awards:
        had.setdefault((row["guild_id"], row["user_id"]), set()).add(keys[row["achievement_id"]])
    assert len(awards) == sum(map(len, had.values()))
    afresh = await _read(owner)
    for member in await owner.fetch("SELECT * FROM members"):
        key = (member["guild_id"], member["user_id"])
        theirs = had.get(key, set())
        for row in definitions:
            if row["guild_id"] not in (None, key[0]) or key[1] % 1000 == STANDINGS:
                continue
            condition = row["condition"]
            before = set(row["prerequisites"])
            if before <= theirs and afresh.meets(member, condition):
                assert row["key"] in theirs, (key, row["key"], dict(member))
    await _assert_announced_once(owner, models, had)


async def _assert_announced_once(owner: PlainConnection, models: list[Model], had: dict[Key, set[str]]) -> None:
    anew = {key for model in models for key, standing in model.standings.items() if standing.began_anew}
    announced: dict[Key, Counter[str]] = {}
    for row in await owner.fetch(_UNLOCKED):
        announced.setdefault((row["guild_id"], row["user_id"]), Counter())[row["data"]["achievement"]] += 1
    for key in had.keys() | announced.keys():
        if key not in anew and not is_of_files(key[1]):
            expected = dict.fromkeys(had.get(key, set()) - {BY_HAND}, 1)
            found = {each: count for each, count in announced.get(key, Counter()).items() if each != BY_HAND}
            assert found == expected, key


async def _read(owner: PlainConnection) -> Afresh:
    days: dict[Key, dict[date, Counter[str]]] = {}
    for row in await owner.fetch("SELECT guild_id, user_id, day, messages FROM activity_days WHERE user_id <> 0"):
        days.setdefault((row["guild_id"], row["user_id"]), {})[row["day"]] = Counter(messages=row["messages"])
    custom: dict[Key, dict[str, int]] = {}
    for row in await owner.fetch("SELECT guild_id, user_id, stat, value FROM custom_stats"):
        custom.setdefault((row["guild_id"], row["user_id"]), {})[row["stat"]] = row["value"]
    return Afresh(days, custom)
