"""Looks up what conditions ask for and a member's row does not tell: a fixed number of statements for any number
of members."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta

import msgspec

from api.achievements import queries
from api.achievements.conditions import COUNTED, Measure
from api.lib.arrays import columns
from api.members.ledger import Key
from api.postgres.database import Connection


class Asked(msgspec.Struct, frozen=True):
    """Whose numbers: a member, and which day it is in their guild."""

    guild_id: int
    user_id: int
    today: date


async def look_up(
    connection: Connection, asked: Sequence[Asked], sought: Collection[Measure]
) -> Mapping[Key, dict[Measure, int]]:
    """The values of these measures, of which none is `is_at_hand`, by member; those that are 0 may be left out."""
    found: dict[Key, dict[Measure, int]] = {(each.guild_id, each.user_id): {} for each in asked}
    if not asked:
        return found
    totals = sorted({measure.stat for measure in sought if not measure.days})
    built_in = [measure for measure in sought if measure.days and measure.stat in COUNTED]
    custom = [measure for measure in sought if measure.days and measure.stat not in COUNTED]
    if totals or built_in:
        for row in await connection.fetch(queries.UNTOLD, *_window(asked, built_in), totals):
            theirs, days = found[row["guild_id"], row["user_id"]], row["days"]
            if not days:
                theirs[Measure(row["stat"])] = row["value"]
                continue
            for stat in COUNTED:
                theirs[Measure(stat, days)] = row[stat]
    if custom:
        stats = sorted({measure.stat for measure in custom})
        for row in await connection.fetch(queries.STAT_WINDOWS, *_window(asked, custom), stats):
            found[row["guild_id"], row["user_id"]][Measure(row["stat"], row["days"])] = row["value"]
    return found


def _window(asked: Sequence[Asked], sought: Collection[Measure]) -> tuple[object, ...]:
    days = sorted({measure.days for measure in sought})
    longest = days[-1] if days else 0
    latest = max(each.today for each in asked)
    earliest = min(each.today for each in asked) - timedelta(days=longest)
    rows = [(each.guild_id, each.user_id, each.today) for each in asked]
    return (*columns(rows, 3), days, longest, earliest, latest)
