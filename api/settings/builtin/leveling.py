"""Settings of XP and levels."""

from collections.abc import Hashable, Iterable
from typing import Annotated, Literal

import msgspec

from api.lib.faults import Fault, pointer
from api.lib.json import JsonObject
from api.settings.builtin.announcements import LEVEL_UP, LevelUpAnnouncement, announcement_faults
from api.settings.builtin.structs import (
    MAX_CHANNELS,
    MAX_ROLES,
    ChannelId,
    ChannelIds,
    RoleId,
    RoleIds,
    Values,
    form,
    schema_of,
    struct_of,
)
from api.settings.curves import TOP_LEVEL, Curve, PresetCurve, curve_faults
from api.settings.modules import Module

VERSION = 1
MAX_DAILY_XP = 1_000_000_000

Xp = Annotated[int, msgspec.Meta(ge=0, le=10_000)]
Factor = Annotated[float, msgspec.Meta(ge=0, le=100)]
Level = Annotated[int, msgspec.Meta(ge=1, le=TOP_LEVEL)]
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


class XpRange(Values, frozen=True):
    """The range of a message's XP; `min` and `max` are included."""

    min: Annotated[Xp, form(1, "earning", "At least", "The least XP of a message.")] = 15
    max: Annotated[Xp, form(2, "earning", "At most", "The most XP of a message.")] = 25


class RoleMultiplier(Values, frozen=True):
    """XP of those who have the role is multiplied by the factor."""

    role_id: Annotated[RoleId, form(1, "multipliers", "Role", "The role.")]
    factor: Annotated[Factor, form(2, "multipliers", "Factor", "0 is no XP, 2 is double XP.")]


class ChannelMultiplier(Values, frozen=True):
    """XP earned in the channel is multiplied by the factor."""

    channel_id: Annotated[ChannelId, form(1, "multipliers", "Channel", "The channel.")]
    factor: Annotated[Factor, form(2, "multipliers", "Factor", "0 is no XP, 2 is double XP.")]


class MultiplierStacking(Values, frozen=True):
    """How several multipliers are combined. A factor of 0 always wins."""

    roles: Annotated[
        Literal["largest", "smallest", "add", "multiply"],
        form(1, "multipliers", "Several roles", "How the multipliers of several roles are combined."),
    ] = "largest"
    channel_with_roles: Annotated[
        Literal["multiply", "add", "largest", "channel_first", "role_first"],
        form(2, "multipliers", "Channel and roles", "How the channel's multiplier is combined with the roles'."),
    ] = "multiply"


class RoleReward(Values, frozen=True):
    """A role that members get at a level."""

    level: Annotated[Level, form(1, "rewards", "Level", "The level at which the role is given.")]
    role_id: Annotated[RoleId, form(2, "rewards", "Role", "The role.")]


