"""Imports: requests and lists. `api.imports.jobs` does the work, in whatever process."""

from collections.abc import AsyncIterable
from datetime import timedelta
from hashlib import sha256
from typing import Any

import asyncpg
import msgspec

from api.audit.service import record
from api.auth.actors import Actor
from api.errors import Conflict, Invalid, MissingScope, NotFound
from api.idempotency.store import store_answer
from api.imports import queries
from api.imports.dtos import ImportCounts, ImportQuery, ImportView, PreviewedMember, RefusedRow
from api.imports.jobs import KIND
from api.imports.rights import rights_of
from api.jobs.queue import LeasedJob, Queue
from api.lib.clock import Clock
from api.lib.diff import Change
from api.lib.faults import ParameterFault
from api.lib.pagination import Cursors, Page, paginate
from api.postgres.database import Database
from tables.imports import Import, ImportChunk, ImportUpload
from tables.sql import DEFAULT, Row

PIECE = 1024 * 1024
MOST_LISTED = 100  # imports of a guild that have ended

# An upload holds its guild's place for this long after its last piece. A body slower than 1 KiB a second is refused, so
# pieces come in time.
LEASE_SECONDS = 120
RENEWED_EVERY = timedelta(seconds=30)

_BUSY = "This guild has an unfinished import. Wait until it has ended."

_refused = msgspec.json.Decoder(list[RefusedRow]).decode
_preview = msgspec.json.Decoder(list[PreviewedMember]).decode


def location(import_id: int | str) -> str:
    """The path of an import."""
    return f"/v1/imports/{import_id}"


class ImportService:
    def __init__(self, database: Database, queue: Queue, cursors: Cursors, clock: Clock) -> None:
        self._database = database
        self._queue = queue
        self._cursors = cursors
        self._clock = clock

    async def begin(
        self, actor: Actor, guild_id: int, query: ImportQuery, file: AsyncIterable[bytes], *, leased: bool = False
    ) -> tuple[ImportView, LeasedJob]:
        """Stores the file piece by piece, and queues the job; `leased`: this process has the job at once. Sent twice,
        it makes two imports, or 409 while the first one runs. Raises `MissingScope`, `Invalid`, `Conflict`."""
        require(actor, query)
        refuse(query)
        async with self._database.connection() as connection:
            import_id: int = await connection.fetchval(queries.NEXT_ID)
        try:
            await self._reserve(guild_id, import_id)
            stored = await self._store(guild_id, import_id, file)
            view, job = await self._enqueue(actor, guild_id, query, import_id, stored, leased=leased)
        except BaseException:
            await self._abandon(guild_id, import_id)
            raise
        self._queue.wake()
        return view, job

    async def _reserve(self, guild_id: int, import_id: int) -> None:
        """Reserves the guild's place before the file is read; called again, it keeps the place. Raises `Conflict`."""
        async with self._database.connection() as connection:
            try:
                is_ours = await connection.fetchval(queries.RESERVE, guild_id, import_id, LEASE_SECONDS)
            except asyncpg.ForeignKeyViolationError:
                raise NotFound from None
        # A second check: the holder of the place a moment ago has an import by now.
        if not is_ours or await Import.is_active_in(guild_id):
            raise Conflict(_BUSY)

    async def _store(self, guild_id: int, import_id: int, file: AsyncIterable[bytes]) -> tuple[int, bytes]:
        """Returns the file's size and its SHA-256. Raises `Conflict` if another request has the place by now."""
        size, number, piece, digest = 0, 0, bytearray(), sha256()
        renewed_at = self._clock.now()
        async for data in file:
            if (now := self._clock.now()) - renewed_at > RENEWED_EVERY:
                renewed_at = now
                await self._reserve(guild_id, import_id)
            digest.update(data)
            piece += data
            size += len(data)
            while len(piece) >= PIECE:
                await _add(import_id, number, bytes(piece[:PIECE]))
                del piece[:PIECE]
                number += 1
        if piece:
            await _add(import_id, number, bytes(piece))
        return size, digest.digest()

    async def _enqueue(
        self,
        actor: Actor,
        guild_id: int,
        query: ImportQuery,
        import_id: int,
        stored: tuple[int, bytes],
        *,
        leased: bool,
    ) -> tuple[ImportView, LeasedJob]:
        size, digest = stored
        mode = None if query.source == "events" else query.mode or "set"
        async with self._database.transaction() as connection:
            if not await ImportUpload.leave(guild_id, import_id):
                raise Conflict(_BUSY)  # no piece for so long that another request has the place
            row = await self._insert(
                actor,
                id=import_id,
                guild_id=guild_id,
                source=query.source,
                mode=mode,
                dry_run=query.dry_run,
                takes_settings=query.settings,
                bytes=size,
                digest=digest,
                counted_before=await Import.counted(guild_id, query.source, digest) if mode == "add" else 0,
            )
            await Import.delete_beyond(guild_id, MOST_LISTED)
            job = await self._queue.put(connection, KIND, import_id, leased=leased)
            if not query.dry_run:
                asked = {"source": query.source, "mode": mode, "bytes": size}
                changes = {name: Change(None, value) for name, value in asked.items()}
                await record(
                    connection, actor, "import.requested", guild_ids=[guild_id], target=str(import_id), changes=changes
                )
            answer = to_view(row)
            await store_answer(connection, actor.claim, answer, status=202, headers={"location": location(import_id)})
        return answer, job

    async def _insert(self, actor: Actor, **columns: Any) -> Row:  # Any: a column's value
        new = Import(
            actor_kind=actor.kind,
            actor_id=actor.id,
            reason=actor.reason,
            ip=actor.ip,
            request_id=actor.request_id,
            session_id=_session_id(actor),
            created_at=self._clock.now(),
            **columns,
        )
        try:
            [row] = await Import.insert(new).returning(*Import.all_columns())
        except asyncpg.UniqueViolationError:
            raise Conflict(_BUSY) from None
        except asyncpg.ForeignKeyViolationError:
            raise NotFound from None
        return row

    async def _abandon(self, guild_id: int, import_id: int) -> None:
        """Releases the place and the file of a failed request. After a crash they are swept later."""
        await ImportChunk.delete().where(ImportChunk.import_id == import_id)
        await ImportUpload.leave(guild_id, import_id)

    async def get(self, actor: Actor, import_id: int) -> ImportView:
        """An import. Raises `NotFound`, also for one of a guild that the actor does not see."""
        async with self._database.connection() as connection:
            row = await connection.fetchrow(queries.READ, import_id, actor.guild_list(), actor.hidden_seen())
        if row is None:
            raise NotFound
        return to_view(row)

    async def list_imports(self, actor: Actor, guild_id: int, *, limit: int, cursor: str | None) -> Page[ImportView]:
        """A guild's imports, newest first."""
        limit = min(limit, 100)
        scope = f"imports:{guild_id}:{actor.id}"
        before = self._cursors.read(scope, cursor)[0] if cursor is not None else None
        async with self._database.connection() as connection:
            rows = await connection.fetch(queries.LIST, guild_id, before, limit + 1, actor.hidden_seen())
        return paginate(
            rows,
            limit,
            to_view,
            lambda row: self._cursors.write(scope, [row["id"]]),
            lambda row: len(row["refused_rows"]) + len(row["preview"]),
        )


