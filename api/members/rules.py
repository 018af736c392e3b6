"""A guild's rules at one moment: its time zone, its leveling settings, its ladder of levels. Pure."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import msgspec

from api.lib import times
from api.members.levels import Ladder
from api.settings.builtin.leveling import LevelingSettings


class GuildRules(msgspec.Struct, frozen=True):
    """A guild's rules at one moment. Guilds that are alike share all but their id and name."""

    guild_id: int
    name: str
    zone: ZoneInfo
    settings: LevelingSettings
    ladder: Ladder

    def day_of(self, moment: datetime) -> date:
        """The guild's day in which a moment lies."""
        return self.place_of(moment)[0]

    def hour_of(self, moment: datetime) -> datetime:
        """The start, in UTC, of the hour of the guild's clocks in which a moment lies."""
        return self.place_of(moment)[1]

    def place_of(self, moment: datetime) -> tuple[date, datetime]:
        """Both at once."""
        return times.place(self.zone, moment)
