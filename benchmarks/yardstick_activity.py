"""The yardstick's way of counting events: one transaction a request, three statements, four if somebody is new."""

from bisect import bisect_right
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate
from operator import attrgetter
from typing import TYPE_CHECKING, Annotated, Literal
from zlib import crc32

import asyncpg
import msgspec

from benchmarks.yardstick_sql import DEDUPLICATE, MAKE, STORE

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    Connection = PoolConnectionProxy[asyncpg.Record]
else:
    Connection = object

COOLDOWN = timedelta(seconds=60)
REMEMBERED, AHEAD = timedelta(days=7), timedelta(minutes=5)
LEVELS = list(accumulate(5 * level * level + 50 * level + 100 for level in range(1000)))

Snowflake = Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]
Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class Event(msgspec.Struct, forbid_unknown_fields=True):
    id: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    user_id: Snowflake
    occurred_at: Moment
    channel_id: Snowflake | None = None
    role_ids: list[Snowflake] = []


class Message(Event, tag="message"):
    pass


class Voice(Event, tag="voice", kw_only=True):
    seconds: Annotated[int, msgspec.Meta(ge=1, le=86_400)]


class Reaction(Event, tag="reaction"):
    pass


class Command(Event, tag="command", kw_only=True):
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


class Activity(msgspec.Struct, forbid_unknown_fields=True):
    events: Annotated[list[Message | Voice | Reaction | Command], msgspec.Meta(min_length=1, max_length=1000)]


class Rejected(msgspec.Struct):
    index: int
    reason: Literal["too_old", "in_future"]


class LevelUp(msgspec.Struct):
    user_id: str
    from_level: int
    to_level: int
    xp: int
    role_rewards: dict[str, list[str]]
    announce: dict[str, str | None]


class BatchResult(msgspec.Struct):
    accepted: int
    duplicates: int
    rejected: list[Rejected]
    level_ups: list[LevelUp]
    achievements_unlocked: list[str] = []


class Member(msgspec.Struct):
    user_id: int
    xp: int
    last_xp_at: datetime | None
    first_at: datetime
    last_at: datetime
    before: int
    messages: int = 0
    voice_seconds: int = 0
    reactions: int = 0
    commands: int = 0


Days = dict[tuple[date, int], list[int]]
decode = msgspec.json.Decoder(Activity, strict=False).decode  # ids as strings or as integers


def level(xp: int) -> int:
    return bisect_right(LEVELS, xp)


async def count(connection: Connection, guild_id: int, activity: Activity) -> BatchResult:
    now = datetime.now(UTC)
    oldest, latest = now - REMEMBERED, now + AHEAD
    events: dict[str, Event] = {}
    rejected: list[Rejected] = []
    for index, event in enumerate(activity.events):
        if event.occurred_at < oldest:
            rejected.append(Rejected(index, "too_old"))
        elif event.occurred_at > latest:
            rejected.append(Rejected(index, "in_future"))
        else:
            events.setdefault(event.id, event)
    users = sorted({event.user_id for event in events.values()})
    await connection.execute("BEGIN")
    try:
        rows = await connection.fetch(DEDUPLICATE, guild_id, sorted(events), users)
        fresh = [events[row[0]] for row in rows if row[0] is not None]
        held = {row[1]: row for row in rows if row[0] is None}
        if len(held) < len(users):
            missing = [user for user in users if user not in held]
            held.update((row[1], row) for row in await connection.fetch(MAKE, guild_id, missing))
        members, days = _judge(fresh, held)
        if members:
            await _store(connection, guild_id, members, days)
        await connection.execute("COMMIT")
    except BaseException:
        await connection.execute("ROLLBACK")
        raise
    level_ups = []
    for member in members:
        before, after = level(member.before), level(member.xp)
        if after > before:
            text = f"<@{member.user_id}> reached level {after}!"
            announce = {"mode": "current", "channel_id": None, "text": text}
            level_ups.append(
                LevelUp(str(member.user_id), before, after, member.xp, {"add": [], "remove": []}, announce)
            )
    duplicates = len(activity.events) - len(rejected) - len(fresh)
    return BatchResult(len(fresh), duplicates, rejected, level_ups)


def _judge(fresh: list[Event], held: dict[int, asyncpg.Record]) -> tuple[list[Member], Days]:
    members: dict[int, Member] = {}
    days: Days = {}
    fresh.sort(key=attrgetter("occurred_at"))
    for event in fresh:
        at = event.occurred_at
        member = members.get(event.user_id)
        if member is None:
            _, user, xp, last_xp_at = held[event.user_id]
            member = members[user] = Member(user, xp, last_xp_at, at, at, xp)
        member.last_at = at
        key = (at.astimezone(UTC).date(), event.user_id)
        day = days.get(key)
        if day is None:
            day = days[key] = [0, 0, 0, 0, 0]
        if isinstance(event, Message):
            member.messages += 1
            day[1] += 1
            if member.last_xp_at is None or at - member.last_xp_at >= COOLDOWN:
                earned = 15 + crc32(event.id.encode()) % 11
                member.xp += earned
                day[0] += earned
                member.last_xp_at = at
        elif isinstance(event, Voice):
            member.voice_seconds += event.seconds
            day[2] += event.seconds
        elif isinstance(event, Reaction):
            member.reactions += 1
            day[3] += 1
        else:
            member.commands += 1
            day[4] += 1
    return list(members.values()), days


async def _store(connection: Connection, guild_id: int, members: list[Member], days: Days) -> None:
    await connection.execute(
        STORE,
        guild_id,
        [member.user_id for member in members],
        [member.xp for member in members],
        [member.last_xp_at for member in members],
        [member.first_at for member in members],
        [member.last_at for member in members],
        [member.messages for member in members],
        [member.voice_seconds for member in members],
        [member.reactions for member in members],
        [member.commands for member in members],
        *zip(*((*key, *amounts) for key, amounts in days.items()), strict=True),
    )
