"""Days, hours, custom stats by day and event ids of an export, by the mode of the import."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date

from api.activity.event_keys import key_of
from api.imports import restore_queries as sql
from api.imports.lines import DayLine, EventIds, HourLine, StatDayLine
from api.imports.work import Work
from api.members.ledger import GUILD
from api.members.leveling_config import LevelingConfig
from api.members.totals import note_rewritten
from api.postgres.database import Connection
from api.postgres.partitions import IMPORTED, PartitionedTable, week_of

_AMOUNTS = ("xp", "messages", "voice_seconds", "reactions", "commands")
_OF_DAYS = (*_AMOUNTS, "earned_xp", "events")


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
        done = await connection.execute(sql.STORE_IDS, work.guild_id, [week] * len(keys), keys)
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
    statement = sql.store_amounts(work.mode, table, key, amounts)
    done = await connection.execute(statement, work.guild_id, work.dry_run, *zip(*last.values(), strict=True))
    return int(done.split()[-1])
