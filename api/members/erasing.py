"""Takes a member out of a guild for good, the boards and the counters of ranks with them."""

from api.database import Connection
from api.members import queries
from api.members.ledger import Ledger, read


async def erase_member(connection: Connection, guild_id: int, user_id: int) -> int:
    """Removes all that is stored of them there, in the caller's transaction; gives how many rows that was. The
    guild's own totals stay. Done twice, the second time there is nothing."""
    if await connection.fetchval(queries.LOCK_ONE, guild_id, user_id) is None:
        return 0
    standing = (await read(connection, [(guild_id, user_id)]))[guild_id, user_id]
    standing.is_ranked = False
    ledger = Ledger()
    ledger.touch(standing)
    await ledger.store(connection)
    rows: int = await connection.fetchval(queries.ERASE, guild_id, user_id)
    return rows
