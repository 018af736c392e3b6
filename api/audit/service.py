"""The audit log: writes entries in the change's own transaction, and reads them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec
from piccolo.query.methods.select import Select

from api.audit import queries
from api.audit.dtos import ActorView, AuditEntryView, AuditQuery
from api.auth.actors import Actor
from api.errors import Invalid
from api.lib import snowflakes, times
from api.lib.diff import Change
from api.lib.faults import ParameterFault
from api.lib.pagination import Cursors, Page, paginate
from api.postgres.database import Connection
from tables.audit import AuditEntry
from tables.auth import ApiKey
from tables.guilds import Guild
from tables.privacy import PrivacyChoice
from tables.sql import Row, one_of

encode = msgspec.json.Encoder().encode

Entry = tuple[str, str, Mapping[str, Change]]  # action, target, changes

_SHOWN = (
    AuditEntry.id,
    AuditEntry.at,
    AuditEntry.actor_kind,
    AuditEntry.actor_id,
    AuditEntry.action,
    AuditEntry.target,
    AuditEntry.reason,
    AuditEntry.changes,
    AuditEntry.ip,
)


async def record(
    connection: Connection,
    actor: Actor,
    action: str,
    *,
    guild_ids: Sequence[int | None],
    target: str | None,
    changes: Mapping[str, Change],
) -> None:
    """Adds an entry for each guild (`[None]`: the whole installation). Call it in the transaction of the change, and
    only if something changed."""
    text = encode(changes).decode()
    await _add(connection, actor, [(guild_id, action, target, text) for guild_id in guild_ids])


async def record_each(connection: Connection, actor: Actor, guild_id: int | None, entries: Sequence[Entry]) -> None:
    """Adds many entries of one guild, or (None) of the whole installation. Equal to a `record` for each."""
    rows = [(guild_id, action, target, encode(changes).decode()) for action, target, changes in entries]
    await _add(connection, actor, rows)


async def _add(connection: Connection, actor: Actor, rows: Sequence[tuple[int | None, str, str | None, str]]) -> None:
    if rows:
        who = (actor.kind, actor.id, actor.reason, actor.ip, actor.request_id)
        await connection.execute(queries.ADD, *zip(*rows, strict=True), *who)


class AuditService:
    def __init__(self, cursors: Cursors) -> None:
        self._cursors = cursors

    async def list_entries(self, reader: Actor, guild_id: int, query: AuditQuery) -> Page[AuditEntryView]:
        """A guild's entries, newest first. Raises `Invalid` for an invalid time."""
        limit = min(query.limit, 100)
        scope = f"audit:{[reader.id, guild_id, query.actor, query.action, query.from_, query.to]}"
        before = self._cursors.read(scope, query.cursor)[0] if query.cursor is not None else None
        guild = await Guild.select(Guild.timezone).where(Guild.id == guild_id).first()
        from_, to = _window(query, times.zone(None if guild is None else guild["timezone"]))
        rows = await _read(guild_id, query, before, from_, to).limit(limit + 1)
        unseen, unseen_keys = await _unseen(reader, rows), await _unseen_keys(reader, rows)
        return paginate(
            rows,
            limit,
            lambda row: _to_view(row, is_visible=row["target"] not in _hidden_targets(row, unseen, unseen_keys)),
            lambda row: self._cursors.write(scope, [row["id"]]),
            _size,
        )


def _hidden_targets(row: Row, members: set[str], keys: set[str]) -> set[str]:
    if _is_about_a_member(row["action"]):
        return members
    return keys if _is_about_a_key(row["action"]) else set()


def _is_about_a_key(action: str) -> bool:
    return action.startswith("key.")


def _is_about_a_member(action: str) -> bool:
    return action.startswith("member.") or action in ("achievement.awarded", "achievement.revoked")


def _read(
    guild_id: int, query: AuditQuery, before: int | None, from_: datetime | None, to: datetime | None
) -> Select[AuditEntry]:
    found = AuditEntry.select(*_SHOWN).where(AuditEntry.guild_id == guild_id)
    if before is not None:
        found = found.where(AuditEntry.id < before)
    if query.actor is not None:
        found = found.where(AuditEntry.actor_id == query.actor)
    if query.action is not None:
        found = found.where(AuditEntry.action == query.action)
    if from_ is not None:
        found = found.where(AuditEntry.at >= from_)
    if to is not None:
        found = found.where(AuditEntry.at < to)
    return found.order_by(AuditEntry.id, ascending=False)


async def _unseen(reader: Actor, rows: Sequence[Row]) -> set[str]:
    """The targets that are hidden members whom the reader may not see."""
    if reader.hidden_seen() is None:
        return set()
    ids = {snowflakes.parse(row["target"] or "") for row in rows if _is_about_a_member(row["action"])} - {None}
    hidden = one_of(PrivacyChoice.user_id, list(ids)), PrivacyChoice.hidden_at.is_not_null()
    found = [row["user_id"] for row in await PrivacyChoice.select(PrivacyChoice.user_id).where(*hidden)]
    return {str(user_id) for user_id in found if not reader.sees_hidden(user_id)}


async def _unseen_keys(reader: Actor, rows: Sequence[Row]) -> set[str]:
    """The targets that are keys with more scopes or guilds than the reader, which the routes of keys do not show
    either."""
    credential = reader.credential
    targets = {row["target"] for row in rows if row["target"] and _is_about_a_key(row["action"])}
    if credential is None or not targets:
        return set()
    shown = ApiKey.select(ApiKey.id, ApiKey.scopes, ApiKey.guild_ids)
    found = await shown.where(one_of(ApiKey.id, [int(target) for target in targets]))
    seen = {
        str(row["id"])
        for row in found
        if credential.scopes.issuperset(row["scopes"])
        and (
            credential.guild_ids is None
            or (row["guild_ids"] is not None and credential.guild_ids.issuperset(row["guild_ids"]))
        )
    }
    return targets - seen


def _size(row: Row) -> int:
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


def _to_view(row: Row, *, is_visible: bool) -> AuditEntryView:
    """The view of an entry. If it is about a hidden member, or a key that the reader does not see, it has the action
    and the actor, without target and changes."""
    return AuditEntryView(
        id=str(row["id"]),
        at=row["at"],
        actor=ActorView(row["actor_kind"], row["actor_id"]),
        action=row["action"],
        target=row["target"] if is_visible else None,
        reason=row["reason"] if is_visible else None,
        changes=msgspec.json.decode(row["changes"], type=dict[str, Change]) if is_visible else {},
        ip=row["ip"],
    )
