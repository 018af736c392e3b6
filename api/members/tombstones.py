"""Who was erased, or left a guild that resets those who leave: what comes late of the time before must not bring
them back.

Kept is a salted hash of the person, for as long as events may come late. Whoever counts something old leaves out
those who were erased since; whoever makes a member looks once more afterwards (`refuse_erased`,
`refuse_standings_of_erased`), since the person may have been erased between the two.

Events are of when they came to pass, XP and awards by hand of now. XP that is imported is of when somebody asked for
the import: it brings back who had left by then, and nobody who was erased."""

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime, timedelta

from api.lib.arrays import columns
from api.members.ledger import Key, MembersChanged, Standing
from api.postgres.database import Connection

# An event is too old after seven days; a day more for clocks that differ.
KEPT = timedelta(days=8)


# Joins `t`, the tombstones, to `{e}`, rows with a guild and a user. The one-time look whether there are any spares
# the hashes of everybody.
TOMBSTONES = """
    erased_people t ON (SELECT EXISTS (SELECT FROM erased_people))
        AND t.digest = sha256((SELECT salt FROM erasure_salt) || int8send({e}.user_id))
        AND t.guild_id IN (0, {e}.guild_id)
"""

_SINCE = f"""
    SELECT e.guild_id, e.user_id, max(t.erased_at)
    FROM unnest($1::text::bigint[], $2::text::bigint[]) AS e (guild_id, user_id) JOIN {TOMBSTONES.format(e="e")}
    GROUP BY e.guild_id, e.user_id
"""

# Those of these people ($2) of whom no standing is taken that somebody asked for then ($3), in the guild $1.
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

DROP_OLD = "DELETE FROM erased_people WHERE erased_at < $1"


class ErasedMeanwhile(MembersChanged):
    """Somebody whom this transaction was about to make a member was erased: begin it anew."""


async def set_up(
    connection: Connection, user_id: int, guild_ids: Collection[int], at: datetime, *, only_left: bool
) -> None:
    """From here on nothing of the person that came to pass before then is counted in these guilds (or `INSTALLATION`).
    Call it where nobody can make them a member meanwhile: in turn with those who do, or with the member locked."""
    await connection.execute(_SET_UP, user_id, list(guild_ids), at, only_left)


async def erased_since(connection: Connection, keys: Iterable[Key]) -> dict[Key, datetime]:
    """Those of these people who were erased, and when."""
    rows = await connection.fetch(_SINCE, *columns(list(keys), 2))
    return {(row[0], row[1]): row[2] for row in rows}


async def refuse_erased(
    connection: Connection, standings: Mapping[Key, Standing], oldest: Callable[[], Mapping[Key, datetime]]
) -> None:
    """Call it when the standings are locked. Raises `ErasedMeanwhile` if one that was made just now is of somebody
    who was erased. `oldest` tells when they did the first thing that is to be counted: what they did since is
    theirs."""
    if made := _made(standings):
        erased = await erased_since(connection, made)
        if erased and any(oldest()[key] < erased_at for key, erased_at in erased.items()):
            raise ErasedMeanwhile


async def refuse_standings_of_erased(
    connection: Connection, guild_id: int, standings: Mapping[Key, Standing], asked_at: datetime
) -> None:
    """The same of standings that are imported, as somebody asked for then."""
    made = [user_id for _, user_id in _made(standings)]
    if made and await connection.fetch(OF_STANDINGS, guild_id, made, asked_at):
        raise ErasedMeanwhile


def _made(standings: Mapping[Key, Standing]) -> list[Key]:
    """Those that this transaction has made, as far as can be told."""
    return [key for key, each in standings.items() if each.first_seen_at is None and each.last_active_at is None]
