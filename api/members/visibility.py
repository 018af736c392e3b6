"""Who is hidden: on no board of any guild."""

from collections.abc import Collection
from datetime import datetime

from api.audit.service import record_each
from api.auth.actors import Actor
from api.lib.diff import Change
from api.members import queries
from api.postgres.database import Connection
from api.settings.builtin.leveling import LevelingSettings

_DEFAULT_ON_LEAVE = LevelingSettings().on_leave


async def lock_people(connection: Connection, user_ids: Collection[int]) -> None:
    """Waits until nobody is making these people members of a guild; who makes them after that sees what this
    transaction did. Call it before anything else."""
    await connection.execute(queries.LOCK_PEOPLE, list(user_ids))


async def set_hidden(connection: Connection, user_ids: Collection[int], at: datetime | None) -> None:
    """Hides these people since then, or (None) shows them again, with the counters of ranks of all their guilds.
    Call it in a transaction. Done twice, the second time changes nothing; who is hidden already stays so since
    when they were."""
    ids = sorted(set(user_ids))
    await lock_people(connection, ids)
    await connection.execute(queries.CHOOSE_VISIBILITY, ids, at)
    await connection.execute(queries.LOCK_EVERYWHERE, ids)
    await connection.execute(queries.RANK_ANEW, ids, at, _DEFAULT_ON_LEAVE)


async def hide(connection: Connection, actor: Actor, user_ids: Collection[int], at: datetime) -> None:
    """Hides these people since then, with an entry of the audit log for each who was not hidden. Call it in a
    transaction, before anything else."""
    await lock_people(connection, sorted(set(user_ids)))
    hidden = {row[0] for row in await connection.fetch(queries.HIDDEN, list(user_ids))}
    if fresh := sorted(set(user_ids) - hidden):
        await set_hidden(connection, fresh, at)
        changes = {"visibility": Change("public", "hidden")}
        await record_each(
            connection, actor, None, [("user.privacy_changed", str(user_id), changes) for user_id in fresh]
        )
