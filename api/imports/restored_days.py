"""Days, hours, custom stats by day and event ids of an export, by the mode of the import."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, timedelta

from api.activity.event_keys import key_of
from api.imports.dtos import Mode
from api.imports.lines import DayLine, EventIds, HourLine, StatDayLine
from api.imports.work import Work
from api.lib.faults import Fault
from api.members.ledger import GUILD
from api.members.leveling_config import LevelingConfig
from api.members.totals import note_rewritten
from api.postgres.database import Connection
from api.postgres.partitions import EARLIEST, IMPORTED, PartitionedTable, week_of

IDS_KEPT = timedelta(days=8)

_AMOUNTS = ("xp", "messages", "voice_seconds", "reactions", "commands")
_OF_DAYS = (*_AMOUNTS, "earned_xp", "events")

# What becomes of an amount that is there.
_MERGED: Mapping[Mode, str] = {
    "set": "EXCLUDED.{name}",
    "add": "t.{name} + EXCLUDED.{name}",
    "max": "greatest(t.{name}, EXCLUDED.{name})",
}

# Of the guild's totals, and of its members: whoever erases somebody asks where they are a member. A rehearsal made
# no members. With a limit: of EXISTS within an OR the planner makes a hash of all members.
_STORE = """
    INSERT INTO {table} AS t ({key}, {amounts})
    SELECT $1, n.* FROM unnest({arrays}) AS n ({names})
    WHERE $2 OR n.user_id = 0 OR (
        SELECT 1 FROM {owners} o WHERE o.guild_id = $1 AND o.user_id = n.user_id{stat} LIMIT 1
    ) = 1
    ON CONFLICT ({key}) DO UPDATE SET {merged} WHERE ({now}) IS DISTINCT FROM ({then})
"""

_IDS = """
    INSERT INTO activity_ids (guild_id, week, id) SELECT $1, * FROM unnest($2::date[], $3::uuid[])
    ON CONFLICT DO NOTHING
"""


def untimely(item: object, today: date) -> Fault | None:
    """What is wrong with when something was: a part of tables would be made for it."""
    place, day = "", today
    match item:
        case DayLine() | StatDayLine():
            place, day = "/day", item.day
        case HourLine():
            place, day = "/hour", item.hour.date()
        case EventIds() if item.week != IMPORTED:
            place, day = "/week", item.week
    if day < EARLIEST:
        return Fault(place, f"is before {EARLIEST}, the first day that can be stored")
    return Fault(place, "is in the future") if day > today + timedelta(days=1) else None


def partitions_for(items: Sequence[object]) -> dict[PartitionedTable, set[date]]:
    """The days that need partitions."""
    wanted: dict[PartitionedTable, set[date]] = {}
    for item in items:
        match item:
            case DayLine():
                wanted.setdefault("activity_days", set()).add(item.day)
            case HourLine():
                wanted.setdefault("activity_hours", set()).add(item.hour.astimezone(UTC).date())
            case StatDayLine():
                wanted.setdefault("custom_stat_days", set()).add(item.day)
            case EventIds():
                wanted.setdefault("activity_ids", set()).add(item.week)
    return wanted


async def restore_days(connection: Connection, work: Work, _config: LevelingConfig, lines: Sequence[DayLine]) -> int:
    rows = [(line.day, int(line.user_id or GUILD), *_amounts(line, _OF_DAYS)) for line in lines]
    if not work.dry_run:
        await note_rewritten(connection, work.guild_id, min(line.day for line in lines))
    return await _store(connection, work, "activity_days", {"day": "date", "user_id": "bigint"}, _OF_DAYS, rows)


async def restore_hours(connection: Connection, work: Work, _config: LevelingConfig, lines: Sequence[HourLine]) -> int:
    rows = [(line.hour, int(line.user_id or GUILD), *_amounts(line, _AMOUNTS)) for line in lines]
    key = {"hour": "timestamptz", "user_id": "bigint"}
    return await _store(connection, work, "activity_hours", key, _AMOUNTS, rows)


async def restore_stat_days(
    connection: Connection, work: Work, _config: LevelingConfig, lines: Sequence[StatDayLine]
) -> int:
    rows = [(line.stat, line.day, int(line.user_id), line.value) for line in lines]
    key = {"stat": "text", "day": "date", "user_id": "bigint"}
    return await _store(connection, work, "custom_stat_days", key, ("value",), rows)


async def restore_ids(connection: Connection, work: Work, _config: LevelingConfig, lines: Sequence[EventIds]) -> int:
    """Gives how many of the lines had an id that is new."""
    changed = 0
    for line in lines:
        week = line.week if line.week == IMPORTED else week_of(line.week)
        keys = sorted([*map(key_of, line.ids), *line.digests])
        done = await connection.execute(_IDS, work.guild_id, [week] * len(keys), keys)
        changed += not done.endswith(" 0")
    return changed


def _amounts(line: object, names: Sequence[str]) -> list[int]:
    return [getattr(line, name) for name in names]


async def _store(
    connection: Connection,
    work: Work,
    table: str,
    key: Mapping[str, str],
    amounts: Sequence[str],
    rows: Sequence[tuple[object, ...]],
) -> int:
    """Stores rows of a key and amounts; gives how many of them changed something. Of rows with the same key
    the last one counts."""
    last = {row[: len(key)]: row for row in rows}
    types = [*key.values(), *["bigint"] * len(amounts)]
    merged = {name: _MERGED[work.mode].format(name=name) for name in amounts}
    statement = _STORE.format(
        table=table,
        key=", ".join(("guild_id", *key)),
        amounts=", ".join(amounts),
        arrays=", ".join(f"${place}::{kind}[]" for place, kind in enumerate(types, start=3)),
        names=", ".join((*key, *amounts)),
        owners="custom_stats" if "stat" in key else "members",
        stat=" AND o.stat = n.stat" if "stat" in key else "",
        merged=", ".join(f"{name} = {expression}" for name, expression in merged.items()),
        now=", ".join(f"t.{name}" for name in amounts),
        then=", ".join(merged.values()),
    )
    done = await connection.execute(statement, work.guild_id, work.dry_run, *zip(*last.values(), strict=True))
    return int(done.split()[-1])
