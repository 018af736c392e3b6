"""Late days: days that lie before the latest run of a member, and the streaks that they join."""

from collections.abc import Sequence

from api.activity import queries
from api.activity.counting import Late
from api.members.ledger import Ledger
from api.postgres.database import Connection

_NONE: tuple[tuple[()], ...] = ((), (), ())


async def fill(connection: Connection, late: Sequence[Late], ledger: Ledger) -> None:
    """Joins late days, which lie before a member's latest run, with the runs that they touch. The ledger is not stored
    yet."""
    standings = {each.standing.id: each.standing for each in late}
    rows = {
        (standing.id, standing.guild_id, standing.user_id, each.day, standing.streak_from)
        for each in late
        for standing in (each.standing,)
    }
    own = ledger.active_days({(standing.guild_id, standing.user_id) for standing in standings.values()})
    skipped = {(each.standing.guild_id, each.standing.user_id, day) for each in late for day in each.skipped}
    arguments = (*zip(*rows, strict=True), *zip(*own, strict=True), *(zip(*skipped, strict=True) if skipped else _NONE))
    for row in await connection.fetch(queries.FILL, *arguments):
        standing = standings[row["id"]]
        standing.streak_best = max(standing.streak_best, row["best"])
        if row["joined"] is not None and standing.streak_from is not None:
            standing.streak_from = min(standing.streak_from, row["joined"])
