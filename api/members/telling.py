"""What the event stream tells of a member."""

import msgspec

from api.events.outbox import OutboxEvent
from api.members.leveling_config import LevelingConfig
from api.members.levelups import LevelUp


def reached(guild_id: int, level: LevelUp) -> OutboxEvent:
    """A member reached a higher level: told as the answer tells it."""
    return OutboxEvent(guild_id, "member.level_up", msgspec.structs.asdict(level), int(level.user_id))


def adjusted(
    config: LevelingConfig, user_id: int, before_xp: int, after_xp: int, level_up: LevelUp | None
) -> list[OutboxEvent]:
    """What comes of XP that was given or taken by hand: a level reached, a level fallen to, or nothing."""
    if level_up is not None:
        return [reached(config.guild_id, level_up)]
    before, after = config.level_curve.level(before_xp), config.level_curve.level(after_xp)
    if before == after:
        return []
    data = {"user_id": str(user_id), "from_level": before, "to_level": after, "xp": after_xp}
    return [OutboxEvent(config.guild_id, "member.level_changed", data, user_id)]


def left(guild_id: int, user_id: int) -> OutboxEvent:
    """A member left."""
    return OutboxEvent(guild_id, "member.left", {"user_id": str(user_id)}, user_id)
