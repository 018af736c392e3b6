"""Settings of the achievements of a guild."""

from typing import Annotated

from api.lib.faults import Fault
from api.lib.json import JsonObject
from api.settings.builtin.announcements import UNLOCK, UnlockAnnouncement, announcement_faults
from api.settings.builtin.structs import Values, form, schema_of, struct_of
from api.settings.modules import Module

VERSION = 1


class AchievementSettings(Values, frozen=True):
    """A guild's settings of its achievements."""

    enabled: Annotated[bool, form(1, "general", "Enabled", "Whether achievements are awarded.")] = True
    announce: Annotated[
        UnlockAnnouncement,
        form(2, "announce", "Announcements", "Where and how an unlocked achievement is announced."),
    ] = UnlockAnnouncement()


def achievement_settings(values: JsonObject) -> AchievementSettings:
    """Effective values, which the module accepts, as a struct."""
    return struct_of(values, AchievementSettings)


def rules(values: JsonObject) -> list[Fault]:
    """Rules that the schema cannot express."""
    return announcement_faults(achievement_settings(values).announce, UNLOCK)


ACHIEVEMENTS = Module(
    "achievements",
    VERSION,
    schema_of(AchievementSettings),
    title="Achievements",
    description="Whether achievements are awarded, and how they are announced.",
    built_in=True,
    rules=rules,
)
