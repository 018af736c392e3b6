"""What has to hold when all is at rest: what is derived says what it is derived of, and all of it what clients know."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date, timedelta

from api.postgres.engine import PlainConnection
from tests.members.counters import assert_counters
from tests.soak.model import Model, Standing
from tests.soak.world import BY_HAND, is_of_files

STATS = ("messages", "voice_seconds", "reactions", "commands")
Key = tuple[int, int]

_COUNTS = {
    "member_counts": (
        "SELECT guild_id, count(*) FROM members GROUP BY 1",
        "SELECT guild_id, members FROM member_counts WHERE members <> 0",
    ),
    "achievement_counts": (
        "SELECT achievement_id, guild_id, count(*) FROM achievement_awards WHERE revoked_at IS NULL GROUP BY 1, 2",
        "SELECT achievement_id, guild_id, awarded FROM achievement_counts WHERE awarded <> 0",
    ),
    "custom_stats": (
        "SELECT guild_id, user_id, stat, sum(value) FROM custom_stat_days WHERE user_id <> 0"
        " GROUP BY 1, 2, 3 HAVING sum(value) <> 0",
        "SELECT guild_id, user_id, stat, value FROM custom_stats WHERE value <> 0",
    ),
}  # fmt: skip
_SUMS = "sum(messages), sum(voice_seconds), sum(reactions), sum(commands), sum(xp)"
_DAYS = f"SELECT guild_id, user_id, {_SUMS} FROM activity_days GROUP BY 1, 2"
_HOURS = f"SELECT guild_id, user_id, {_SUMS} FROM activity_hours GROUP BY 1, 2"
_MEMBERS = "SELECT guild_id, user_id, messages, voice_seconds, reactions, commands, xp FROM members"


async def assert_derived(owner: PlainConnection) -> None:
    """Boards, counters, counts, days, hours, runs of days: each counted afresh."""
    await assert_counters(owner)
    for name, (afresh, kept) in _COUNTS.items():
        assert await _rows(owner, kept) == await _rows(owner, afresh), name
    days, hours = await _sums(owner, _DAYS), await _sums(owner, _HOURS)
    assert hours == days
    for key, numbers in (await _sums(owner, _MEMBERS)).items():
        if not is_of_files(key[1]):
            assert days.get(key, (0,) * 5) == numbers, key
    await _assert_streaks(owner)


async def _assert_streaks(owner: PlainConnection) -> None:
    found: dict[Key, list[date]] = {}
    for row in await owner.fetch("SELECT guild_id, user_id, day FROM activity_days WHERE events > 0 ORDER BY day"):
        found.setdefault((row["guild_id"], row["user_id"]), []).append(row["day"])
    for row in await owner.fetch("SELECT guild_id, user_id, streak_from, streak_to, streak_best FROM members"):
        runs = list(_runs(found.get((row["guild_id"], row["user_id"]), [])))
        best = max(((last - first).days + 1 for first, last in runs), default=0)
        latest = runs[-1] if runs else (None, None)
        assert (row["streak_from"], row["streak_to"], row["streak_best"]) == (*latest, best), dict(row)


def _runs(days: Iterable[date]) -> Iterable[tuple[date, date]]:
    first = last = None
    for day in days:
        if last is not None and first is not None and day != last + timedelta(days=1):
            yield first, last
            first = None
        first, last = first or day, day
    if first is not None and last is not None:
        yield first, last


async def assert_known(owner: PlainConnection, models: list[Model]) -> None:
    """What was acknowledged counts once: members, sums of guilds, entries in the audit log."""
    rows = {(row["guild_id"], row["user_id"]): row for row in await owner.fetch("SELECT * FROM members")}
    stats = {
        (row["guild_id"], row["user_id"]): row["value"]
        for row in await owner.fetch("SELECT * FROM custom_stats WHERE stat = 'duels'")
    }
    rewards = {
        (row["guild_id"], row["user_id"]): int(row["xp"])
        for row in await owner.fetch("SELECT guild_id, user_id, sum(xp) AS xp FROM achievement_awards GROUP BY 1, 2")
    }
    known = {key: standing for model in models for key, standing in model.standings.items()}
    assert rows.keys() == {key for key, standing in known.items() if standing.is_there}
    for key, row in rows.items():
        standing = known[key]
        assert {name: row[name] for name in STATS} == {name: standing.stats[name] for name in STATS}, key
        assert stats.get(key, 0) == standing.stats["duels"], key
        assert row["xp"] == standing.xp + rewards.get(key, 0), (key, standing, rewards.get(key))
    await _assert_sums(owner, models)
    await _assert_by_hand(owner, known)
    await _assert_audited(owner, models)


async def _assert_sums(owner: PlainConnection, models: list[Model]) -> None:
    """A guild's own: what was of people who are gone stays in them."""
    days = await _sums(owner, _DAYS)
    for guild_id in models[0].sums:
        expected = sum((model.sums[guild_id] for model in models), Counter[str]())
        found = days.get((guild_id, 0), (0,) * 5)
        assert dict(zip(STATS, found, strict=False)) == {name: expected[name] for name in STATS}, guild_id


