"""Standings: members' rows, locked to be changed through the ledger (`api.members.ledger`)."""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any

import asyncpg
import msgspec

from api.lib.arrays import columns
from api.members import ledger_queries as sql
from api.postgres.database import Connection

Key = tuple[int, int]  # guild, user


class MembersChanged(Exception):
    """Members have changed since this transaction read them: start it again."""


class Standing(msgspec.Struct):
    """A member's locked row: the columns of `ledger_queries.COLUMNS`. After a change, call `Ledger.touch`."""

    id: int
    guild_id: int
    user_id: int
    xp: int
    messages: int
    voice_seconds: int
    reactions: int
    commands: int
    last_xp_at: datetime | None
    streak_from: date | None
    streak_to: date | None
    streak_best: int
    first_seen_at: datetime | None
    last_active_at: datetime | None
    left_at: datetime | None
    is_ranked: bool
    names_digest: int  # of their names; 0: none are known
    was_ranked: bool
    before: tuple[int, ...] = ()  # the numbers of the boards: XP and the four stats

    def __post_init__(self) -> None:
        self.before = self.on_boards()
        # asyncpg says infinity by a time without a zone. Written out, since it runs for every member that is read.
        if (at := self.last_xp_at) is not None and at.tzinfo is None:
            self.last_xp_at = at.replace(tzinfo=UTC)
        if (at := self.first_seen_at) is not None and at.tzinfo is None:
            self.first_seen_at = at.replace(tzinfo=UTC)
        if (at := self.last_active_at) is not None and at.tzinfo is None:
            self.last_active_at = at.replace(tzinfo=UTC)
        if (at := self.left_at) is not None and at.tzinfo is None:
            self.left_at = at.replace(tzinfo=UTC)

    def on_boards(self) -> tuple[int, ...]:
        """XP, messages, voice seconds, reactions and commands, in the order of the boards' numbers."""
        return self.xp, self.messages, self.voice_seconds, self.reactions, self.commands


async def lock(
    connection: Connection, keys: Iterable[Key], held: dict[Key, Standing] | None = None
) -> dict[Key, Standing]:
    """Locks the standings of these members until the transaction ends; inserts missing ones. All transactions lock in
    the same order, so none deadlocks. Lock a member once in a transaction. `held`: the members that are locked already,
    in this order, if none was missing. Raises `MembersChanged`, but never for a single member."""
    ordered = sorted(set(keys))
    if not ordered:
        return {}
    is_lacking = False
    if held:
        found = held
    else:
        arguments = columns(ordered, 2)
        # No member may be locked before the missing ones are inserted, so the first look takes no lock.
        is_lacking = await connection.fetchval(sql.LACKING, *arguments)
        if is_lacking:
            await connection.execute(sql.LOCK_PEOPLE_SHARED, *arguments)
        statement = sql.MAKE if is_lacking else sql.LOCK
        found = by_key(await connection.fetch(statement, *arguments))
    if missing := [key for key in ordered if key not in found]:  # removed, or made by somebody else, just now
        if found and not is_lacking:  # removed: inserting them now, with the others locked, would break the order
            raise MembersChanged
        await connection.execute(sql.LOCK_PEOPLE_SHARED, *columns(missing, 2))
        found |= by_key(await connection.fetch(sql.MAKE, *columns(missing, 2)))
        found |= await read(connection, [key for key in missing if key not in found])
    return found


async def read(connection: Connection, keys: Iterable[Key]) -> dict[Key, Standing]:
    """The present standings of these members, as far as they exist. Locks nothing."""
    ordered = list(keys)
    return by_key(await connection.fetch(sql.READ, *columns(ordered, 2))) if ordered else {}


def by_key(rows: Iterable[tuple[Any, ...] | asyncpg.Record]) -> dict[Key, Standing]:  # Any: a standing's columns
    """Standings from rows with a standing's columns, by member."""
    return {(row[1], row[2]): Standing(*row) for row in rows}
