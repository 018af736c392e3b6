"""The members whom a file names: locked, and with the names that the file gives them."""

from collections.abc import Iterable
from typing import NamedTuple

from api.imports.work import Work
from api.members.names import GivenNames, over
from api.members.naming import KnownNames
from api.members.standings import Key, Standing, lock
from api.members.tombstones import refuse_standings_of_erased
from api.postgres.database import Connection


class NamedMembers(NamedTuple):
    """`renamed`: the members whose names changed."""

    standings: dict[Key, Standing]
    names: KnownNames
    renamed: set[Key]


async def lock_named(connection: Connection, work: Work, lines: Iterable[tuple[int, GivenNames]]) -> NamedMembers:
    """Locks the members, makes missing ones, and stores their names. If lines of one member differ, the last one that
    has a name counts. Raises `MembersChanged`, `ErasedMeanwhile`."""
    given: dict[Key, GivenNames] = {}
    for user_id, theirs in lines:
        key = work.guild_id, user_id
        given[key] = over(given[key], theirs) if key in given else theirs
    standings = await lock(connection, list(given))
    await refuse_standings_of_erased(connection, work.guild_id, standings, work.asked_at)
    names = KnownNames()
    await names.look_up(connection, standings.values())
    # Standings that are added to, or that have to be higher, may be old.
    renamed = await names.store(connection, standings, given, only_missing=work.mode != "set")
    return NamedMembers(standings, names, renamed)
