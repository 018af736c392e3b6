"""Tombstones: they keep late data from bringing back a person who was erased, or who left a guild that resets members.

A tombstone is a salted hash of the person, stored for as long as events may come late. Code that counts old data leaves
out people who were erased since. Code that inserts a member checks again afterwards (`refuse_erased`,
`refuse_standings_of_erased`), because the person may have been erased in between.

An event belongs to the time when it happened; XP and awards by hand belong to now. Imported XP belongs to the time of
the request for the import: it brings back people who had left by then, but nobody who was erased."""

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime, timedelta

from api.lib.arrays import columns
from api.members.standings import Key, MembersChanged, Standing
from api.postgres.database import Connection

# An event is too old after seven days; a day more for clocks that differ.
KEPT = timedelta(days=8)


# Joins `t`, the tombstones, to `{e}`, rows with a guild and a user. Checking first whether there are any tombstones
# saves the hashes of everybody. OFFSET keeps the planner from comparing each tombstone with each row.
TOMBSTONES = """
    LATERAL (
        SELECT erased_at, only_left FROM erased_people
        WHERE digest = sha256((SELECT salt FROM erasure_salt) || int8send({e}.user_id))
            AND guild_id IN (0, {e}.guild_id)
        OFFSET 0
    ) AS t ON (SELECT EXISTS (SELECT FROM erased_people))
"""

_SINCE = f"""
    SELECT e.guild_id, e.user_id, max(t.erased_at)
    FROM unnest($1::text::bigint[], $2::text::bigint[]) AS e (guild_id, user_id) JOIN {TOMBSTONES.format(e="e")}
    GROUP BY e.guild_id, e.user_id
"""

# Those of these people ($2) whose standings in guild $1 an import that was requested at $3 must not store.
OF_STANDINGS = f"""
    SELECT DISTINCT e.user_id FROM (SELECT $1::bigint AS guild_id, unnest($2::bigint[]) AS user_id) AS e
    JOIN {TOMBSTONES.format(e="e")} AND (NOT t.only_left OR t.erased_at > $3::timestamptz)
"""

_SET_UP = """
    INSERT INTO erased_people AS t (digest, guild_id, erased_at, only_left)
    SELECT sha256(s.salt || int8send($1::bigint)), guild_id, $3::timestamptz, $4::boolean
    FROM erasure_salt s, unnest($2::bigint[]) AS guild_id ORDER BY guild_id
    ON CONFLICT (digest, guild_id) DO UPDATE SET
        erased_at = greatest(t.erased_at, EXCLUDED.erased_at), only_left = t.only_left AND EXCLUDED.only_left
"""


class ErasedMeanwhile(MembersChanged):
    """A person whom this transaction was about to make a member was erased: start it again."""


async def set_up(
    connection: Connection, user_id: int, guild_ids: Collection[int], at: datetime, *, only_left: bool
) -> None:
    """Stores tombstones of a person: from now on, nothing before this time is counted in these guilds (or
    `INSTALLATION`). Call it with the person's lock or with the member locked, so that nobody can insert the member
    meanwhile."""
    await connection.execute(_SET_UP, user_id, list(guild_ids), at, only_left)


async def erased_since(connection: Connection, keys: Iterable[Key]) -> dict[Key, datetime]:
    """Those of these people who were erased, with the times."""
    rows = await connection.fetch(_SINCE, *columns(list(keys), 2))
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
    if made and await connection.fetch(OF_STANDINGS, guild_id, made, asked_at):
        raise ErasedMeanwhile


def _made(standings: Mapping[Key, Standing]) -> list[Key]:
    """The standings that this transaction has inserted, as far as can be known."""
    return [key for key, each in standings.items() if each.first_seen_at is None and each.last_active_at is None]
