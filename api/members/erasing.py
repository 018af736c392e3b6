"""Removes a member from a guild for good, with the boards and the counters of ranks."""

from api.members import queries
from api.members.ledger import Ledger
from api.members.standings import Standing, read
from api.members.totals import note_removed
from api.postgres.database import Connection
from tables.achievements import MemberCount
from tables.members import Member


async def erase_member(connection: Connection, guild_id: int, user_id: int) -> int:
    """Removes everything stored of the member, in the caller's transaction. Returns the number of rows. Done twice, the
    second time removes nothing."""
    if not await Member.lock(guild_id, user_id):
        return 0
    return await remove(connection, (await read(connection, [(guild_id, user_id)]))[guild_id, user_id])


async def remove(connection: Connection, standing: Standing) -> int:
    """Removes a locked member. Returns the number of rows. The guild's own totals stay."""
    # The row itself goes last, and would lock this counter only then: who makes members has it before all others.
    await MemberCount.lock(standing.guild_id)
    standing.is_ranked = False
    ledger = Ledger()
    ledger.touch(standing)
    await ledger.store(connection)
    await note_removed(connection, standing.guild_id)
    rows: int = await connection.fetchval(queries.ERASE, standing.guild_id, standing.user_id)
    return rows
