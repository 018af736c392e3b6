"""The advisory lock of a guild's activity: shared by requests that record events, exclusive for imports.

The ids of an import are not visible before its commit, so an event with one of them must wait."""

from collections.abc import Iterable

from api.postgres.database import Connection
from api.postgres.plans import LOOK_UP

# A longer wait than elsewhere: many processes may send the same events at the same time.
_WAIT = "4s"
_SETTINGS = f"SET LOCAL lock_timeout = '{_WAIT}'; {LOOK_UP}"

_SPACE = 0x61637469  # "acti"
NAMES = 0x73746174  # "stat"


def share(guild_ids: Iterable[int], *, alone: bool = False) -> str:
    """The statement that locks these guilds until the transaction ends. Send it with BEGIN: later statements then see
    what the former holder committed. `alone`: exclusive."""
    function = "pg_advisory_xact_lock" if alone else "pg_advisory_xact_lock_shared"
    keys = sorted({key_of(guild_id) for guild_id in guild_ids})
    return f"{_SETTINGS}; SELECT " + ", ".join(f"{function}({_SPACE}, {key})" for key in keys)


def name_stats(guild_id: int) -> str:
    """The statement that locks a guild's stat names until the transaction ends. Send it with BEGIN."""
    return f"SET LOCAL lock_timeout = '{_WAIT}'; SELECT pg_advisory_xact_lock({NAMES}, {key_of(guild_id)})"


async def own(connection: Connection, guild_id: int) -> None:
    """Locks a guild exclusively until the transaction ends."""
    await connection.execute(share([guild_id], alone=True))


def key_of(guild_id: int) -> int:
    """The key of a guild's lock: 32 bits, signed. Two guilds with one key only wait for each other."""
    return (guild_id ^ (guild_id >> 31)) % 2**32 - 2**31
