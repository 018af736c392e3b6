"""The lock of a guild's activity: shared by those who record events, held alone by who imports them.

An id that is being imported is not yet to be seen, and an event that bears it must wait."""

from collections.abc import Iterable

from api.postgres.database import Connection

# Longer than others wait: many processes may bring the same events at the same moment, and take turns.
_WAIT = "4s"

# Plans are made once a connection: each of these statements has one plan that is good for any arrays, and to make
# it anew each time costs a small group as much as its work does. A plan that was made when a part was new, and then
# empty, must be good when it has millions of rows: all is looked up by an index, row by row.
_PLANS = {
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_material": "off",
    "enable_bitmapscan": "off",
}
_SETTINGS = "; ".join(f"SET LOCAL {name} = '{value}'" for name, value in {"lock_timeout": _WAIT, **_PLANS}.items())

_SPACE = 0x61637469  # "acti"
NAMES = 0x73746174  # "stat"


def share(guild_ids: Iterable[int], *, alone: bool = False) -> str:
    """A statement that takes the locks of these guilds until the transaction ends. It goes with BEGIN: what
    waits for a lock must look at the tables only afterwards. `alone`: shared with nobody."""
    function = "pg_advisory_xact_lock" if alone else "pg_advisory_xact_lock_shared"
    keys = sorted({key_of(guild_id) for guild_id in guild_ids})
    return f"{_SETTINGS}; SELECT " + ", ".join(f"{function}({_SPACE}, {key})" for key in keys)


def name_stats(guild_id: int) -> str:
    """A statement that takes the lock of the names of a guild's stats until the transaction ends. It goes with
    BEGIN."""
    return f"SET LOCAL lock_timeout = '{_WAIT}'; SELECT pg_advisory_xact_lock({NAMES}, {key_of(guild_id)})"


async def own(connection: Connection, guild_id: int) -> None:
    """Takes a guild's lock alone until the transaction ends."""
    await connection.execute(share([guild_id], alone=True))


def key_of(guild_id: int) -> int:
    """Of a guild. 32 bits, signed: two guilds that share a lock only wait for each other."""
    return (guild_id ^ (guild_id >> 31)) % 2**32 - 2**31
