"""Who is hidden: on no board of any guild."""

from collections.abc import Collection
from datetime import datetime

from api.database import Connection
from api.members import queries
from api.settings.builtin.leveling import LevelingSettings

_DEFAULT_ON_LEAVE = LevelingSettings().on_leave


async def take_turn(connection: Connection, user_ids: Collection[int]) -> None:
    """Waits until nobody is making these people members of a guild; who makes them after that sees what this
    transaction did. Call it before anything else."""
    await connection.execute(queries.TAKE_TURN, list(user_ids))


async def set_hidden(connection: Connection, user_ids: Collection[int], at: datetime | None) -> None:
    """Hides these people since then, or (None) shows them again, with the counters of ranks of all their guilds.
    Call it in a transaction. Done twice, the second time changes nothing; who is hidden already stays so since
    when they were."""
    ids = sorted(set(user_ids))
    await take_turn(connection, ids)
    await connection.execute(queries.CHOOSE_VISIBILITY, ids, at)
    await connection.execute(queries.LOCK_EVERYWHERE, ids)
    await connection.execute(queries.RANK_ANEW, ids, at, _DEFAULT_ON_LEAVE)
