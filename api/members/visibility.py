"""Visibility: hidden people are on no board of any guild."""

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
    """Takes the people's advisory locks alone, until the transaction ends. Nobody is inserting them as members then,
    and whoever does so afterwards sees this transaction's changes. Call it first in the transaction."""
    await connection.execute(queries.LOCK_PEOPLE, list(user_ids))


async def set_hidden(connection: Connection, user_ids: Collection[int], at: datetime | None) -> None:
    """Hides these people since `at`, or shows them again (None), and updates the counters of ranks of all their guilds.
    Call it in a transaction. Done twice, the second time changes nothing: people who are hidden keep their time."""
    ids = sorted(set(user_ids))
    await lock_people(connection, ids)
    await connection.execute(queries.CHOOSE_VISIBILITY, ids, at)
    await connection.execute(queries.LOCK_EVERYWHERE, ids)
    await connection.execute(queries.RANK_ANEW, ids, at, _DEFAULT_ON_LEAVE)


async def hide(connection: Connection, actor: Actor, user_ids: Collection[int], at: datetime) -> None:
    """Hides these people since `at`, with an entry in the audit log for each who was not hidden. Call it first in a
    transaction."""
    await lock_people(connection, sorted(set(user_ids)))
    hidden = {row[0] for row in await connection.fetch(queries.HIDDEN, list(user_ids))}
    if fresh := sorted(set(user_ids) - hidden):
        await set_hidden(connection, fresh, at)
        changes = {"visibility": Change("public", "hidden")}
        await record_each(
            connection, actor, None, [("user.privacy_changed", str(user_id), changes) for user_id in fresh]
        )
