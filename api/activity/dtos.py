"""Shapes of activity: what a bot reports, and what it is told back."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from api.lib import formats
from api.lib.snowflakes import Snowflake
from api.members.dtos import UnlockedAchievement
from api.members.levelups import LevelUp

MOST_EVENTS = 1000
MOST_ROLES = 250
LARGEST_AMOUNT = 1_000_000_000

# Stats that the application counts itself: no custom stat may bear such a name.
BUILT_IN_STATS = ("xp", "level", "streak", "messages", "voice_seconds", "reactions", "commands")

EventId = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=64,
        pattern=formats.LINE,
        description="Unique within the guild: the event counts once. A message's snowflake serves.",
        extra_json_schema={"format": "line"},
    ),
]
Moment = Annotated[datetime, Meta(tz=True, description="RFC 3339, with an offset.")]
StatName = Annotated[
    str,
    Meta(
        pattern=rf"^(?!({'|'.join(BUILT_IN_STATS)})$)[a-z][a-z0-9_]{{0,63}}$(?!\n)",
        description="Your own stat's name; not one of the built-in stats' names.",
        examples=["duels_won"],
        extra_json_schema={"format": "custom-stat"},
    ),
]


class BaseEvent(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True, tag_field="type"):
    """What every event says."""

    id: EventId
    user_id: Snowflake
    occurred_at: Moment
    channel_id: Snowflake | None = None
    role_ids: Annotated[list[Snowflake], Meta(max_length=MOST_ROLES)] = []


class MessageEvent(BaseEvent, frozen=True, tag="message"):
    """A message was written."""


class VoiceEvent(BaseEvent, frozen=True, tag="voice"):
    """Time was spent in a voice channel, since the last report of it."""

    seconds: Annotated[int, Meta(ge=1, le=86_400, description="How long, in seconds.")]


class ReactionEvent(BaseEvent, frozen=True, tag="reaction"):
    """A reaction was given."""


class CommandEvent(BaseEvent, frozen=True, tag="command"):
    """A command of the bot was used."""

    name: Annotated[
        str,
        Meta(min_length=1, max_length=100, pattern=formats.LINE, extra_json_schema={"format": "line"}),
    ]


class StatEvent(BaseEvent, frozen=True, tag="stat"):
    """Something else that the bot counts. It earns no XP."""

    stat: StatName
    amount: Annotated[int, Meta(ge=-LARGEST_AMOUNT, le=LARGEST_AMOUNT, description="Added to the stat.")]


Event = MessageEvent | VoiceEvent | ReactionEvent | CommandEvent | StatEvent


class RecordActivity(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What members did, in any order."""

    events: Annotated[list[Event], Meta(min_length=1, max_length=MOST_EVENTS)]


class RejectedEvent(msgspec.Struct, frozen=True):
    """An event that was not taken, by its place in the request."""

    index: int
    reason: Literal["too_old", "in_future"]


class ActivityView(msgspec.Struct, frozen=True):
    """What came of it: how many events counted, how many were known already, and what the bot is to do."""

    accepted: int
    duplicates: int
    rejected: list[RejectedEvent]
    level_ups: list[LevelUp]
    achievements_unlocked: list[UnlockedAchievement]


class Factor(msgspec.Struct, frozen=True):
    """A multiplier: `guild`, `channel:<id>` or `role:<id>`, and its factor."""

    of: str
    factor: float


class ExplainedEvent(msgspec.Struct, frozen=True):
    """How much XP an event earns, and why. `base` is before multipliers; `cooldown` the seconds that a message
    is too early, null for what has none; `cap` the XP that the day's cap still left, null without a cap."""

    index: int
    id: str
    base: float
    multipliers: list[Factor]
    multiplier: float
    cooldown: int | None
    cap: int | None
    xp: int
    reason: str


class Explanation(msgspec.Struct, frozen=True):
    """One entry for each event, in the order of the request."""

    items: list[ExplainedEvent]
