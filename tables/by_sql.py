"""The tables that a declaration describes only in part.

Piccolo has one column as a primary key, no partitions, no unlogged tables, and no identity columns. So these tables are
declared like all others, for the builder and for readers. This file has the rest. `tests/database/test_tables.py`
compares all of it with the database. docs/architecture.md has triggers and rights.

A column that is declared as the primary key is a part of it."""

from typing import NamedTuple

from piccolo.table import Table

from tables.achievements import InstallationCount
from tables.activity import ActivityDay, ActivityHour, ActivityId, CustomStatDay
from tables.events import Outbox, StreamEvent, StreamPosition
from tables.http import RateBudget
from tables.idempotency import IdempotentAnswer
from tables.imports import ImportChunk, ImportEvent, ImportMember, ImportUpload
from tables.leaderboards import ActivityCheckpoint, ActivityRewrite, ActivityTotal, Board, XpCount
from tables.members import MemberName
from tables.privacy import ErasedPerson, ErasureSalt, PseudonymKey
from tables.webhooks import WebhookPosition


class BySql(NamedTuple):
    """`key`: the columns of its unique index. `partitioned_by`: the column of its partitions. `logged`: whether it
    survives a crash of the server. `numbered`: its identity column."""

    table: type[Table]
    key: tuple[str, ...]
    partitioned_by: str | None = None
    logged: bool = True
    numbered: str | None = None


BY_SQL = (
    BySql(ActivityId, ("guild_id", "id", "week"), partitioned_by="week"),
    BySql(ActivityDay, ("guild_id", "day", "user_id"), partitioned_by="day"),
    BySql(ActivityHour, ("guild_id", "hour", "user_id"), partitioned_by="hour"),
    BySql(CustomStatDay, ("guild_id", "stat", "day", "user_id"), partitioned_by="day"),
    BySql(MemberName, ("guild_id", "user_id")),
    BySql(Board, ("guild_id", "stat", "value", "user_id")),
    BySql(XpCount, ("guild_id", "kept", "low")),
    BySql(ActivityCheckpoint, ("guild_id", "day")),
    BySql(ActivityTotal, ("guild_id", "day", "user_id")),
    BySql(ActivityRewrite, ("guild_id",)),
    BySql(InstallationCount, ("subject", "id"), numbered="id"),
    BySql(Outbox, ("id",), numbered="id"),
    BySql(StreamEvent, ("position", "day"), partitioned_by="day"),
    BySql(StreamPosition, ("round",)),
    BySql(WebhookPosition, ("round",)),
    BySql(IdempotentAnswer, ("owner", "key")),
    BySql(RateBudget, ("owner",), logged=False),
    BySql(ErasedPerson, ("digest", "guild_id")),
    BySql(ErasureSalt, ()),
    BySql(PseudonymKey, ()),
    BySql(ImportUpload, ("guild_id",)),
    BySql(ImportChunk, ("import_id", "n")),
    BySql(ImportEvent, ("import_id", "occurred_at", "id", "n")),
    BySql(ImportMember, ("import_id", "user_id")),
)
