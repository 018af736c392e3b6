"""Shapes of activity: events, and the answer to them."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType
from msgspec.structs import force_setattr

from api.lib import formats, snowflakes
from api.lib.pagination import CursorText, Limit
from api.members.dtos import UnlockedAchievement
from api.members.levelups import LevelUp
from api.members.names import GivenNames

MOST_EVENTS = 1000
MOST_ROLES = 250
LONGEST_SECONDS = 86_400
LARGEST_AMOUNT = 1_000_000_000

# Stats that the application counts itself: no custom stat may bear such a name.
BUILT_IN_STATS = ("xp", "level", "streak", "messages", "voice_seconds", "reactions", "commands")

EventId = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=64,
        description="Unique within the guild: the event counts once. The message's snowflake works well.",
        extra_json_schema={"format": "line", "pattern": formats.LINE},
    ),
]
# A thousand events bring two thousand ids, of which many are the same: msgspec reads them as they come, and the
# event makes numbers of them. A hook of msgspec's for each took longer than all the rest of reading a request.
if TYPE_CHECKING:
    Id = int
    ParentId = int
else:
    Id = Annotated[Any, Meta(extra_json_schema=snowflakes.SCHEMA)]
    ParentId = Annotated[
        Any,
        Meta(extra_json_schema={**snowflakes.SCHEMA, "description": "The channel that a thread belongs to."}),
    ]
Moment = Annotated[datetime, Meta(tz=True, description="RFC 3339, with an offset.")]
StatName = Annotated[
    str,
    Meta(
        pattern=rf"^(?!({'|'.join(BUILT_IN_STATS)})$)[a-z][a-z0-9_]{{0,63}}$(?!\n)",
        description="The name of a stat of your own; names of built-in stats are reserved.",
        examples=["duels_won"],
        extra_json_schema={"format": "custom-stat"},
    ),
]


_is_line = formats.CHECKS["line"]
_id = lru_cache(maxsize=2**14, typed=True)(snowflakes.number)


def _in_utc(moment: datetime) -> datetime:
    """A time in UTC. PostgreSQL reads no offset of 16 hours and more. A time beyond the calendar's edge in UTC becomes
    the edge."""
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        return moment.replace(tzinfo=UTC)  # less than a day beside it


class EventUser(GivenNames, frozen=True, forbid_unknown_fields=True):
    """The member's names and avatar. Absent ones stay unchanged, null clears them. Names are cleaned, and cut to 100
    characters; an avatar that is not a hash of Discord's becomes null. No event is refused because of them."""

    username: Annotated[str, Meta(description="The name on Discord")] | None | UnsetType = UNSET
    display_name: Annotated[str, Meta(description="The name in the guild")] | None | UnsetType = UNSET
    avatar: Annotated[str, Meta(description="Discord's hash of the avatar")] | None | UnsetType = UNSET


class BaseEvent(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True, tag_field="type"):
    """The members that every event has."""

    id: EventId
    user_id: Id
    occurred_at: Moment
    channel_id: Id | None = None
    parent_id: ParentId | None = None
    role_ids: Annotated[list[Id], Meta(max_length=MOST_ROLES)] = []
    user: EventUser | None = None

    def __post_init__(self) -> None:
        """Makes numbers of ids, and UTC of any other offset. Raises `ValueError` for what is no id, and for an event's
        id that is no line."""
        if self.occurred_at.tzinfo is not UTC:
            force_setattr(self, "occurred_at", _in_utc(self.occurred_at))
        if not self.id.isprintable() and not _is_line(self.id):
            raise ValueError(formats.SENTENCES["line"])
        force_setattr(self, "user_id", _id(self.user_id))
        if self.channel_id is not None:
            force_setattr(self, "channel_id", _id(self.channel_id))
        if self.parent_id is not None:
            force_setattr(self, "parent_id", _id(self.parent_id))
        if self.role_ids:
            force_setattr(self, "role_ids", [_id(role_id) for role_id in self.role_ids])


class MessageEvent(BaseEvent, frozen=True, tag="message"):
    """A message was written."""


class VoiceEvent(BaseEvent, frozen=True, tag="voice"):
    """Time in a voice channel since the last report. `occurred_at` is its end. The seconds count in each hour and day
    of the guild that the session covers."""

    # No bounds, here and of an amount: a value that is out of range harms its own event, not a thousand others.
    seconds: Annotated[
        int, Meta(description="How long, in seconds: 1 to 86400, other values are rejected.", examples=[300])
    ]


class ReactionEvent(BaseEvent, frozen=True, tag="reaction"):
    """A reaction was given."""


class CommandEvent(BaseEvent, frozen=True, tag="command"):
    """A command of the bot was used."""

    name: Annotated[str, Meta(min_length=1, max_length=100, pattern=formats.LINE, extra_json_schema={"format": "line"})]


class StatEvent(BaseEvent, frozen=True, tag="stat"):
    """A stat of the bot's own. It earns no XP."""

    stat: StatName
    amount: Annotated[
        int,
        Meta(
            description=f"Added to the stat: -{LARGEST_AMOUNT} to {LARGEST_AMOUNT}, other values are rejected.",
            examples=[1],
        ),
    ]


Event = MessageEvent | VoiceEvent | ReactionEvent | CommandEvent | StatEvent


class RecordActivity(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Events of members' activity, in any order."""

    events: Annotated[list[Event], Meta(min_length=1, max_length=MOST_EVENTS)]


class RejectedEvent(msgspec.Struct, frozen=True):
    """An event with a valid form and an invalid value, by its index in the request. It does not count."""

    index: int
    reason: Annotated[
        Literal["too_old", "in_future", "out_of_range", "too_many_stats"],
        Meta(
            description="`too_old`: more than 7 days ago. `in_future`: more than 5 minutes ahead. `out_of_range`: a"
            " number that is too small or too large. `too_many_stats`: of a stat that the guild does not have yet, and"
            " it has 200 already."
        ),
    ]


class ActivityView(msgspec.Struct, frozen=True):
    """The result: how many events counted, how many were known already, and what the bot has to do."""

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
    """How much XP an event earns, and why. `base` is the XP before multipliers. `cooldown` is the number of seconds by
    which a message is too early, or null for an event without a cooldown. `cap` is the rest of the daily cap, or null
    without a cap."""

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


class CustomStatView(msgspec.Struct, frozen=True):
    """A stat of a guild's own, by its name."""

    stat: str


class CustomStatsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A page of the list."""

    limit: Limit = 50
    cursor: CursorText | None = None
