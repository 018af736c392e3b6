"""Level-ups: the roles that a new level brings, and the announcement. Pure."""

import re
from collections.abc import Iterable

import msgspec

from api.members.leveling_config import LevelingConfig
from api.members.levels import RoleChanges, deserved, role_changes
from api.members.names import UNKNOWN, Names, shown
from api.settings.builtin.announcements import Mode, filled

# Backslashes keep Discord from reading these as formatting or as a link.
_MARKDOWN = re.compile(r"[\\*_~`|<>\[\]()#:]")
_BULLET = re.compile(r"^(\d*)([-.])")  # makes a list of a line that begins with the name
# Discord refuses a longer message.
_TEXT_CHARACTERS = 2000


class Announcement(msgspec.Struct, frozen=True):
    """What to say, and where. `channel_id` is null in the modes `off` and `dm`, and in the mode `current` if the event
    that raised the level named no channel. `text` is null in the mode `off`."""

    mode: Mode
    channel_id: str | None
    text: str | None


class LevelUp(msgspec.Struct, frozen=True):
    """A member reached a higher level: from which to which, their XP, the roles to add and to remove."""

    user_id: str
    username: str | None
    display_name: str | None
    avatar_url: str | None
    from_level: int
    to_level: int
    xp: int
    role_rewards: RoleChanges
    announce: Announcement


def level_up(
    config: LevelingConfig,
    user_id: int,
    before_xp: int,
    after_xp: int,
    held: Iterable[str] | None = None,
    channel_id: int | None = None,
    names: Names = UNKNOWN,
) -> LevelUp | None:
    """The level-up of a change of XP; None unless the level rose. `held`: the roles that the member is known to have;
    None: the roles of the level before. `channel_id`: where it happened. `names`: of the member."""
    before, after = config.level_curve.level(before_xp), config.level_curve.level(after_xp)
    if after <= before:
        return None
    settings = config.settings
    roles = role_changes(settings, after, deserved(settings, before) if held is None else held)
    return LevelUp(
        *shown(user_id, names),
        from_level=before,
        to_level=after,
        xp=after_xp,
        role_rewards=roles,
        announce=_announcement(config, user_id, names, before, after, after_xp, roles.add, channel_id),
    )


def _announcement(
    config: LevelingConfig,
    user_id: int,
    names: Names,
    before: int,
    after: int,
    xp: int,
    roles: list[str],
    channel_id: int | None,
) -> Announcement:
    announce = config.settings.announce
    if announce.mode == "off":
        return Announcement("off", None, None)
    text = filled(
        announce.template,
        {
            "user": _spoken(user_id, names),
            "mention": f"<@{user_id}>",
            "level": str(after),
            "old_level": str(before),
            "xp": str(xp),
            "guild": config.name,
            "roles": ", ".join(f"<@&{role}>" for role in roles),
        },
    )
    where = None
    if announce.mode == "channel":
        where = announce.channel_id
    elif announce.mode == "current" and channel_id is not None:
        where = str(channel_id)
    return Announcement(announce.mode, where, _cut(text))


def _cut(text: str) -> str:
    return text if len(text) <= _TEXT_CHARACTERS else f"{text[: _TEXT_CHARACTERS - 1]}…"


def _spoken(user_id: int, names: Names) -> str:
    """The member's name for a message on Discord, or their id while no name is known. Whoever chose the name can
    neither mention anybody by it, nor format the message, nor link in it."""
    name = names.display_name or names.username
    if name is None:
        return str(user_id)
    return _BULLET.sub(r"\1\\\2", _MARKDOWN.sub(r"\\\g<0>", name)).replace("@", "@\u200b")
