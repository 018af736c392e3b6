"""Announcements of the built-in modules: where they go, and the templates of their text."""

import re
from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec

from api.lib.faults import Fault
from api.lib.schema_messages import shortened
from api.settings.builtin.structs import ChannelId, Values, form

Mode = Literal["off", "current", "channel", "dm"]
Template = Annotated[str, msgspec.Meta(min_length=1, max_length=2000)]

LEVEL_UP = frozenset({"user", "mention", "level", "old_level", "xp", "guild", "roles"})
UNLOCK = frozenset({"user", "mention", "achievement", "guild", "roles"})

# a doubled brace is a brace; any other belongs to a placeholder
_TOKEN = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


class LevelUpAnnouncement(Values, frozen=True):
    """Where and how a new level is announced."""

    mode: Annotated[Mode, form(1, "announce", "Where", "Where a new level is announced.")] = "current"
    channel_id: Annotated[
        ChannelId | None, form(2, "announce", "Channel", "The channel, if the mode is `channel`.")
    ] = None
    template: Annotated[
        Template,
        form(
            3,
            "announce",
            "Text",
            "{user}, {mention}, {level}, {old_level}, {xp}, {guild} and {roles} are filled in; {{ and }} are braces.",
        ),
    ] = "{mention} is now level {level}!"


class UnlockAnnouncement(Values, frozen=True):
    """Where and how an unlocked achievement is announced."""

    mode: Annotated[Mode, form(1, "announce", "Where", "Where an achievement is announced.")] = "current"
    channel_id: Annotated[
        ChannelId | None, form(2, "announce", "Channel", "The channel, if the mode is `channel`.")
    ] = None
    template: Annotated[
        Template,
        form(
            3,
            "announce",
            "Text",
            "{user}, {mention}, {achievement}, {guild} and {roles} are filled in; {{ and }} are braces.",
        ),
    ] = "{mention} unlocked {achievement}!"


def announcement_faults(
    announce: LevelUpAnnouncement | UnlockAnnouncement, placeholders: frozenset[str]
) -> list[Fault]:
    """Faults: no channel where one is required, unknown placeholders, unbalanced braces."""
    faults = [Fault("/announce/template", problem) for problem in _problems(announce.template, placeholders)]
    if announce.mode == "channel" and announce.channel_id is None:
        faults.append(Fault("/announce/channel_id", "is required if the mode is `channel`"))
    return faults


def filled(template: str, values: Mapping[str, str]) -> str:
    """The template's text with its placeholders filled in. Raises `KeyError` for an unknown one."""

    def replacement(found: re.Match[str]) -> str:
        name = found[1]
        return found[0][0] if name is None else values[name]

    return _TOKEN.sub(replacement, template)


def _problems(template: str, placeholders: frozenset[str]) -> list[str]:
    problems = []
    for found in _TOKEN.finditer(template):
        if found[1] is not None and found[1] not in placeholders:
            problems.append(f"has the unknown placeholder {shortened(found[0])}")
        elif found[0] in ("{", "}"):
            problems.append("has a single brace that belongs to no placeholder; write {{ and }} for braces")
    return problems
