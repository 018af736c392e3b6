"""Purging: deletes guilds whose retention has ended, in batches."""

from datetime import UTC, datetime, timedelta
from enum import Enum

import structlog
from piccolo.columns.combination import WhereRaw

from api.audit.service import record, record_each
from api.auth.actors import Actor, system
from api.auth.queries import revoke_keys_of_guild
from api.errors import Unavailable
from api.guilds import queries
from api.lib.clock import Clock
from api.lib.diff import Change
from api.postgres.change_watcher import ChangeWatcher
from api.postgres.database import PATIENT, Connection, Database
from tables.guilds import Guild

log = structlog.get_logger("guildhall.guilds")

BATCH_SIZE = 5000
LIST_BATCH_SIZE = 100

# Another transaction may hold the guild's row for a while. A batch is looked up by the index, row by row, in the
# partition that has it: other plans would read all rows of the guild, or all partitions, for each batch.
_OTHER_PLANS = ("seqscan", "bitmapscan", "hashjoin", "mergejoin")
_BEGIN = "; ".join([PATIENT, *(f"SET LOCAL enable_{plan} = off" for plan in _OTHER_PLANS)])

_FIRST = (datetime(1970, 1, 1, tzinfo=UTC), 0)


class _Step(Enum):
    MORE = 1
    PURGED = 2
    NOT_DUE = 3


class Purging:
    def __init__(self, database: Database, watcher: ChangeWatcher, clock: Clock, retention: timedelta) -> None:
        """`retention`: how long a deleted guild can be restored."""
        self._database = database
        self._watcher = watcher
        self._clock = clock
        self._retention = retention

    def retained_since(self) -> datetime:
        """Guilds that were deleted before this time are gone, even if they are not purged yet."""
        return self._clock.now() - self._retention

    async def purge_all(self) -> int:
        """Purges guilds whose retention has ended, those first that were deleted first. Returns their number. Any
        process may call it at any time. A guild that cannot be purged does not hold up the others: the last error is
        raised at the end. Raises `Unavailable`."""
        purged, last = 0, _FIRST
        failure: Exception | None = None
        while True:
            later = WhereRaw("({}, {}) > ({}, {})", Guild.deleted_at, Guild.id, *last)
            query = Guild.select(Guild.id, Guild.deleted_at).where(Guild.deleted_at <= self.retained_since(), later)
            rows = await query.order_by(Guild.deleted_at, Guild.id).limit(LIST_BATCH_SIZE)
            for row in rows:
                try:
                    purged += await self.purge(row["id"])
                except Unavailable:
                    raise
                except Exception as error:
                    log.warning("a guild was not purged; it will be tried again", guild=row["id"], error=repr(error))
                    failure = error
            if len(rows) < LIST_BATCH_SIZE:
                break
            last = rows[-1]["deleted_at"], rows[-1]["id"]
        if failure is not None:
            raise failure
        return purged

    async def purge(self, guild_id: int) -> bool:
        """Deletes a guild whose retention has ended, with everything but its audit log, and ends its keys. Returns
        whether it did. Each batch is a transaction, and stays done if a later one fails."""
        while (step := await self._step(guild_id)) is _Step.MORE:
            pass
        return step is _Step.PURGED

    async def _step(self, guild_id: int) -> _Step:
        """Deletes one batch, or the guild itself when nothing else is left."""
        async with self._database.transaction(_BEGIN) as connection:
            # Checked in each step: the guild may have been restored since it was listed, and then keeps what it has.
            due = (Guild.id == guild_id) & (Guild.deleted_at <= self.retained_since())
            if await Guild.select(Guild.id).where(due).lock_rows().first() is None:
                return _Step.NOT_DUE
            for statement in queries.EMPTY:
                if await _deleted(connection, statement, guild_id) == BATCH_SIZE:
                    return _Step.MORE
            if await connection.fetchval(queries.DELETE_REVISIONS, guild_id, BATCH_SIZE) == BATCH_SIZE:
                return _Step.MORE
            await Guild.delete().where(Guild.id == guild_id)
            reason = system("its retention has ended")
            ended = await self._end_keys(connection, reason, guild_id)
            await record(connection, reason, "guild.purged", guild_ids=[guild_id], target=None, changes={})
        self._watcher.invalidate("key", ended)
        return _Step.PURGED

    async def _end_keys(self, connection: Connection, reason: Actor, guild_id: int) -> set[int]:
        """Ends the keys for this guild alone, and returns their ids. Otherwise those of its managers could create it
        anew, and only a bot may bring a guild in."""
        now = self._clock.now()
        changes = {"revoked_at": Change(None, now)}
        ended = await revoke_keys_of_guild(connection, guild_id, now)
        entries = [("key.revoked", str(key_id), changes) for key_id in ended]
        await record_each(connection, reason, None, entries)
        await record_each(connection, reason, guild_id, entries)
        return set(ended)


async def _deleted(connection: Connection, statement: str, guild_id: int) -> int:
    """The number of deleted rows."""
    return int((await connection.execute(statement, guild_id, BATCH_SIZE)).split()[1])
