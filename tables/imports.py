"""Imports of standings and history, and the queue of work that outlives the process that began it."""

from piccolo.columns import (
    JSONB,
    BigInt,
    BigSerial,
    Boolean,
    Bytea,
    Float,
    ForeignKey,
    Integer,
    Text,
    Timestamptz,
    Varchar,
)
from piccolo.columns.defaults.timestamptz import TimestamptzNow
from piccolo.columns.readable import Readable
from piccolo.constraints import Check
from piccolo.querystring import QueryString
from piccolo.table import Table

from tables.guilds import Guild
from tables.sql import DEFAULT


class Import(Table, tablename="imports", help_text="A file that was sent in, and what became of its rows."):
    id = BigSerial(primary_key=True)
    guild_id = ForeignKey(Guild, default=None, null=False, help_text="The guild whose standings it changes.")
    source = Varchar(length=16, default=None, null=False, help_text="Where the file is from: mee6, csv, events, …")
    mode = Varchar(length=8, default=None, null=True, help_text="set, add or max; empty for events.")
    dry_run = Boolean(default=False, null=False, help_text="Whether it only tells what would change.")
    takes_settings = Boolean(default=False, null=False, help_text="Whether the file's settings are taken too.")
    status = Varchar(length=8, default="queued", null=False, help_text="queued, running, finished or failed.")
    progress = Float(default=0, null=False, help_text="How much of it is done, from 0 to 1.")
    bytes = BigInt(default=0, null=False, help_text="The size of the file.")
    position = BigInt(default=0, null=False, help_text="Rows of the file that are done: a restart goes on after them.")
    reached = JSONB(default=None, null=True, help_text="The last event that was counted; empty before the first.")
    imported = BigInt(default=0, null=False, help_text="Rows that changed something.")
    unchanged = BigInt(default=0, null=False, help_text="Rows that changed nothing.")
    refused = BigInt(default=0, null=False, help_text="Rows that could not be taken.")
    refused_rows = JSONB(default="[]", null=False, help_text="The first 1,000 of these, and why.")
    preview = JSONB(default="[]", null=False, help_text="Of a dry run: what would become of the first 100 members.")
    actor_kind = Varchar(length=8, default=None, null=False, help_text="key, user, admin or system.")
    actor_id = Varchar(length=64, default=None, null=True, help_text="Which key, user or admin asked for it.")
    reason = Text(default=None, null=True, help_text="Why, as the one who asked said.")
    ip = Varchar(length=45, default=None, null=True, help_text="The address that it came from.")
    request_id = Varchar(length=128, default=None, null=True, help_text="Finds the request in the log.")
    session_id = BigInt(
        default=None, null=True, help_text="The session of a person who asked: with it the import ends."
    )
    digest = Bytea(default=None, null=True, help_text="SHA-256 of the file: it is known when it is sent again.")
    counted_before = BigInt(default=0, null=False, help_text="Rows that an earlier try, which failed, has counted.")
    created_at = Timestamptz(default=TimestamptzNow(), null=False, help_text="When it was asked for.")
    finished_at = Timestamptz(default=None, null=True, help_text="When it ended; empty before.")

    imports_status_check = Check("status IN ('queued', 'running', 'finished', 'failed')")

    @classmethod
    def get_readable(cls) -> Readable:
        return Readable(template="%s, %s", columns=[cls.source, cls.status])


class Job(Table, tablename="jobs", help_text="Work that waits or is being done; a row goes when it is done."):
    id = BigSerial(primary_key=True)
    kind = Varchar(length=32, default=None, null=False, help_text="What is to be done: import, awarding.")
    subject = BigInt(default=None, null=False, help_text="To what: the id of the import, of the achievement.")
    holder = Varchar(length=32, default=None, null=True, help_text="The process that does it; empty while it waits.")
    held_until = Timestamptz(default=None, null=True, help_text="When others may take it if the holder is silent.")
    attempts = Integer(default=0, null=False, help_text="How often it was begun since it last got on.")
    run_after = Timestamptz(default=TimestamptzNow(), null=False, help_text="When it may begin.")
    created_at = Timestamptz(default=TimestamptzNow(), null=False, help_text="When it was asked for.")

    @classmethod
    async def put_once(cls, kind: str, subject: int) -> None:
        """Adds a job, or has the one that is there already begin now."""
        job = cls(kind=kind, subject=subject, run_after=DEFAULT, created_at=DEFAULT)
        sooner = (cls.run_after, QueryString("least({}, now())", cls.run_after))
        await cls.insert(job).on_conflict((cls.kind, cls.subject), "DO UPDATE", [sooner])

    @classmethod
    def get_readable(cls) -> Readable:
        return Readable(template="%s %s", columns=[cls.kind, cls.subject])
