"""The export of a guild as lines of JSON. It reads in batches by key, so the guild is never in memory as a whole."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from datetime import date, datetime
from functools import partial
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

import asyncpg
import msgspec

from api.activity.event_keys import id_of
from api.auth.actors import Actor
from api.errors import NotFound
from api.imports import export_queries as sql
from api.imports.lines import VERSION
from api.imports.rights import rights_of
from api.lib.clock import Clock
from api.members.visibility import hidden_from
from api.postgres.database import Connection
from api.postgres.partitions import IMPORTED
from api.postgres.reader import Reader
from api.postgres.replica import LONG_PATIENCE_SECONDS

BATCH_SIZE = 2000

_encode = msgspec.json.Encoder().encode

T = TypeVar("T")


class _Configured(NamedTuple):
    guild: asyncpg.Record
    roles: list[asyncpg.Record]
    channels: list[asyncpg.Record]
    settings: list[asyncpg.Record]
    achievements: list[asyncpg.Record]


class _Firsts(NamedTuple):
    day: date | None
    hour: datetime | None
    stat_day: date | None
    weeks: list[date]


class Exporter:
    def __init__(self, reader: Reader, clock: Clock) -> None:
        self._reader = reader
        self._clock = clock

    async def export(self, actor: Actor, guild_id: int) -> AsyncIterator[bytes]:
        """The lines, in batches, without hidden people whom the actor may not see, and without data that the actor
        could not read by its own route. Settings and roles are those of the beginning; members and days those of the
        time when they are read. Raises `NotFound` before the first line."""
        guild, roles, channels, settings, achievements = await self._read(lambda c: _configured(c, guild_id))
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
        async for rows in self._people(actor, sql.MEMBERS, guild_id, ("user_id",), (0,)):
            yield b"".join(_line({"member": _member(row)}) for row in rows)
        async for rows in self._people(actor, sql.AWARDS, guild_id, ("member_id", "achievement_id"), (0, 0)):
            yield b"".join(_line({"award": _award(row)}) for row in rows)
        day, hour, stat_day, weeks = await self._read(lambda c: _firsts(c, guild_id))
        if day is not None:
            async for rows in self._people(actor, sql.DAYS, guild_id, ("day", "user_id"), (day, -1)):
                yield b"".join(_line({"day": _counted(row)}) for row in rows)
        if hour is not None:
            async for rows in self._people(actor, sql.HOURS, guild_id, ("hour", "user_id"), (hour, -1)):
                yield b"".join(_line({"hour": _counted(row)}) for row in rows)
        if stat_day is not None:
            async for rows in self._people(
                actor, sql.STAT_DAYS, guild_id, ("stat", "day", "user_id"), ("", stat_day, 0)
            ):
                yield b"".join(_line({"stat_day": {**row, "user_id": str(row["user_id"])}}) for row in rows)
        for week in (*weeks, IMPORTED):
            async for rows in self._batches(sql.IDS, guild_id, ("id",), (UUID(int=0),), week):
                yield _line({"event_ids": _event_ids(week, [row["id"].hex for row in rows])})

    async def _people(
        self, actor: Actor, statement: str, guild_id: int, key: tuple[str, ...], after: tuple[Any, ...]
    ) -> AsyncIterator[list[asyncpg.Record]]:  # Any: columns of any type
        """The rows of people whom the actor may see. The guild's own rows (user 0) are for everybody."""
        async for rows in self._batches(statement, guild_id, key, after):
            if actor.hidden_seen() is None:
                yield rows
                continue
            hidden = await self._hidden(actor, rows)
            yield [row for row in rows if row["user_id"] not in hidden]

    async def _batches(
        self, statement: str, guild_id: int, key: tuple[str, ...], after: tuple[Any, ...], *more: object
    ) -> AsyncIterator[list[asyncpg.Record]]:  # Any: columns of any type
        """All rows of a statement in the order of `key`; each batch continues after the last row of the one before."""
        while True:
            rows = await self._read(partial(_fetch, statement=statement, arguments=(guild_id, *more, *after)))
            if not rows:
                return
            yield rows
            after = tuple(rows[-1][name] for name in key)

    async def _hidden(self, actor: Actor, rows: Sequence[asyncpg.Record]) -> set[int]:
        """The people of these rows whom the actor may not see."""
        users = sorted({row["user_id"] for row in rows})
        return await self._read(lambda c: hidden_from(c, actor.hidden_seen(), users))

    async def _read(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        return await self._reader.read(work, patience=LONG_PATIENCE_SECONDS)


async def _fetch(connection: Connection, statement: str, arguments: tuple[object, ...]) -> list[asyncpg.Record]:
    return await connection.fetch(statement, *arguments, BATCH_SIZE)


async def _configured(connection: Connection, guild_id: int) -> _Configured:
    """The guild's row, roles, channels, settings and achievements. Raises `NotFound`."""
    guild = await connection.fetchrow(sql.GUILD, guild_id)
    if guild is None:
        raise NotFound
    parts = (sql.ROLES, sql.CHANNELS, sql.SETTINGS, sql.ACHIEVEMENTS)
    return _Configured(guild, *[await connection.fetch(part, guild_id) for part in parts])


async def _firsts(connection: Connection, guild_id: int) -> _Firsts:
    """Where the guild's days, hours, days of custom stats and weeks of event ids begin."""
    return _Firsts(
        await connection.fetchval(sql.FIRST_DAY, guild_id),
        await connection.fetchval(sql.FIRST_HOUR, guild_id),
        await connection.fetchval(sql.FIRST_STAT_DAY, guild_id),
        [row[0] for row in await connection.fetch(sql.WEEKS, guild_id, IMPORTED)],
    )


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
