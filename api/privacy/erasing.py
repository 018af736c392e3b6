"""The erasure of a person, in steps; each is a transaction with an entry in the audit log that does not name the
person.

First a tombstone is stored, so that late data brings nobody back. Then come the guilds in which they are a member, then
everything else in the registry. After an interruption, the same request completes it."""

import secrets
from collections.abc import AsyncIterator, Iterable
from datetime import datetime

import asyncpg

from api.activity import locks
from api.auth.actors import Actor
from api.errors import Forbidden
from api.guilds.rules import INSTALLATION
from api.lib.clock import Clock
from api.members.erasing import erase_member
from api.members.tombstones import set_up
from api.members.visibility import lock_people
from api.postgres.change_watcher import ChangeWatcher
from api.postgres.database import PATIENT, Connection, Database
from api.privacy import queries
from api.privacy.dtos import ErasureView
from api.privacy.places import Place
from api.privacy.reach import reach
from api.privacy.registry import REGISTRY
from tables.accounts import Session
from tables.members import Member
from tables.privacy import PrivacyChoice

BATCH_SIZE = 2000  # rows of one statement
RANGE = 20_000  # ids of one statement that looks into each row


class Eraser:
    def __init__(self, database: Database, watcher: ChangeWatcher, clock: Clock) -> None:
        self._database = database
        self._watcher = watcher
        self._clock = clock

    async def erase(self, actor: Actor, user_id: int, *, opt_out: bool) -> ErasureView:
        """Erases the person in every guild that the actor reaches; it is done when it returns. Sent twice, the second
        time finds nothing. Raises `Forbidden` for `opt_out`, which is for all guilds, if the actor does not reach
        all."""
        guilds = reach(actor, user_id)
        if opt_out and guilds is not None:
            raise Forbidden("Opting out is one choice for all guilds, and this key has a list of guilds.")
        erasure = _Erasure(self._database, actor, user_id, guilds)
        now = self._clock.now()
        sessions: set[int] = set()
        if guilds is None:  # those are of all guilds
            sessions = {row["id"] for row in await Session.select(Session.id).where(Session.user_id == user_id)}
        await erasure.begin(now, opt_out=opt_out)
        await erasure.leave_guilds()
        for place in REGISTRY:
            if place.erase is not None:
                await erasure.empty(place, place.erase)
        await erasure.finish()
        self._watcher.invalidate("session", sessions)  # other processes notice it by themselves
        if erasure.guilds:
            self._watcher.invalidate("guild", erasure.guilds)
        return ErasureView(erasure.receipt, now, len(erasure.guilds), erasure.rows)


class _Erasure:
    """One running erasure, with the counts so far."""

    def __init__(self, database: Database, actor: Actor, user_id: int, guilds: list[int] | None) -> None:
        self._database = database
        self._actor = actor
        self._user_id = user_id
        self._only = guilds
        self.receipt = secrets.token_hex(16)
        self.guilds: set[int] = set()
        self.rows = 0

    async def begin(self, now: datetime, *, opt_out: bool) -> None:
        """Stores the tombstone: nothing before `now` is counted from here on."""
        where = [INSTALLATION] if self._only is None else self._only
        async with self._database.transaction(PATIENT) as connection:
            await lock_people(connection, [self._user_id])
            await set_up(connection, self._user_id, where, now, only_left=False)
            if opt_out:
                await PrivacyChoice.opt_out(self._user_id, now)

    async def leave_guilds(self) -> None:
        """Removes the member from each guild, under the lock that imports of the guild take."""
        for guild_id in await Member.guilds_of(self._user_id, self._only):
            async with self._database.transaction(locks.share([guild_id])) as connection:
                await self._note(connection, [(guild_id, await erase_member(connection, guild_id, self._user_id))])

    async def empty(self, place: Place, statement: str) -> None:
        """Erases one place of the registry, in steps of bounded size."""
        async for arguments in self._steps(place):
            changed = BATCH_SIZE
            while changed == BATCH_SIZE:
                async with self._database.transaction(PATIENT) as connection:
                    rows = await connection.fetch(statement, self._user_id, self._only, *arguments)
                    await self._note(connection, rows)
                changed = sum(row[1] for row in rows) if place.step in ("once", "pages") else 0

    async def _steps(self, place: Place) -> AsyncIterator[tuple[int, ...]]:
        if place.step in ("once", "pages"):
            yield (BATCH_SIZE,)
            return
        async with self._database.connection() as connection:
            row = await connection.fetchrow(queries.IDS.format(table=place.table))
        assert row is not None  # an aggregate always has one
        for first in range(row[0] or 0, (row[1] or -1) + 1, RANGE):
            yield first, first + RANGE - 1

    async def _note(self, connection: Connection, rows: Iterable[tuple[int | None, int] | asyncpg.Record]) -> None:
        """Adds to the counts, and writes to the audit logs of guilds that have no entry yet."""
        found = {row[0] for row in rows if row[0] is not None and row[1]}
        self.rows += sum(row[1] for row in rows)
        if fresh := sorted(found - self.guilds):
            await self._record(connection, fresh)
            self.guilds.update(fresh)

    async def finish(self) -> None:
        """Writes to the audit log of the whole installation, if anything was erased."""
        if self.rows and self._only is None:
            async with self._database.transaction() as connection:
                await self._record(connection, [None])

    async def _record(self, connection: Connection, guild_ids: list[int] | list[None]) -> None:
        actor = self._actor
        await connection.execute(
            queries.RECORD,
            self._user_id,
            guild_ids,
            actor.kind,
            actor.id,
            self.receipt,
            actor.reason,
            actor.ip,
            actor.request_id,
        )
