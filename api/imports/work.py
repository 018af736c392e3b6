"""A running import: its file, its counts, and the position from which another process would continue."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime

import msgspec
from piccolo.columns import Column

from api.auth.actors import Actor
from api.imports import queries
from api.imports.dtos import Mode, PreviewedMember, RefusedRow, Source
from api.imports.reading import Reader, Row
from api.imports.rights import Rights
from api.jobs.pace import Pace
from api.jobs.queue import LeasedJob, Queue
from api.lib.faults import Fault
from api.members.names import Names, shown
from api.postgres.database import PATIENT, Connection, Database
from tables import sql
from tables.imports import Import, ImportChunk

MOST_REFUSED = 1000
MOST_PREVIEWED = 100
LONGEST_MESSAGE = 300

BATCH_BYTES = 384 * 1024  # of rows that are stored at once
_NOBODYS = 1 << 62  # a bit of ids that will be given in the year 2050
_SLICE = 16 * 1024  # bytes that are parsed before other tasks may run

_encode = msgspec.json.Encoder().encode
_refused = msgspec.json.Decoder(list[RefusedRow]).decode
_preview = msgspec.json.Decoder(list[PreviewedMember]).decode

Numbered = tuple[int, Row]


class RolledBack(Exception):
    """Rolls back the transaction of a dry run."""


class Work:
    """One import, as the process that does it sees it. Every change of it is part of a transaction of `step`."""

    def __init__(
        self,
        database: Database,
        queue: Queue,
        job: LeasedJob,
        row: sql.Row,
        rights: Callable[[], Awaitable[Rights]],
        on_progress: Callable[[float], None],
    ) -> None:
        """`rights`: returns the present rights of the person or key that asked for the import. `on_progress`: is called
        with the progress, 0 to 1."""
        self._database = database
        self._queue = queue
        self._ask_rights = rights
        self._on_progress = on_progress
        self.pace = Pace()
        self.rights = Rights(scopes=frozenset(), may_hide=False, may_admit=False)
        self.job = job
        self.id: int = row["id"]
        self.guild_id: int = row["guild_id"]
        self.source: Source = row["source"]
        self.mode: Mode = row["mode"] or "add"
        self.dry_run: bool = row["dry_run"]
        self.takes_settings: bool = row["takes_settings"]
        self.asked_at: datetime = row["created_at"]
        self.size: int = row["bytes"]
        self.read = 0  # bytes
        self.progress: float = row["progress"]
        self.position: int = row["position"]
        self.counted_before: int = row["counted_before"]
        self.reached: str | None = row["reached"]
        self.imported: int = row["imported"]
        self.unchanged: int = row["unchanged"]
        self.refused: int = row["refused"]
        self._refused: list[RefusedRow] = _refused(row["refused_rows"])
        self._stored_refused = len(self._refused)
        self.tried_stats: set[str] = set()  # of a dry run: stat names that it would register
        self.tried_achievements: set[str] = set()  # of a dry run: achievements that it would create
        self.preview = {each.user_id: each for each in _preview(row["preview"])}
        self.actor = Actor(row["actor_kind"], row["actor_id"], row["reason"], row["ip"], row["request_id"])
        # As by the routes: a person changes hidden people only if it is themselves, and the counts do not reveal any.
        self.hidden_seen = int(row["actor_id"]) if row["actor_kind"] == "user" else None
        self._stood_in_for: dict[int, int] = {}

    async def renew_rights(self) -> None:
        """Reads the rights again. Raises `CredentialEnded` when there are none any more, `DiscordAway`."""
        self.rights = await self._ask_rights()

    @property
    def rows(self) -> int:
        return self.imported + self.unchanged + self.refused

    def refuse(self, row: int, fault: Fault) -> None:
        """Counts a refused row, and keeps its fault for the report."""
        if row:
            self.refused += 1
        if not row or len(self._refused) < MOST_REFUSED:
            self._refused.append(RefusedRow(row, _storable(fault.pointer), _storable(fault.message)))

    @property
    def shows_nobody(self) -> bool:
        """Whether people of whom nothing is taken are to look as somebody unknown does: in a person's dry run."""
        return self.dry_run and self.hidden_seen is not None

    def stand_in(self, user_id: int) -> int:
        """An id that nobody has, by which a dry run goes through as it would for somebody unknown."""
        found = user_id ^ _NOBODYS
        self._stood_in_for[found] = user_id
        return found

    def note(self, user_id: int, before: tuple[int, int], after: tuple[int, int], names: Names) -> None:
        """Adds a member to the preview: XP and level, before and after, and what they are called then."""
        if not self.dry_run:
            return
        user_id = self._stood_in_for.get(user_id, user_id)
        known = self.preview.get(str(user_id))
        if known is not None:
            known.xp_after, known.level_after = after
        elif len(self.preview) < MOST_PREVIEWED:
            known = PreviewedMember(str(user_id), before[0], after[0], before[1], after[1])
            self.preview[str(user_id)] = known
        if known is not None:
            _, known.username, known.display_name, known.avatar_url = shown(user_id, names)

    async def check(self, reader: Reader) -> None:
        """Reads a file to its end before anything of it is stored, so an unreadable file changes nothing. Raises
        `Broken`."""
        if self.position:
            return
        async for data in self._file():
            for _ in reader.close() if data is None else reader.feed(data):
                pass
            await asyncio.sleep(0)
        self.read = 0

    async def counting(self, connection: Connection, rows: Sequence[tuple[int, int]]) -> list[bool]:
        """Which of these rows (number, member) count when standings are added: a member's first row in the file, unless
        an earlier attempt has counted it. In a dry run it is known within one transaction."""
        if self.mode != "add" or not rows:
            return [True] * len(rows)
        found = await connection.fetch(queries.NAME_FIRST, self.id, sorted({user_id for _, user_id in rows}))
        first = {row[0] for row in found}
        counts = []
        for number, user_id in rows:
            counts.append(user_id in first and number > self.counted_before)
            first.discard(user_id)
        return counts

    async def batches(self, reader: Reader, size: int | None = None) -> AsyncIterator[list[Numbered]]:
        """The remaining rows with their numbers, in batches of so many (None: as the pace says), or of fewer where they
        are long. Reads the rights again before each batch. Raises `Broken`, `CredentialEnded`."""
        number, batch, length = 0, list[Numbered](), 0
        async for data in self._file():
            rows = reader.close() if data is None else reader.feed(data)
            for row in rows:
                number += 1
                if number > self.position:
                    batch.append((number, row))
                    length += len(row[1]) if isinstance(row, tuple) else 0
                    if len(batch) >= (size or self.pace.size) or length >= BATCH_BYTES:
                        await self.renew_rights()
                        yield batch
                        batch, length = [], 0
            await asyncio.sleep(0)
        await self.renew_rights()
        if batch:
            yield batch

    async def _file(self) -> AsyncIterator[bytes | None]:
        """The file in slices; None at its end."""
        number = 0
        while True:
            query = ImportChunk.select(ImportChunk.data)
            row = await query.where(ImportChunk.import_id == self.id, ImportChunk.n == number).first()
            if row is None:
                break
            piece: bytes = row["data"]
            for start in range(0, len(piece), _SLICE):
                self.read += len(piece[start : start + _SLICE])
                yield piece[start : start + _SLICE]
            number += 1
        yield None

    @asynccontextmanager
    async def step(self, *, upto: int | None = None, begin: str = "", kept: bool = False) -> AsyncIterator[Connection]:
        """One transaction of the import: its changes and the new position, together. In a dry run only the position is
        stored, unless `kept`. `upto`: the last row that is done then. Raises `LeaseLost`."""
        statements = f"{PATIENT}; {begin}" if begin else PATIENT
        rehearsed = self.dry_run and not kept
        if rehearsed:
            with suppress(RolledBack):
                async with self._database.transaction(statements) as connection:
                    yield connection
                    raise RolledBack
        async with self._database.transaction(statements) as connection:
            await self._queue.fence(connection, self.job)
            if not rehearsed:
                yield connection
            if upto is not None:
                self.position = upto
            await self._save()
            await self._queue.note_progress(connection, self.job)
        self._on_progress(self.progress)

    @asynccontextmanager
    async def paced_step(self, rows: int, *, upto: int | None = None, begin: str) -> AsyncIterator[Connection]:
        """A step that counts so many rows, and for whose locks live requests wait; then a rest."""
        began = time.perf_counter()
        async with self.step(upto=upto, begin=begin) as connection:
            yield connection
        self.pace.note(rows, time.perf_counter() - began)
        await self.pace.rest()

    def reached_byte(self, share: float = 1.0) -> None:
        """Updates the progress by the bytes that were read, which are this share of the work. It never falls."""
        done = self.read / self.size if self.size else 1.0
        self.progress = max(self.progress, min(done, 1.0) * share)

    async def _save(self) -> None:
        values: dict[Column | str, object] = {
            Import.progress: self.progress,
            Import.position: self.position,
            Import.reached: self.reached,
            Import.imported: self.imported,
            Import.unchanged: self.unchanged,
            Import.refused: self.refused,
            Import.preview: _encode(list(self.preview.values())).decode(),
        }
        if len(self._refused) > self._stored_refused:
            values[Import.refused_rows] = _encode(self._refused).decode()
        await Import.update(values).where(Import.id == self.id)
        self._stored_refused = len(self._refused)


# PostgreSQL's text cannot have these characters; names in invented files do.
_unstorable = re.compile("[\x00\ud800-\udfff]")


def _storable(text: str) -> str:
    return _unstorable.sub("\N{REPLACEMENT CHARACTER}", text[:LONGEST_MESSAGE])
