"""What activity, boards and profiles are measured against: an ASGI application written by hand, as fast as
it gets while it does the same for a bot: no framework, one transaction a request, a handful of statements.

It counts each event once, keeps cooldown, XP, levels and one rollup a day, and answers in the contract's shapes.
It has no settings, no time zones, no streaks, no hidden people, no counters for ranks: a rank is a `count(*)`.
"""

import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Awaitable, Callable, MutableMapping
from hashlib import sha256
from typing import Any

import asyncpg
import msgspec

from benchmarks import yardstick_activity as activity
from benchmarks.yardstick_sql import BOARD, BOARD_AFTER, PROFILE

Scope = MutableMapping[str, Any]  # Any: as ASGI has it
Send = Callable[[Scope], Awaitable[None]]
Receive = Callable[[], Awaitable[Scope]]

KEYS = {sha256(os.environ["BENCH_KEY"].encode()).digest()}
LIMIT = 50
Cursor = tuple[int, int, int, int]  # the last row's value, user, rank and place


class Item(msgspec.Struct):
    rank: int
    user_id: str
    value: int
    xp: int
    level: int


class Board(msgspec.Struct, rename={"from_": "from"}):
    stat: str
    period: str
    from_: str | None
    to: str | None
    member_count: int
    items: list[Item]
    next_cursor: str | None


class Profile(msgspec.Struct):
    guild_id: str
    user_id: str
    xp: int
    level: int
    level_xp: int
    next_level_xp: int | None
    rank: int
    member_count: int
    stats: dict[str, int]
    custom_stats: dict[str, int]
    streak: dict[str, int]
    first_seen_at: Any
    last_active_at: Any


class Refused(Exception):
    def __init__(self, status: int) -> None:
        self.status = status


async def _keep(_connection: object) -> None:
    """No reset when a connection is given back: no session state is ever set, and it is a round trip."""


class Yardstick:
    pool: "asyncpg.Pool[asyncpg.Record]"
    guilds: set[int]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        try:
            status, content = 200, await self._answer(scope, receive)
        except Refused as refused:
            status, content = refused.status, b'{"status": %d}' % refused.status
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(content))]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        self.pool = await asyncpg.create_pool(
            os.environ["BENCH_DATABASE_URL"],
            min_size=10,
            max_size=10,
            reset=_keep,
            server_settings={"plan_cache_mode": "force_generic_plan"},  # else arrays are planned anew each time
        )
        self.guilds = {row[0] for row in await self.pool.fetch("SELECT guild_id FROM yard_guilds")}
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.pool.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def _answer(self, scope: Scope, receive: Receive) -> bytes:
        bearer = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
        if sha256(bearer[7:]).digest() not in KEYS:
            raise Refused(401)
        _, _, _, guild, name, *rest = scope["path"].split("/")
        guild_id = int(guild)
        if guild_id not in self.guilds:
            raise Refused(404)
        if name == "activity":
            return await self._count(guild_id, receive)
        if name == "leaderboard":
            return await self._board(guild_id, scope["query_string"])
        return await self._profile(guild_id, int(rest[0]))

    async def _count(self, guild_id: int, receive: Receive) -> bytes:
        message = await receive()
        body = message["body"]
        while message.get("more_body"):
            message = await receive()
            body += message["body"]
        try:
            decoded = activity.decode(body)
        except msgspec.DecodeError:
            raise Refused(422) from None
        async with self.pool.acquire() as connection:
            return msgspec.json.encode(await activity.count(connection, guild_id, decoded))

    async def _board(self, guild_id: int, query: bytes) -> bytes:
        _, _, cursor = query.partition(b"cursor=")
        value = rank = place = user = 0
        async with self.pool.acquire() as connection:
            if cursor:
                value, user, rank, place = msgspec.msgpack.decode(urlsafe_b64decode(cursor), type=Cursor)
                rows = await connection.fetch(BOARD_AFTER, guild_id, LIMIT + 1, value, user)
            else:
                rows = await connection.fetch(BOARD, guild_id, LIMIT + 1)
        items = []
        for user, xp, _ in rows[:LIMIT]:
            place += 1
            if xp != value or not rank:
                rank, value = place, xp
            items.append(Item(rank, str(user), xp, xp, activity.level(xp)))
        following = None
        if len(rows) > LIMIT:
            last: Cursor = (value, rows[LIMIT - 1][0], rank, place)
            following = urlsafe_b64encode(msgspec.msgpack.encode(last)).decode()
        count = rows[0][2] if rows else 0
        return msgspec.json.encode(Board("xp", "all", None, None, count, items, following))

    async def _profile(self, guild_id: int, user_id: int) -> bytes:
        async with self.pool.acquire() as connection:
            row = await connection.fetchrow(PROFILE, guild_id, user_id)
        if row is None:
            raise Refused(404)
        xp, messages, voice_seconds, reactions, commands, first_seen_at, last_active_at, rank, member_count = row
        level = activity.level(xp)
        return msgspec.json.encode(
            Profile(
                guild_id=str(guild_id),
                user_id=str(user_id),
                xp=xp,
                level=level,
                level_xp=activity.LEVELS[level - 1] if level else 0,
                next_level_xp=activity.LEVELS[level] if level < len(activity.LEVELS) else None,
                rank=rank,
                member_count=member_count,
                stats={
                    "messages": messages,
                    "voice_seconds": voice_seconds,
                    "reactions": reactions,
                    "commands": commands,
                },
                custom_stats={},
                streak={"current": 0, "best": 0},
                first_seen_at=first_seen_at,
                last_active_at=last_active_at,
            )
        )


app = Yardstick()
