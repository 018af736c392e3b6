"""The types of events in the stream. A client may choose some of them; any other type is refused."""

from typing import Literal, get_args

EventType = Literal[
    "achievement.revoked",
    "achievement.unlocked",
    "guild.created",
    "guild.deleted",
    "guild.restored",
    "guild.updated",
    "import.finished",
    "member.left",
    "member.level_changed",
    "member.level_up",
    "module.updated",
    "settings.updated",
    "webhook.disabled",
]
TYPES: tuple[str, ...] = get_args(EventType)
