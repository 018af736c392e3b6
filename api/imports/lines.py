"""The lines of a guild's export: one JSON object each, its one member says what it is. Version 1.

The first line is `{"guildhall": 1, …}`. What is not known of a thing is null; ids are strings; the guild as a
whole is `user_id` null."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from api.achievements.dtos import NAME_CHARACTERS, CreateAchievement, Key
from api.activity.dtos import StatName
from api.activity.event_keys import DIGEST_PATTERN
from api.guilds.dtos import LARGEST_LIST, PutChannel, PutGuild, PutRole
from api.lib.formats import LINE
from api.lib.json import JsonObject
from api.lib.snowflakes import Snowflake
from api.settings.builtin.cards import Color
from api.settings.curves import MAX_XP

VERSION = 1


Total = Annotated[int, Meta(ge=0, le=2**62)]
Amount = Annotated[int, Meta(ge=-(2**62), le=2**62)]
Xp = Annotated[int, Meta(ge=0, le=MAX_XP)]
Moment = Annotated[datetime, Meta(tz=True)]
# Of an export, which may be older than what names have to be: it is cleaned, and no line is lost.
Name = Annotated[str, Meta(min_length=1, max_length=NAME_CHARACTERS)]
By = Annotated[str, Meta(max_length=80, pattern=LINE)]


class Header(msgspec.Struct, frozen=True):
    guildhall: int
    guild_id: str | None = None
    exported_at: Moment | None = None


class RolesLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    items: Annotated[list[PutRole], Meta(max_length=LARGEST_LIST)]


class ChannelsLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    items: Annotated[list[PutChannel], Meta(max_length=LARGEST_LIST)]


class SettingsLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    module: str
    overrides: JsonObject


class MemberLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    user_id: Snowflake
    xp: Xp
    messages: Total = 0
    voice_seconds: Total = 0
    reactions: Total = 0
    commands: Total = 0
    last_xp_at: Moment | None = None
    streak_from: date | None = None
    streak_to: date | None = None
    streak_best: Annotated[int, Meta(ge=0, le=100_000)] = 0
    first_seen_at: Moment | None = None
    last_active_at: Moment | None = None
    left_at: Moment | None = None
    is_ranked: bool = True
    is_hidden: bool = False
    username: str | None | UnsetType = UNSET
    display_name: str | None | UnsetType = UNSET
    avatar: str | None | UnsetType = UNSET
    card_accent: Color | None = None
    custom_stats: dict[StatName, Amount] = {}


class CountedLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    user_id: Snowflake | None
    xp: Amount = 0
    messages: Amount = 0
    voice_seconds: Amount = 0
    reactions: Amount = 0
    commands: Amount = 0


class DayLine(CountedLine, frozen=True, kw_only=True):
    day: date
    earned_xp: Amount = 0
    events: Amount = 0


class HourLine(CountedLine, frozen=True, kw_only=True):
    hour: Moment


class StatDayLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    stat: StatName
    day: date
    user_id: Snowflake
    value: Amount


class EventIds(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Ids of events that were delivered in the week that begins then, or (9999-12-27) imported. `digests`: those that
    are no snowflakes; older exports have all as `ids`."""

    week: date
    ids: Annotated[list[Annotated[str, Meta(min_length=1, max_length=64, pattern=LINE)]], Meta(max_length=10_000)] = []
    digests: Annotated[list[Annotated[str, Meta(pattern=DIGEST_PATTERN)]], Meta(max_length=10_000)] = []


class AchievementLine(CreateAchievement, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`deleted`: it cannot be earned, and some have it."""

    name: Name
    deleted: bool = False


class AwardLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`scope` says whose the achievement is: the guild's own, or the whole installation's."""

    achievement: Key
    user_id: Snowflake
    name: Name
    awarded_at: Moment
    scope: Literal["guild", "global"] = "guild"
    xp: Xp = 0
    role_id: Snowflake | None = None
    awarded_by: By | None = None
    revoked_at: Moment | None = None
    revoked_by: By | None = None


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line but the first."""

    guild: PutGuild | None = None
    roles: RolesLine | None = None
    channels: ChannelsLine | None = None
    settings: SettingsLine | None = None
    achievement: AchievementLine | None = None
    member: MemberLine | None = None
    award: AwardLine | None = None
    day: DayLine | None = None
    hour: HourLine | None = None
    stat_day: StatDayLine | None = None
    event_ids: EventIds | None = None


class Read(msgspec.Struct, frozen=True):
    """A line, and which member it has; or what is wrong with it."""

    number: int
    kind: str
    item: Any  # Any: a member of `Line`, or a Fault