class LevelingSettings(Values, frozen=True, dict=True, weakref=True):
    """A guild's settings of XP and levels. Other code keeps what it derives from them in `__dict__`."""

    enabled: Annotated[bool, form(1, "general", "Enabled", "Whether members earn XP.")] = True
    xp_per_message: Annotated[XpRange, form(2, "earning", "XP per message", "The range of a message's XP.")] = XpRange()
    cooldown_seconds: Annotated[
        Annotated[int, msgspec.Meta(ge=0, le=86_400)],
        form(3, "earning", "Cooldown", "Shortest time, in seconds, between two messages of a member that earn XP."),
    ] = 60
    xp_per_voice_minute: Annotated[
        Xp, form(4, "earning", "XP per voice minute", "XP for each minute in a voice channel.")
    ] = 0
    xp_per_reaction: Annotated[Xp, form(5, "earning", "XP per reaction", "XP for each reaction.")] = 0
    xp_per_command: Annotated[Xp, form(6, "earning", "XP per command", "XP for each command.")] = 0
    daily_xp_cap: Annotated[
        Annotated[int, msgspec.Meta(ge=0, le=MAX_DAILY_XP)] | None,
        form(7, "earning", "Daily cap", "The most XP that a member can earn on a day of the guild."),
    ] = None
    multiplier: Annotated[Factor, form(8, "multipliers", "Multiplier", "A multiplier for all XP in the guild.")] = 1.0
    role_multipliers: Annotated[
        Annotated[list[RoleMultiplier], msgspec.Meta(max_length=MAX_ROLES)],
        form(9, "multipliers", "Role multipliers", "Multipliers for members with certain roles."),
    ] = msgspec.field(default_factory=list)
    channel_multipliers: Annotated[
        Annotated[list[ChannelMultiplier], msgspec.Meta(max_length=MAX_CHANNELS)],
        form(10, "multipliers", "Channel multipliers", "Multipliers for certain channels."),
    ] = msgspec.field(default_factory=list)
    multiplier_stacking: Annotated[
        MultiplierStacking, form(11, "multipliers", "Stacking", "How several multipliers are combined.")
    ] = MultiplierStacking()
    ignored_channel_ids: Annotated[
        ChannelIds, form(12, "places", "Ignored channels", "Channels in which members earn no XP.")
    ] = msgspec.field(default_factory=list)
    ignored_role_ids: Annotated[
        RoleIds, form(13, "places", "Ignored roles", "Members with one of these roles earn no XP.")
    ] = msgspec.field(default_factory=list)
    only_channel_ids: Annotated[
        ChannelIds,
        form(14, "places", "Only channels", "If the list is not empty, members earn XP only in these channels."),
    ] = msgspec.field(default_factory=list)
    curve: Annotated[
        Curve,
        form(15, "levels", "Curve", "How much XP each level needs.", **{"x-merge": "replace"}),
    ] = PresetCurve("mee6")
    max_level: Annotated[Level | None, form(16, "levels", "Highest level", "The highest level. Empty: no limit.")] = (
        None
    )
    role_rewards: Annotated[
        Annotated[list[RoleReward], msgspec.Meta(max_length=MAX_ROLES)],
        form(17, "rewards", "Role rewards", "Roles that members get at certain levels."),
    ] = msgspec.field(default_factory=list)
    stack_role_rewards: Annotated[
        bool, form(18, "rewards", "Keep lower roles", "If off, members have only the roles of their highest level.")
    ] = True
    announce: Annotated[
        LevelUpAnnouncement,
        form(19, "announce", "Announcements", "Where and how a new level is announced."),
    ] = LevelUpAnnouncement()
    on_leave: Annotated[
        Literal["keep", "hide", "reset"],
        form(20, "general", "On leaving", "What happens to the XP and stats of a member who leaves."),
    ] = "hide"
    week_starts_on: Annotated[
        Weekday, form(21, "general", "Start of the week", "The first day of a week on leaderboards.")
    ] = "monday"


def leveling_settings(values: JsonObject) -> LevelingSettings:
    """Effective values, which the module accepts, as a struct."""
    return struct_of(values, LevelingSettings)


def rules(settings: LevelingSettings) -> list[Fault]:
    """Rules that the schema cannot express: order, rising curves, placeholders, no duplicates."""
    faults = curve_faults(settings.curve, settings.max_level)
    faults += announcement_faults(settings.announce, LEVEL_UP)
    if settings.xp_per_message.min > settings.xp_per_message.max:
        faults.append(Fault("/xp_per_message/min", "is more than `max`"))
    roles = [each.role_id for each in settings.role_multipliers]
    channels = [each.channel_id for each in settings.channel_multipliers]
    rewards = [(each.level, each.role_id) for each in settings.role_rewards]
    faults += _repeated(roles, "role_multipliers", "names a role that already has a multiplier")
    faults += _repeated(channels, "channel_multipliers", "names a channel that already has a multiplier")
    faults += _repeated(rewards, "role_rewards", "names a role that this level already gives")
    return faults


def _repeated(keys: Iterable[Hashable], name: str, message: str) -> Iterable[Fault]:
    seen: set[Hashable] = set()
    member = "channel_id" if name == "channel_multipliers" else "role_id"
    for index, key in enumerate(keys):
        if key in seen:
            yield Fault(pointer((name, index, member)), message)
        seen.add(key)


LEVELING = Module(
    "leveling",
    VERSION,
    schema_of(LevelingSettings),
    title="Leveling",
    description="XP, levels and their rewards.",
    built_in=True,
    rules=lambda values: rules(leveling_settings(values)),
)
