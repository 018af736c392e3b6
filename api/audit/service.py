"""Writes the audit log, within the change's own transaction, and reads it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import asyncpg
import msgspec

from api.audit.dtos import ActorView, AuditEntryView, AuditQuery
from api.auth.actors import Actor
from api.errors import Invalid
from api.lib import snowflakes, times
from api.lib.diff import Change
from api.lib.faults import ParameterFault
from api.lib.pagination import Cursors, Page, paginate
from api.postgres.database import Connection, Database

encode = msgspec.json.Encoder().encode

_INSERT = """
    INSERT INTO audit_log (guild_id, actor_kind, actor_id, action, target, reason, changes, ip, request_id)
    SELECT guild_id, $2, $3, $4, $5, $6, $7::jsonb, $8, $9 FROM unnest($1::bigint[]) AS guild_id
"""


async def record(
    connection: Connection,
    actor: Actor,
    action: str,
    *,
    guild_ids: Sequence[int | None],
    target: str | None,
    changes: Mapping[str, Change],
) -> None:
    """Adds an entry for each guild (`[None]`: the whole installation). Call it in the transaction
    of the change, and only when something changed."""
    await connection.execute(
        _INSERT,
        list(guild_ids),
        actor.kind,
        actor.id,
        action,
        target,
        actor.reason,
        encode(changes).decode(),
        actor.ip,
        actor.request_id,
    )


_INSERT_EACH = """
    INSERT INTO audit_log (guild_id, actor_kind, actor_id, action, target, reason, changes, ip, request_id)
    SELECT $1, $2, $3, action, target, $4, changes::jsonb, $5, $6
    FROM unnest($7::text[], $8::text[], $9::text[]) AS each (action, target, changes)
"""

Entry = tuple[str, str, Mapping[str, Change]]  # action, target, changes


async def record_each(connection: Connection, actor: Actor, guild_id: int | None, entries: Sequence[Entry]) -> None:
    """Adds many entries of one guild, or (None) of the whole installation, as `record` would one by one."""
    if entries:
        rows = [(action, target, encode(changes).decode()) for action, target, changes in entries]
        who = (actor.kind, actor.id, actor.reason, actor.ip, actor.request_id)
        await connection.execute(_INSERT_EACH, guild_id, *who, *zip(*rows, strict=True))


_READ = """
    SELECT id, at, actor_kind, actor_id, action, target, reason, changes, ip FROM audit_log
    WHERE guild_id = $1 AND ($2::bigint IS NULL OR id < $2) AND ($3::text IS NULL OR actor_id = $3)
      AND ($4::text IS NULL OR action = $4) AND ($5::timestamptz IS NULL OR at >= $5)
      AND ($6::timestamptz IS NULL OR at < $6)
    ORDER BY id DESC LIMIT $7
"""


_HIDDEN = "SELECT user_id FROM privacy_choices WHERE user_id = ANY($1::bigint[]) AND hidden_at IS NOT NULL"


class AuditService:
    def __init__(self, database: Database, cursors: Cursors) -> None:
        self._database = database
        self._cursors = cursors

    async def list_entries(self, reader: Actor, guild_id: int, query: AuditQuery) -> Page[AuditEntryView]:
        """A guild's entries, newest first. Raises `Invalid` for a time that is none."""
        limit = min(query.limit, 100)
        scope = f"audit:{[reader.id, guild_id, query.actor, query.action, query.from_, query.to]}"
        before = self._cursors.read(scope, query.cursor)[0] if query.cursor is not None else None
        async with self._database.connection() as connection:
            timezone = await connection.fetchval("SELECT timezone FROM guilds WHERE id = $1", guild_id)
            from_, to = _window(query, times.zone(timezone))
            rows = await connection.fetch(_READ, guild_id, before, query.actor, query.action, from_, to, limit + 1)
            unseen = await _unseen(connection, reader, rows)
        return paginate(
            rows,
            limit,
            lambda row: _to_view(row, is_told=row["target"] not in unseen or not _is_about_a_member(row["action"])),
            lambda row: self._cursors.write(scope, [row["id"]]),
            _size,
        )


def _is_about_a_member(action: str) -> bool:
    return action.startswith("member.") or action in ("achievement.awarded", "achievement.revoked")


async def _unseen(connection: Connection, reader: Actor, rows: Sequence[asyncpg.Record]) -> set[str]:
    """The targets that are hidden members whom the reader may not see."""
    if reader.hidden_seen() is None:
        return set()
    ids = {snowflakes.parse(row["target"] or "") for row in rows if _is_about_a_member(row["action"])} - {None}
    return {str(row[0]) for row in await connection.fetch(_HIDDEN, list(ids)) if not reader.sees_hidden(row[0])}


def _size(row: asyncpg.Record) -> int:
    return len(row["changes"])


def _window(query: AuditQuery, zone: ZoneInfo) -> tuple[datetime | None, datetime | None]:
    moments = {}
    faults = []
    for name, text in (("from", query.from_), ("to", query.to)):
        moments[name] = None if text is None else times.parse(text, zone)
        if text is not None and moments[name] is None:
            faults.append(ParameterFault(name, times.MESSAGE))
    if faults:
        raise Invalid(errors=faults)
    return moments["from"], moments["to"]


def _to_view(row: asyncpg.Record, *, is_told: bool) -> AuditEntryView:
    """An entry; of one about a hidden member only that somebody did this, not to whom, nor what it changed."""
    return AuditEntryView(
        id=str(row["id"]),
        at=row["at"],
        actor=ActorView(row["actor_kind"], row["actor_id"]),
        action=row["action"],
        target=row["target"] if is_told else None,
        reason=row["reason"] if is_told else None,
        changes=msgspec.json.decode(row["changes"], type=dict[str, Change]) if is_told else {},
        ip=row["ip"],
    )
