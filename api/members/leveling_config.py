"""A guild's leveling config: time zone, leveling settings, level curve, and which channels lie where. Pure."""

from collections.abc import Mapping
from datetime import date, datetime
from types import MappingProxyType
from zoneinfo import ZoneInfo

import msgspec

from api.lib import times
from api.members.levels import LevelCurve
from api.settings.builtin.leveling import LevelingSettings

DEEPEST = 3  # a thread, its channel, the channel's category

_NO_PARENTS: Mapping[int, int] = MappingProxyType({})


class LevelingConfig(msgspec.Struct, frozen=True):
    """What decides a guild's XP, days and levels. Guilds with equal settings share all members but id and name."""

    guild_id: int
    name: str
    zone: ZoneInfo
    settings: LevelingSettings
    level_curve: LevelCurve
    parents: Mapping[int, int] = _NO_PARENTS  # of channels that lie in one that the settings name

    def day_of(self, moment: datetime) -> date:
        """The guild's day in which a moment lies."""
        return self.place_of(moment)[0]

    def hour_of(self, moment: datetime) -> datetime:
        """The start, in UTC, of the hour of the guild's clocks in which a moment lies."""
        return self.place_of(moment)[1]

    def place_of(self, moment: datetime) -> tuple[date, datetime]:
        """Both at once."""
        return times.place(self.zone, moment)

    @property
    def skipped_days(self) -> tuple[date, ...]:
        """Days that the guild's calendar does not have: no gap in a streak, and no day of one."""
        return times.skipped_days(self.zone)

    def places_of(self, channel_id: int | None, parent_id: int | None) -> list[int]:
        """Where something happened, the most exact place first: a thread, its channel, the channel's category.
        `parent_id`: what the event itself says of its channel; else the bot's list of channels does."""
        found = [] if channel_id is None else [channel_id]
        place = parent_id
        if place is None and channel_id is not None:
            place = self.parents.get(channel_id)
        while place is not None and place not in found and len(found) < DEEPEST:
            found.append(place)
            place = self.parents.get(place)
        return found
