"""Stores what members are called, in the transaction of whoever says so, and looks it up.

Whoever stores names has locked the members before: so names need no lock of their own, and `names_digest` of a locked
standing says truly what is stored. Names that are known already cost no statement."""

from collections.abc import Iterable, Mapping

from msgspec import UNSET

from api.lib.arrays import columns
from api.members import queries
from api.members.names import LAST, UNKNOWN, GivenNames, Names, folded, merged, missing
from api.members.standings import Key, Standing
from api.postgres.database import Connection


class KnownNames:
    """The names of some members, while a transaction answers for them. What was stored in this transaction is known;
    the rest is read once, and never of members without names."""

    def __init__(self) -> None:
        self._known: dict[Key, Names] = {}

    def of(self, key: Key) -> Names:
        return self._known.get(key, UNKNOWN)

    def learn(self, key: Key, given: GivenNames) -> None:
        """Makes known what would be stored."""
        self._known[key], _ = merged(self.of(key), given)

    def learn_if_stored(self, key: Key, given: GivenNames, digest: int) -> bool:
        """Makes the names known if they are what is stored, by its digest; else False."""
        names, found = merged(UNKNOWN, given)
        if found != digest:
            return False
        self._known[key] = names
        return True

    async def look_up(self, connection: Connection, standings: Iterable[Standing]) -> None:
        """Makes the names of these members known."""
        keys = ((each.guild_id, each.user_id) for each in standings if each.names_digest)
        self._known |= await _stored(connection, [key for key in keys if key not in self._known])

    async def store(
        self,
        connection: Connection,
        standings: Mapping[Key, Standing],
        given: Mapping[Key, GivenNames],
        *,
        only_missing: bool = False,
    ) -> set[Key]:
        """Stores the names of locked members where they differ from what is stored. Returns who they are. Of people who
        have opted out nothing may be given. `only_missing`: what is known stays. Done twice, the second time changes
        nothing."""
        partly = [
            key for key, each in given.items() if standings[key].names_digest and (only_missing or not _is_whole(each))
        ]
        self._known |= await _stored(connection, [key for key in partly if key not in self._known])
        changed: dict[Key, tuple[Names, int]] = {}
        for key, each in given.items():
            names, digest = merged(self.of(key), missing(self.of(key), each) if only_missing else each)
            self._known[key] = names
            if digest != standings[key].names_digest:
                changed[key] = names, digest
                standings[key].names_digest = digest
        if changed:
            rows = [_row(key, names, digest) for key, (names, digest) in changed.items()]
            await connection.execute(queries.STORE_NAMES, *columns(rows, 8))
        return set(changed)


NONE = KnownNames()  # where nobody is named


def _is_whole(given: GivenNames) -> bool:
    return UNSET not in (given.username, given.display_name, given.avatar)


def _row(key: Key, names: Names, digest: int) -> tuple[object, ...]:
    return (
        *key,
        digest,
        names.username,
        names.display_name,
        names.avatar,
        None if names.username is None else folded(names.username),
        LAST if names.display_name is None else folded(names.display_name),
    )


async def _stored(connection: Connection, keys: list[Key]) -> dict[Key, Names]:
    rows = await connection.fetch(queries.NAMES, *columns(keys, 2)) if keys else []
    return {(row[0], row[1]): Names(row[2], row[3], row[4]) for row in rows}
