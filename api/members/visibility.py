"""Visibility: hidden people are on no board of any guild, and only some see them."""

from collections.abc import Collection, Iterable
from datetime import datetime

from api.audit.service import record_each
from api.auth.actors import Actor
from api.errors import NotFound
from api.lib.diff import Change
from api.members import visibility_queries as queries
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
    if fresh := sorted(set(user_ids) - await hidden_among(connection, user_ids)):
        await set_hidden(connection, fresh, at)
        changes = {"visibility": Change("public", "hidden")}
        await record_each(
            connection, actor, None, [("user.privacy_changed", str(user_id), changes) for user_id in fresh]
        )


async def hidden_among(connection: Connection, user_ids: Iterable[int]) -> set[int]:
    """Those of these people who are hidden."""
    return {row[0] for row in await connection.fetch(queries.HIDDEN, list(user_ids))}


async def hidden_from(connection: Connection, seen: int | None, user_ids: Iterable[int]) -> set[int]:
    """Those of these people who are hidden from an actor with this `hidden_seen`. No statement if it sees all."""
    return set() if seen is None else await hidden_among(connection, user_ids) - {seen}


async def opted_out_among(connection: Connection, user_ids: Iterable[int]) -> set[int]:
    """Those of these people who have opted out."""
    return {row[0] for row in await connection.fetch(queries.OPTED_OUT, list(user_ids))}


async def known_xp(connection: Connection, actor: Actor, guild_id: int, user_id: int) -> int | None:
    """The XP of a member, None of somebody unknown. Raises `NotFound` for someone whom the actor may not see: who
    may not see hidden people gets the same answer for somebody unknown."""
    row = await connection.fetchrow(queries.MEMBER, guild_id, user_id)
    assert row is not None  # it is there for everybody
    if (row["is_hidden"] or row["xp"] is None) and not actor.sees_hidden(user_id):
        raise NotFound
    xp: int | None = row["xp"]
    return xp


async def refuse_hidden(connection: Connection, actor: Actor, guild_id: int, user_id: int) -> None:
    """Raises `NotFound` for someone whom the actor may not see, before anything is done to them. So nobody makes a
    member of somebody unknown but who would see them if they were there and hidden."""
    if not actor.sees_hidden(user_id):
        await known_xp(connection, actor, guild_id, user_id)
