"""The job of an import: runs it to its end, from the position where an earlier process stopped."""

from collections.abc import Callable
from contextlib import suppress

import asyncpg
import structlog
from piccolo.columns import Column

from api.accounts.current import CredentialEnded, CurrentCredentials
from api.audit.service import record
from api.auth.scopes import Scope
from api.errors import NotFound, Unavailable
from api.events.outbox import OutboxEvent, publish
from api.imports import queries
from api.imports.dry_run import DryRun
from api.imports.history import History
from api.imports.reading import Broken
from api.imports.restore import Restore
from api.imports.rights import EVERYTHING, Rights, rights_of
from api.imports.standings import Standings
from api.imports.work import Work
from api.jobs.queue import LeasedJob, Queue
from api.lib.clock import Clock
from api.lib.diff import Change
from api.lib.faults import Fault
from api.postgres.database import Database
from api.postgres.failures import IMPOSSIBLE_VALUES
from tables.guilds import Guild
from tables.imports import Import
from tables.sql import one_of

log = structlog.get_logger("guildhall.imports")

KIND = "import"
MOST_ATTEMPTS = 8  # without progress
BATCH_SIZE = 20_000
LEFT_BEHIND = ("import_chunks", "import_events", "import_members")


class ImportJob:
    def __init__(
        self,
        database: Database,
        queue: Queue,
        clock: Clock,
        credentials: CurrentCredentials,
        *,
        standings: Standings,
        history: History,
        dry_run_of_events: DryRun,
        restore: Restore,
    ) -> None:
        self._database = database
        self._queue = queue
        self._clock = clock
        self._credentials = credentials
        self._standings = standings
        self._history = history
        self._dry_run_of_events = dry_run_of_events
        self._restore = restore

    async def run(self, job: LeasedJob, on_progress: Callable[[float], None]) -> None:
        """Runs the import to its end, from the position of its last transaction. An unusable file or guild ends it as
        failed; any other error is raised, and the import may run again. Raises `LeaseLost`."""
        to_do = one_of(Import.status, ("queued", "running"))
        begin = Import.update({Import.status: "running"}).where(Import.id == job.subject, to_do)
        rows = await begin.returning(*Import.all_columns())
        if not rows:  # its guild is gone, or it has ended
            async with self._database.transaction() as connection:
                await self._queue.done(connection, job)
            await self.sweep(job.subject)
            return
        [row] = rows
        work = Work(self._database, self._queue, job, row, lambda: self._rights(row), on_progress)
        log.info("import begins", id=work.id, guild=work.guild_id, source=work.source, row=work.position)
        await self._do(work)

    async def _do(self, work: Work) -> None:
        if work.job.attempts > MOST_ATTEMPTS:
            await self._end(work, "It was given up: it made no progress in repeated tries.")
            return
        try:
            await self._import(work)
        except Broken as broken:
            await self._end(work, str(broken))
        except NotFound:
            await self._end(work, "The guild does not exist any more.")
        except CredentialEnded as ended:
            await self._end(work, f"{ended} Rows that were imported until then stay.")
        except IMPOSSIBLE_VALUES:  # as good a second time as the first
            log.exception("an import has what cannot be stored", id=work.id)
            await self._end(work, f"After row {work.rows}, a row has a value that cannot be stored.")
        else:
            await self._end(work, None)

    async def _import(self, work: Work) -> None:
        await work.renew_rights()
        if work.source == "guildhall":
            await self._restore.run(work)
        elif work.source != "events":
            await self._standings.run(work)
        elif work.dry_run:
            await self._dry_run_of_events.run(work)
        else:
            await self._history.run(work)

    async def _rights(self, row: asyncpg.Record) -> Rights:
        """The present rights of the person or key that asked for an import. Raises `CredentialEnded`, `DiscordAway`."""
        guild_id, kind = row["guild_id"], row["actor_kind"]
        if kind == "key":
            credential = await self._credentials.key(int(row["actor_id"]), guild_id)
        elif kind == "user":
            credential = await self._credentials.person(row["session_id"] or 0, guild_id)
        else:
            return EVERYTHING
        if Scope.MEMBERS_WRITE not in credential.scopes:
            raise CredentialEnded("The key or person that started this may no longer import into the guild.")
        return rights_of(credential)

    async def _end(self, work: Work, fault: str | None) -> None:
        """Ends it as finished, or as failed for this reason."""
        status = "finished" if fault is None else "failed"
        if fault is None:
            work.progress = 1.0
        else:
            work.refuse(0, Fault("", fault))
        async with work.step(kept=True) as connection:
            ended: dict[Column | str, object] = {Import.status: status, Import.finished_at: self._clock.now()}
            await Import.update(ended).where(Import.id == work.id)
            await connection.execute(queries.DELETE_ERASED, work.id)
            await self._queue.done(connection, work.job)
            # No event moved these standings, so the guild counts as changed: every process invalidates its states.
            await Guild.update({Guild.changed_xid: 0}).where(Guild.id == work.guild_id)
            counts = {name: getattr(work, name) for name in ("rows", "imported", "unchanged", "refused")}
            data = {"id": str(work.id), "source": work.source, "dry_run": work.dry_run, "status": status}
            await publish(connection, [OutboxEvent(work.guild_id, "import.finished", {**data, "counts": counts})])
            if not work.dry_run:
                changes = {"status": Change("running", status)} | {n: Change(None, v) for n, v in counts.items()}
                await record(
                    connection,
                    work.actor,
                    "import.finished",
                    guild_ids=[work.guild_id],
                    target=str(work.id),
                    changes=changes,
                )
        log.info("import ended", id=work.id, status=status, rows=work.rows, refused=work.refused)
        with suppress(Unavailable):  # what is left is swept later
            await self.sweep(work.id)

    async def sweep(self, import_id: int) -> None:
        """Deletes an import's working data, in batches."""
        for table in LEFT_BEHIND:
            size = 16 if table == "import_chunks" else BATCH_SIZE
            deleted = size
            while deleted == size:
                async with self._database.connection() as connection:
                    done = await connection.execute(queries.SWEEP.format(table=table, size=size), import_id)
                deleted = int(done.split()[1])

    async def sweep_strays(self) -> None:
        """Deletes working data of imports that have ended."""
        for table in LEFT_BEHIND:
            async with self._database.connection() as connection:
                rows = await connection.fetch(queries.STRAYS.format(table=table))
                if table == "import_chunks":  # one may be being uploaded
                    rows = await connection.fetch(queries.OLD, [row[0] for row in rows])
            for row in rows:
                await self.sweep(row[0])
