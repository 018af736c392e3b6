"""The events of a member."""

import msgspec

from api.events.outbox import OutboxEvent
from api.members.leveling_config import LevelingConfig
from api.members.levelups import LevelUp
from api.members.names import Names, shown


def reached(guild_id: int, level: LevelUp) -> OutboxEvent:
    """The event of a level-up, as answers show it."""
    return OutboxEvent(guild_id, "member.level_up", msgspec.structs.asdict(level), int(level.user_id))


def adjusted(
    config: LevelingConfig, user_id: int, before_xp: int, after_xp: int, level_up: LevelUp | None, names: Names
) -> list[OutboxEvent]:
    """The events after a change of XP by hand: a level reached, a level lost, or none."""
    if level_up is not None:
        return [reached(config.guild_id, level_up)]
    before, after = config.level_curve.level(before_xp), config.level_curve.level(after_xp)
    if before == after:
        return []
    data = {**_named(user_id, names), "from_level": before, "to_level": after, "xp": after_xp}
    return [OutboxEvent(config.guild_id, "member.level_changed", data, user_id)]


def left(guild_id: int, user_id: int, names: Names) -> OutboxEvent:
    """The event of a member who left."""
    return OutboxEvent(guild_id, "member.left", _named(user_id, names), user_id)


def _named(user_id: int, names: Names) -> dict[str, object]:
    return dict(zip(("user_id", "username", "display_name", "avatar_url"), shown(user_id, names), strict=True))
