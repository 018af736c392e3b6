"""What the event stream tells of a member."""

import msgspec

from api.events.outbox import Told
from api.members.levelups import LevelUp
from api.members.rules import GuildRules


def reached(guild_id: int, level: LevelUp) -> Told:
    """A member reached a higher level: told as the answer tells it."""
    return Told(guild_id, "member.level_up", msgspec.structs.asdict(level), int(level.user_id))


def adjusted(rules: GuildRules, user_id: int, before_xp: int, after_xp: int, level_up: LevelUp | None) -> list[Told]:
    """What comes of XP that was given or taken by hand: a level reached, a level fallen to, or nothing."""
    if level_up is not None:
        return [reached(rules.guild_id, level_up)]
    before, after = rules.ladder.level(before_xp), rules.ladder.level(after_xp)
    if before == after:
        return []
    data = {"user_id": str(user_id), "from_level": before, "to_level": after, "xp": after_xp}
    return [Told(rules.guild_id, "member.level_changed", data, user_id)]


def left(guild_id: int, user_id: int) -> Told:
    """A member left."""
    return Told(guild_id, "member.left", {"user_id": str(user_id)}, user_id)
