"""The export of a guild as lines of JSON. It reads in batches by key, so the guild is never in memory as a whole."""

from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import date
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from api.activity.event_keys import id_of
from api.activity.queries import HIDDEN
from api.auth.actors import Actor
from api.errors import NotFound
from api.imports.lines import VERSION
from api.imports.rights import rights_of
from api.lib.clock import Clock
from api.postgres.database import Database
from api.postgres.partitions import IMPORTED

BATCH_SIZE = 2000

_encode = msgspec.json.Encoder().encode

_GUILD = """
    SELECT name, icon, owner_id::text, locale, timezone, roles_synced_at IS NOT NULL AS has_roles,
        channels_synced_at IS NOT NULL AS has_channels
    FROM guilds WHERE id = $1 AND deleted_at IS NULL
"""
_ROLES = "SELECT role_id::text AS id, name, position, color FROM guild_roles WHERE guild_id = $1 ORDER BY role_id"
_CHANNELS = """
    SELECT channel_id::text AS id, name, type, parent_id::text, position FROM guild_channels
    WHERE guild_id = $1 ORDER BY channel_id
"""
_SETTINGS = "SELECT module, overrides FROM guild_settings WHERE guild_id = $1 ORDER BY module"
_MEMBERS = """
    SELECT m.user_id, m.xp, m.messages, m.voice_seconds, m.reactions, m.commands, m.last_xp_at, m.streak_from,
        m.streak_to, m.streak_best, m.first_seen_at, m.last_active_at, m.left_at, m.is_ranked,
        m.card_accent, p.hidden_at IS NOT NULL AS is_hidden, n.username, n.display_name, n.avatar,
        (SELECT json_object_agg(s.stat, s.value ORDER BY s.stat) FROM custom_stats s
         WHERE s.guild_id = $1 AND s.user_id = m.user_id) AS custom_stats
    FROM members m LEFT JOIN privacy_choices p ON p.user_id = m.user_id
    LEFT JOIN member_names n ON n.guild_id = $1 AND n.user_id = m.user_id
    WHERE m.guild_id = $1 AND m.user_id > $2 ORDER BY m.user_id LIMIT $3
"""
_ACHIEVEMENTS = """
    SELECT id, key, name, description, icon, hidden, prerequisites, retroactive, condition, reward_xp,
        reward_role_id::text AS role_id, deleted_at IS NOT NULL AS deleted
    FROM achievements WHERE guild_id = $1 ORDER BY id
"""
_AWARDS = """
    SELECT a.key AS achievement, w.user_id, w.name, w.awarded_at,
        CASE WHEN a.guild_id IS NULL THEN 'global' ELSE 'guild' END AS scope, w.xp, w.role_id::text AS role_id,
        w.awarded_by, w.revoked_at, w.revoked_by, w.member_id, w.achievement_id
    FROM members m JOIN achievement_awards w ON w.member_id = m.id JOIN achievements a ON a.id = w.achievement_id
    WHERE m.guild_id = $1 AND (m.id, w.achievement_id) > ($2, $3) ORDER BY m.id, w.achievement_id LIMIT $4
"""
# The first condition prunes partitions, the second one is the position to continue from.
_DAYS = """
    SELECT day, user_id, xp, messages, voice_seconds, reactions, commands, earned_xp, events FROM activity_days
    WHERE guild_id = $1 AND day >= $2 AND (day, user_id) > ($2, $3) ORDER BY day, user_id LIMIT $4
"""
_HOURS = """
    SELECT hour, user_id, xp, messages, voice_seconds, reactions, commands FROM activity_hours
    WHERE guild_id = $1 AND hour >= $2 AND (hour, user_id) > ($2, $3) ORDER BY hour, user_id LIMIT $4
"""
_STAT_DAYS = """
    SELECT stat, day, user_id, value FROM custom_stat_days
    WHERE guild_id = $1 AND (stat, day, user_id) > ($2::varchar, $3, $4) ORDER BY stat, day, user_id LIMIT $5
"""
_IDS = """
    SELECT week, id FROM activity_ids WHERE guild_id = $1 AND week = $2 AND id > $3::uuid ORDER BY id LIMIT $4
"""
_WEEKS = "SELECT DISTINCT week FROM activity_ids WHERE guild_id = $1 AND week < $2 ORDER BY week"


