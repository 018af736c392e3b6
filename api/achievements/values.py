"""Looks up the metrics that a member's row does not have: a fixed number of statements for any number of members."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta

import msgspec

from api.achievements import queries
from api.achievements.conditions import COUNTED, Metric
from api.lib.arrays import columns
from api.members.standings import Key
from api.postgres.database import Connection


class MetricRequest(msgspec.Struct, frozen=True):
    """A member whose metrics are looked up. `today`: the present day in the guild's time zone."""

    guild_id: int
    user_id: int
    today: date


async def look_up(
    connection: Connection, asked: Sequence[MetricRequest], sought: Collection[Metric]
) -> Mapping[Key, dict[Metric, int]]:
    """The values of these metrics, of which none is `is_in_row`, by member. Values of 0 may be missing."""
    found: dict[Key, dict[Metric, int]] = {(each.guild_id, each.user_id): {} for each in asked}
    if not asked:
        return found
    totals = sorted({metric.stat for metric in sought if not metric.days})
    built_in = [metric for metric in sought if metric.days and metric.stat in COUNTED]
    custom = [metric for metric in sought if metric.days and metric.stat not in COUNTED]
    if totals or built_in:
        for row in await connection.fetch(queries.TOTALS_AND_WINDOWS, *_window(asked, built_in), totals):
            theirs, days = found[row["guild_id"], row["user_id"]], row["days"]
            if not days:
                theirs[Metric(row["stat"])] = row["value"]
                continue
            for stat in COUNTED:
                theirs[Metric(stat, days)] = row[stat]
    if custom:
        stats = sorted({metric.stat for metric in custom})
        for row in await connection.fetch(queries.STAT_WINDOWS, *_window(asked, custom), stats):
            found[row["guild_id"], row["user_id"]][Metric(row["stat"], row["days"])] = row["value"]
    return found


def _window(asked: Sequence[MetricRequest], sought: Collection[Metric]) -> tuple[object, ...]:
    days = sorted({metric.days for metric in sought})
    longest = days[-1] if days else 0
    latest = max(each.today for each in asked)
    earliest = min(each.today for each in asked) - timedelta(days=longest)
    rows = [(each.guild_id, each.user_id, each.today) for each in asked]
    return (*columns(rows, 3), days, longest, earliest, latest)