async def _add(import_id: int, number: int, data: bytes) -> None:
    await ImportChunk.insert(ImportChunk(import_id=import_id, n=number, data=data, created_at=DEFAULT))


def require(actor: Actor, query: ImportQuery) -> None:
    """Raises `MissingScope` for a query that the actor may not use."""
    missing = rights_of(actor.credential).missing(query)
    if missing is not None:
        raise MissingScope(f"`settings=true` also needs the scope `{missing}`.")


def _session_id(actor: Actor) -> int | None:
    credential = actor.credential
    return None if credential is None or credential.user_id is None else -credential.id


def refuse(query: ImportQuery) -> None:
    """Raises `Invalid` for options that exclude each other."""
    faults = []
    if query.source == "events" and query.mode is not None:
        faults.append(ParameterFault("mode", "is not possible with `events`: events are always added"))
    if query.settings and query.source not in ("mee6", "polaris"):
        faults.append(ParameterFault("settings", "is possible only with `mee6` and `polaris`"))
    if faults:
        raise Invalid(errors=faults)


def to_view(row: Row) -> ImportView:
    """The view of a row."""
    counts = ImportCounts(
        row["imported"] + row["unchanged"] + row["refused"], row["imported"], row["unchanged"], row["refused"]
    )
    return ImportView(
        id=str(row["id"]),
        guild_id=str(row["guild_id"]),
        source=row["source"],
        mode=row["mode"],
        dry_run=row["dry_run"],
        status=row["status"],
        progress=row["progress"],
        counts=counts,
        refused=_refused(row["refused_rows"]),
        preview=_preview(row["preview"]),
        created_at=row["created_at"],
        finished_at=row["finished_at"],
    )
