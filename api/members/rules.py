"""A guild's rules at one moment: its time zone, its leveling settings, its ladder of levels. Pure."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import msgspec

from api.members.levels import Ladder
from api.settings.builtin.leveling import LevelingSettings

_MOST_PLACES = 256


class GuildRules(msgspec.Struct, frozen=True, dict=True):
    """A guild's rules at one moment. Others keep what they work out of them in `__dict__`."""

    guild_id: int
    name: str
    zone: ZoneInfo
    settings: LevelingSettings
    ladder: Ladder

    def day_of(self, moment: datetime) -> date:
        """The guild's day in which a moment lies."""
        return moment.astimezone(self.zone).date()

    def hour_of(self, moment: datetime) -> datetime:
        """The start, in UTC, of the hour of the guild's clocks in which a moment lies."""
        local = moment.astimezone(self.zone)
        return local.replace(minute=0, second=0, microsecond=0).astimezone(UTC)

    def place_of(self, moment: datetime) -> tuple[date, datetime]:
        """Both at once, remembered: within a quarter of an hour no zone's clocks change."""
        places: dict[int, tuple[date, datetime]] = self.__dict__.setdefault("places", {})
        quarter = int(moment.timestamp()) // 900
        place = places.get(quarter)
        if place is None:
            if len(places) >= _MOST_PLACES:
                places.clear()
            place = places[quarter] = self.day_of(moment), self.hour_of(moment)
        return place