async def _assert_by_hand(owner: PlainConnection, known: Mapping[Key, Standing]) -> None:
    rows = await owner.fetch(
        "SELECT w.guild_id, w.user_id FROM achievement_awards w JOIN achievements a ON a.id = w.achievement_id"
        " WHERE a.key = $1 AND w.revoked_at IS NULL",
        BY_HAND,
    )
    assert {tuple(row) for row in rows} == {key for key, standing in known.items() if standing.has_by_hand}


async def _assert_audited(owner: PlainConnection, models: list[Model]) -> None:
    rows = await owner.fetch("SELECT reason, count(*) FROM audit_log WHERE reason LIKE 'soak %' GROUP BY 1")
    found = {row[0]: row[1] for row in rows}
    expected = sum((model.audited for model in models), Counter[str]())
    wrong = {reason: (found.get(reason, 0), count) for reason, count in expected.items() if found.get(reason) != count}
    assert not wrong, "entries that are there, and that have to be"
    for model in models:
        assert not model.audited_somehow - found.keys(), "what has no entry at all"
        assert not model.silent & found.keys(), "what changed nothing"


async def assert_stream(owner: PlainConnection, models: list[Model], followers: list[list[int]]) -> None:
    """Positions without a gap, read by everybody in order and once; levels that follow each other, up to
    what members have."""
    rows = await owner.fetch("SELECT position, guild_id, user_id, type, data FROM stream_events ORDER BY position")
    positions = [row["position"] for row in rows]
    assert positions == list(range(1, len(positions) + 1))
    for ids in followers:
        assert ids == positions
    anew = {key for model in models for key, standing in model.standings.items() if standing.began_anew}
    levels: dict[Key, list[tuple[int, int]]] = {}
    for row in rows:
        key = (row["guild_id"], row["user_id"])
        if key[1] is not None and key not in anew and row["type"] in ("member.level_up", "member.level_changed"):
            data = row["data"]
            levels.setdefault(key, []).append((data["from_level"], data["to_level"]))
    for key, steps in levels.items():
        if not is_of_files(key[1] or 0):
            assert [low for low, _ in steps] == [0, *(high for _, high in steps[:-1])], (key, steps)
    for guild_id, user_id, xp in await owner.fetch("SELECT guild_id, user_id, xp FROM members"):
        key = (guild_id, user_id)
        if not is_of_files(user_id) and key not in anew:
            announced = levels[key][-1][1] if key in levels else 0
            assert announced == _level(xp), (key, xp, levels.get(key))


def _level(xp: int) -> int:
    """By MEE6's published total of a level."""
    return next(
        level for level in range(1000) if 5 * (level + 1) * (2 * (level + 1) ** 2 + 27 * (level + 1) + 91) > 6 * xp
    )


async def _rows(owner: PlainConnection, statement: str) -> set[tuple[object, ...]]:
    return {tuple(row) for row in await owner.fetch(statement)}


async def _sums(owner: PlainConnection, statement: str) -> dict[Key, tuple[int, ...]]:
    rows = [tuple(map(int, row)) for row in await owner.fetch(statement)]
    return {(row[0], row[1]): row[2:] for row in rows if any(row[2:])}