class Exporter:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def export(self, actor: Actor, guild_id: int) -> AsyncIterator[bytes]:
        """The lines, in batches, without hidden people whom the actor may not see, and without data that the actor
        could not read by its own route. Settings and roles are those of the beginning; members and days those of the
        time when they are read. Raises `NotFound` before the first line."""
        async with self._database.connection() as connection:
            guild = await connection.fetchrow(_GUILD, guild_id)
            if guild is None:
                raise NotFound
            roles, channels = await connection.fetch(_ROLES, guild_id), await connection.fetch(_CHANNELS, guild_id)
            settings = await connection.fetch(_SETTINGS, guild_id)
            achievements = await connection.fetch(_ACHIEVEMENTS, guild_id)
        left_out = rights_of(actor.credential).left_out()
        header = {"guildhall": VERSION, "guild_id": str(guild_id), "exported_at": self._clock.now()}
        yield _line(header | ({"left_out": left_out} if left_out else {}))
        named = dict(guild)
        has_roles, has_channels = named.pop("has_roles"), named.pop("has_channels")
        configured: list[tuple[str, object]] = [("guild", named)]
        if has_roles:
            configured.append(("roles", {"items": [dict(row) for row in roles]}))
        if has_channels:
            configured.append(("channels", {"items": [dict(row) for row in channels]}))
        for row in settings:
            overrides = msgspec.json.decode(row["overrides"])
            configured.append(("settings", {"module": row["module"], "overrides": overrides}))
        configured += [("achievement", line) for line in _in_order([_achievement(row) for row in achievements])]
        for kind, line in configured:
            if kind not in left_out:
                yield _line({kind: line})
        async for lines in self._grown(actor, guild_id):
            yield lines

    async def _grown(self, actor: Actor, guild_id: int) -> AsyncIterator[bytes]:
        async for rows in self._people(actor, _MEMBERS, guild_id, ("user_id",), (0,)):
            yield b"".join(_line({"member": _member(row)}) for row in rows)
        async for rows in self._people(actor, _AWARDS, guild_id, ("member_id", "achievement_id"), (0, 0)):
            yield b"".join(_line({"award": _award(row)}) for row in rows)
        async with self._database.connection() as connection:
            day = await connection.fetchval("SELECT min(day) FROM activity_days WHERE guild_id = $1", guild_id)
            hour = await connection.fetchval("SELECT min(hour) FROM activity_hours WHERE guild_id = $1", guild_id)
            stat_day = await connection.fetchval("SELECT min(day) FROM custom_stat_days WHERE guild_id = $1", guild_id)
            weeks = [row[0] for row in await connection.fetch(_WEEKS, guild_id, IMPORTED)]
        if day is not None:
            async for rows in self._people(actor, _DAYS, guild_id, ("day", "user_id"), (day, -1)):
                yield b"".join(_line({"day": _counted(row)}) for row in rows)
        if hour is not None:
            async for rows in self._people(actor, _HOURS, guild_id, ("hour", "user_id"), (hour, -1)):
                yield b"".join(_line({"hour": _counted(row)}) for row in rows)
        if stat_day is not None:
            async for rows in self._people(actor, _STAT_DAYS, guild_id, ("stat", "day", "user_id"), ("", stat_day, 0)):
                yield b"".join(_line({"stat_day": {**row, "user_id": str(row["user_id"])}}) for row in rows)
        for week in (*weeks, IMPORTED):
            async for rows in self._batches(_IDS, guild_id, ("id",), (UUID(int=0),), week):
                yield _line({"event_ids": _event_ids(week, [row["id"].hex for row in rows])})

    async def _people(
        self, actor: Actor, sql: str, guild_id: int, key: tuple[str, ...], after: tuple[Any, ...]
    ) -> AsyncIterator[list[asyncpg.Record]]:  # Any: columns of any type
        """The rows of people whom the actor may see. The guild's own rows (user 0) are for everybody."""
        async for rows in self._batches(sql, guild_id, key, after):
            if actor.hidden_seen() is None:
                yield rows
                continue
            async with self._database.connection() as connection:
                found = await connection.fetch(HIDDEN, sorted({row["user_id"] for row in rows}))
            hidden = {row["user_id"] for row in found if not actor.sees_hidden(row["user_id"])}
            yield [row for row in rows if row["user_id"] not in hidden]

    async def _batches(
        self, sql: str, guild_id: int, key: tuple[str, ...], after: tuple[Any, ...], *more: object
    ) -> AsyncIterator[list[asyncpg.Record]]:  # Any: columns of any type
        """All rows of a statement in the order of `key`; each batch continues after the last row of the one before."""
        while True:
            async with self._database.connection() as connection:
                rows = await connection.fetch(sql, guild_id, *more, *after, BATCH_SIZE)
            if not rows:
                return
            yield rows
            after = tuple(rows[-1][name] for name in key)


def _line(value: dict[str, object]) -> bytes:
    return _encode(value) + b"\n"


def _event_ids(week: date, keys: Sequence[str]) -> dict[str, object]:
    ids = [id_ for id_ in map(id_of, keys) if id_ is not None]
    return {"week": week, "ids": ids, "digests": keys[len(ids) :]}  # in order: snowflakes come first


def _member(row: asyncpg.Record) -> dict[str, object]:
    stats = row["custom_stats"]
    return {**row, "user_id": str(row["user_id"]), "custom_stats": {} if stats is None else msgspec.json.decode(stats)}


def _counted(row: asyncpg.Record) -> dict[str, object]:
    return {**row, "user_id": str(row["user_id"]) if row["user_id"] else None}


def _achievement(row: asyncpg.Record) -> dict[str, Any]:  # Any: what a line holds
    columns = dict(row)
    del columns["id"]
    rewards = {"xp": columns.pop("reward_xp"), "role_id": columns.pop("role_id")}
    decoded = {name: msgspec.json.decode(columns[name]) for name in ("condition", "prerequisites")}
    return {**columns, **decoded, "rewards": rewards}


def _in_order(lines: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:  # Any: the same
    """Sorted so that prerequisites come first; there are no cycles."""
    by_key = {line["key"]: line for line in lines}
    written: set[str] = set()

    def write(line: dict[str, Any]) -> Iterator[dict[str, Any]]:  # Any: the same
        if line["key"] not in written:
            written.add(line["key"])
            for key in line["prerequisites"]:
                if key in by_key:
                    yield from write(by_key[key])
            yield line

    for line in lines:
        yield from write(line)


def _award(row: asyncpg.Record) -> dict[str, object]:
    columns = {**row, "user_id": str(row["user_id"])}
    del columns["member_id"], columns["achievement_id"]
    return columns
