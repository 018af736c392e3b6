"""Tombstones: they keep late data from bringing back a person who was erased, or who left a guild that resets members.

A tombstone is a salted hash of the person, stored for as long as events may come late. Code that counts old data leaves
out people who were erased since. Code that inserts a member checks again afterwards (`refuse_erased`,
`refuse_standings_of_erased`), because the person may have been erased in between.

An event belongs to the time when it happened; XP and awards by hand belong to now. Imported XP belongs to the time of
the request for the import: it brings back people who had left by then, but nobody who was erased."""

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime, timedelta

from api.lib.arrays import columns
from api.members import queries
from api.members.standings import Key, MembersChanged, Standing
from api.postgres.database import Connection

# An event is too old after seven days; a day more for clocks that differ.
KEPT = timedelta(days=8)


class ErasedMeanwhile(MembersChanged):
    """A person whom this transaction was about to make a member was erased: start it again."""


async def set_up(
    connection: Connection, user_id: int, guild_ids: Collection[int], at: datetime, *, only_left: bool
) -> None:
    """Stores tombstones of a person: from now on, nothing before this time is counted in these guilds (or
    `INSTALLATION`). Call it with the person's lock or with the member locked, so that nobody can insert the member
    meanwhile."""
    await connection.execute(queries.SET_UP_TOMBSTONES, user_id, list(guild_ids), at, only_left)


async def erased_since(connection: Connection, keys: Iterable[Key]) -> dict[Key, datetime]:
    """Those of these people who were erased, with the times."""
    rows = await connection.fetch(queries.ERASED_SINCE, *columns(list(keys), 2))
    return {(row[0], row[1]): row[2] for row in rows}


async def refuse_erased(
    connection: Connection, standings: Mapping[Key, Standing], oldest: Callable[[], Mapping[Key, datetime]]
) -> None:
    """Raises `ErasedMeanwhile` if a standing that this transaction inserted belongs to a person who was erased. Call it
    with the standings locked. `oldest`: the time of each member's first event to count; later than the erasure, it
    counts."""
    if made := _made(standings):
        erased = await erased_since(connection, made)
        if erased and any(oldest()[key] < erased_at for key, erased_at in erased.items()):
            raise ErasedMeanwhile


async def refuse_standings_of_erased(
    connection: Connection, guild_id: int, standings: Mapping[Key, Standing], asked_at: datetime
) -> None:
    """As `refuse_erased`, for imported standings: `asked_at` is the time of the request for the import."""
    made = [user_id for _, user_id in _made(standings)]
    if made and await connection.fetch(queries.ERASED_STANDINGS, guild_id, made, asked_at):
        raise ErasedMeanwhile


def _made(standings: Mapping[Key, Standing]) -> list[Key]:
    """The standings that this transaction has inserted, as far as can be known."""
    return [key for key, each in standings.items() if each.first_seen_at is None and each.last_active_at is None]
