"""Imports of standings and history, and what of their files is kept while they run."""

import builtins

from piccolo.columns import (
    JSONB,
    BigInt,
    BigSerial,
    Boolean,
    Bytea,
    Date,
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
from piccolo.table import Table

from tables.guilds import Guild
from tables.sql import one_of


class Import(Table, tablename="imports", help_text="An import: where its file is from, how far it is, and its result."):
    id = BigSerial(primary_key=True)
    guild_id = ForeignKey(Guild, default=None, null=False, help_text="The guild whose standings it changes.")
    source = Varchar(length=16, default=None, null=False, help_text="Where the file is from: mee6, csv, events, …")
    mode = Varchar(length=8, default=None, null=True, help_text="set, add or max; empty for events.")
    dry_run = Boolean(
        default=False, null=False, help_text="Whether it changes nothing, and only counts what would change."
    )
    takes_settings = Boolean(default=False, null=False, help_text="Whether the file's settings are imported too.")
    status = Varchar(length=8, default="queued", null=False, help_text="queued, running, finished or failed.")
    progress = Float(default=0, null=False, help_text="How much of it is done, from 0 to 1.")
    bytes = BigInt(default=0, null=False, help_text="The size of the file.")
    position = BigInt(default=0, null=False, help_text="Rows of the file that are done: a restart goes on after them.")
    reached = JSONB(default=None, null=True, help_text="The last event that was counted; empty before the first.")
    imported = BigInt(default=0, null=False, help_text="Rows that changed something.")
    unchanged = BigInt(default=0, null=False, help_text="Rows that changed nothing.")
    refused = BigInt(default=0, null=False, help_text="Rows that were refused.")
    refused_rows = JSONB(default="[]", null=False, help_text="The first 1,000 of these, and why.")
    preview = JSONB(default="[]", null=False, help_text="Of a dry run: how the first 100 members would change.")
    actor_kind = Varchar(length=8, default=None, null=False, help_text="key, user, admin or system.")
    actor_id = Varchar(length=64, default=None, null=True, help_text="Which key, user or admin asked for it.")
    reason = Text(default=None, null=True, help_text="The reason that was given.")
    ip = Varchar(length=45, default=None, null=True, help_text="The address that it came from.")
    request_id = Varchar(length=128, default=None, null=True, help_text="Finds the request in the log.")
    session_id = BigInt(
        default=None, null=True, help_text="The session of the person who asked for it: the import ends with it."
    )
    digest = Bytea(default=None, null=True, help_text="SHA-256 of the file, to recognise it when it is sent again.")
    counted_before = BigInt(default=0, null=False, help_text="Rows that an earlier attempt, which failed, has counted.")
    created_at = Timestamptz(default=TimestamptzNow(), null=False, help_text="When it was asked for.")
    finished_at = Timestamptz(default=None, null=True, help_text="When it ended; empty before.")

    @classmethod
    async def is_active_in(cls, guild_id: int) -> bool:
        """Whether a guild has one that waits or runs."""
        return await cls.exists().where(cls.guild_id == guild_id, one_of(cls.status, ("queued", "running")))

    @classmethod
    async def delete_beyond(cls, guild_id: int, most: int) -> None:
        """Deletes the finished and failed imports of a guild, except the newest ones."""
        ended = cls.select(cls.id).where(cls.guild_id == guild_id, one_of(cls.status, ("finished", "failed")))
        await cls.delete().where(cls.id.is_in(ended.order_by(cls.id, ascending=False).offset(most)))

    @classmethod
    async def counted(cls, guild_id: int, source: str, digest: builtins.bytes) -> int:
        """The rows that count already, if this file was sent before to be added, and failed."""
        same = (cls.guild_id == guild_id) & (cls.source == source) & (cls.digest == digest)
        query = cls.select(cls.status, cls.position, cls.counted_before)
        query = query.where(same, cls.mode == "add", cls.dry_run.eq(False))  # noqa: FBT003 - a column's value
        row = await query.order_by(cls.id, ascending=False).first()
        return max(row["position"], row["counted_before"]) if row is not None and row["status"] == "failed" else 0

    imports_status_check = Check("status IN ('queued', 'running', 'finished', 'failed')")

    @classmethod
    def get_readable(cls) -> Readable:
        return Readable(template="%s, %s", columns=[cls.source, cls.status])


class ImportUpload(Table, tablename="import_uploads", help_text="The upload of a file: a guild has one at a time."):
    guild_id = ForeignKey(Guild, primary_key=True, default=None, null=False, help_text="The guild that it is of.")
    import_id = BigInt(default=None, null=False, help_text="The id that the import will have.")
    leased_until = Timestamptz(
        default=None, null=False, help_text="When another upload may begin if nothing more of this one arrives."
    )

    @classmethod
    async def leave(cls, guild_id: int, import_id: int) -> bool:
        """Releases the guild's place. Returns whether this import had it."""
        ours = (cls.guild_id == guild_id) & (cls.import_id == import_id)
        return bool(await cls.delete().where(ours).returning(cls.import_id))


class ImportChunk(Table, tablename="import_chunks", help_text="A piece of a file that was sent in."):
    import_id = BigInt(primary_key=True, default=None, null=False, help_text="The import.")
    n = Integer(default=None, null=False, help_text="The place of the piece in the file.")
    data = Bytea(default=None, null=False, help_text="The piece.")
    created_at = Timestamptz(default=TimestamptzNow(), null=False, help_text="When it came.")


class ImportEvent(Table, tablename="import_events", help_text="An event of a file, in the order of time."):
    import_id = BigInt(primary_key=True, default=None, null=False, help_text="The import.")
    occurred_at = Timestamptz(default=None, null=False, help_text="When it happened.")
    id = Varchar(length=64, default=None, null=False, help_text="The event's id.")
    n = BigInt(default=None, null=False, help_text="Its place in the file.")
    data = Bytea(default=None, null=False, help_text="The event.")


class ImportMember(Table, tablename="import_members", help_text="A member whom a file has named."):
    import_id = BigInt(primary_key=True, default=None, null=False, help_text="The import.")
    user_id = BigInt(default=None, null=False, help_text="The member.")
    last_xp_at = Timestamptz(default=None, null=True, help_text="When a message of the file last earned XP.")
    is_late = Boolean(default=False, null=False, help_text="Whether their streak must be found again among all days.")
    run_from = Date(default=None, null=True, help_text="First day of the run that the file's days join.")
    run_to = Date(default=None, null=True, help_text="Last day of that run.")
    run_best = Integer(default=None, null=True, help_text="Days of the longest run.")
