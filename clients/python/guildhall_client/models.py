"""What Guildhall answers. A member that a newer server adds is ignored."""

from datetime import datetime
from typing import Any, Generic, TypeVar

import msgspec

T = TypeVar("T")


class Page(msgspec.Struct, Generic[T], frozen=True):
    """A page of a list. Pass `next_cursor` as `cursor` to read on."""

    items: list[T]
    next_cursor: str | None = None


class Fault(msgspec.Struct, frozen=True):
    """One thing that is wrong with a request: where, and what."""

    message: str
    pointer: str | None = None
    parameter: str | None = None


class RoleChanges(msgspec.Struct, frozen=True):
    """Ids of roles to give and to take."""

    add: list[str]
    remove: list[str]


class Announcement(msgspec.Struct, frozen=True):
    """What to say, and where: `off`, `current`, `channel` or `dm`."""

    mode: str
    channel_id: str | None
    text: str | None


class LevelUp(msgspec.Struct, frozen=True):
    """A member reached a higher level."""

    user_id: str
    from_level: int
    to_level: int
    xp: int
    role_rewards: RoleChanges
    announce: Announcement
    username: str | None = None
    display_name: str | None = None
    avatar_url: str | None = None


class Rewards(msgspec.Struct, frozen=True):
    """What comes with an achievement."""

    xp: int
    role_id: str | None


class Achieved(msgspec.Struct, frozen=True):
    """A member unlocked an achievement, by its key."""

    user_id: str
    achievement: str
    rewards: Rewards
    username: str | None = None
    display_name: str | None = None
    avatar_url: str | None = None


class Rejected(msgspec.Struct, frozen=True):
    """An event that was not taken, by its place in the request."""

    index: int
    reason: str


class Activity(msgspec.Struct, frozen=True):
    """The result of some events, and what the bot is to do."""

    accepted: int
    duplicates: int
    rejected: list[Rejected]
    level_ups: list[LevelUp]
    achievements_unlocked: list[Achieved]


class Stats(msgspec.Struct, frozen=True):
    """What a member did, in all."""

    messages: int
    voice_seconds: int
    reactions: int
    commands: int


class Streak(msgspec.Struct, frozen=True):
    """Days in a row."""

    current: int
    best: int


class Member(msgspec.Struct, frozen=True):
    """A member's profile. `rank` is None for somebody whom no board shows, and in lists."""

    guild_id: str
    user_id: str
    xp: int
    level: int
    level_xp: int
    next_level_xp: int | None
    member_count: int
    stats: Stats
    custom_stats: dict[str, int]
    streak: Streak
    first_seen_at: datetime | None
    last_active_at: datetime | None
    rank: int | None = None
    username: str | None = None
    display_name: str | None = None
    avatar_url: str | None = None


class Members(msgspec.Struct, frozen=True):
    """A page of members."""

    items: list[Member]
    next_cursor: str | None = None


class NamesPut(msgspec.Struct, frozen=True):
    """How many members have new names, had them already, or are no members."""

    updated: int
    unchanged: int
    unknown: int


class XpAdjusted(msgspec.Struct, frozen=True):
    """The result of XP that was given by hand."""

    member: Member
    level_up: LevelUp | None
    achievements_unlocked: list[Achieved]


class BoardEntry(msgspec.Struct, frozen=True):
    """A member's place on a board."""

    rank: int
    user_id: str
    value: int
    xp: int
    level: int
    username: str | None = None
    display_name: str | None = None
    avatar_url: str | None = None


class Board(msgspec.Struct, frozen=True):
    """A page of a board. `as_of`: when it was added up, in very large guilds; else it is of this moment."""

    stat: str
    member_count: int
    items: list[BoardEntry]
    next_cursor: str | None = None
    as_of: datetime | None = None


class Settings(msgspec.Struct, Generic[T], frozen=True):
    """A module's effective values in a guild."""

    module: str
    revision: int
    values: T
    overridden: list[str]


class Privacy(msgspec.Struct, frozen=True):
    """What a person has chosen, for every guild: `public` or `hidden`, and whether their events are dropped."""

    visibility: str
    opt_out: bool


class Erasure(msgspec.Struct, frozen=True):
    """The receipt of a person's erasure."""

    receipt: str
    erased_at: datetime
    guilds: int
    rows: int


class StreamEvent(msgspec.Struct, frozen=True):
    """One event of the stream. Keep `id` to go on after it: see `Guildhall.events`."""

    id: str
    event: str
    data: dict[str, Any]  # Any: JSON, by the kind of event
