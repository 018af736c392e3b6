"""What a picture shows, ready to be laid out: each number as the text that is drawn. Pure."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from api.cards.colors import Palette, face_color, palette, readable_on
from api.cards.fonts import families
from api.cards.names import Person, plain
from api.lib.json import JsonObject, JsonValue
from api.members.dtos import MemberView
from api.settings.builtin.cards import CardSettings

MOST_ICONS = 5  # on a card

# The blocks of symbols that emoji stand in; a few of these are no emoji, and are drawn as what they are.
_BASE = (
    "[\u203c\u2049\u2122\u2139\u2194-\u21aa\u231a-\u23ff\u24c2\u25aa-\u25fe\u2600-\u27bf\u2934\u2935"
    "\u2b05-\u2b55\u3030\u303d\u3297\u3299\U0001f004\U0001f0cf\U0001f170-\U0001f19a\U0001f201-\U0001f251"
    "\U0001f300-\U0001f3fa\U0001f400-\U0001faff]"
)
_SKIN = "[\U0001f3fb-\U0001f3ff]"
_PART = f"{_BASE}{_SKIN}?\ufe0f?"
_TAGS = "(?:[\U000e0020-\U000e007e]+\U000e007f)?"  # of England, Scotland, Wales
_FLAG = "[\U0001f1e6-\U0001f1ff]{2}"
_KEYCAP = "[0-9#*]\ufe0f?\u20e3"
_emoji = re.compile(f"{_FLAG}|{_KEYCAP}|{_PART}{_TAGS}(?:\u200d{_PART})*").fullmatch


class Look(NamedTuple):
    """How a guild's pictures look. `picture`: the name of its stored background, None without one."""

    settings: CardSettings
    picture: str | None

    @property
    def background(self) -> str:
        """The kind that is drawn: without an uploaded picture, a gradient."""
        kind = self.settings.background
        return "gradient" if kind == "picture" and self.picture is None else kind

    @property
    def size(self) -> tuple[int, int]:
        """Of a card, in pixels."""
        return (934, 282) if self.settings.layout == "wide" else (600, 150)


def card(look: Look, member: MemberView, person: Person, face: str | None, icons: Sequence[str] = ()) -> JsonObject:
    """A rank card. `face`: the name of the stored picture of the person. `icons`: of achievements, the latest
    first; only emoji are drawn."""
    colors = palette(look.settings.accent, look.background)
    begins, ends = member.level_xp, member.next_level_xp
    share = 1.0 if ends is None else (member.xp - begins) / (ends - begins)
    within = f"{member.xp:,} XP" if ends is None else f"{member.xp - begins:,} / {ends - begins:,} XP"
    stats: list[JsonValue] = [["💬", f"{member.stats.messages:,}"]]
    if member.streak.current > 1:
        stats.insert(0, ["🔥", f"{member.streak.current:,} days"])
    if member.stats.voice_seconds >= 60:
        stats.append(["🎧", duration(member.stats.voice_seconds)])
    return {
        **common(look, colors, person.name),
        "person": face_of(person, face),
        "name": person.name,
        "username": None if person.username is None else plain(person.username),
        "level": f"{member.level:,}",
        "rank": None if member.rank is None else f"#{member.rank:,}",
        "share": min(max(share, 0.0), 1.0),
        "xp": within,
        "stats": stats,
        "icons": [*[icon for icon in icons if is_emoji(icon)][:MOST_ICONS]],
    }


def duration(seconds: int) -> str:
    """Minutes below an hour, whole hours otherwise."""
    minutes = seconds // 60
    if minutes < 60:
        return f"{minutes} min"
    hours = minutes // 60
    return f"{hours:,} h"


def common(look: Look, colors: Palette, words: str) -> JsonObject:
    """What all pictures have. `words`: that are drawn, by which the fonts are chosen."""
    shows_picture = look.background == "picture"
    return {
        "fonts": [*families(words)],
        "colors": {
            "ink": colors.ink,
            "soft": colors.soft,
            "accent": colors.accent,
            "bar": colors.bar,
            "on_bar": colors.on_bar,
            "track": colors.track,
            "on_track": colors.on_track,
        },
        "background": {
            "kind": "color" if look.background == "color" else "gradient",
            "from": colors.backdrop[0],
            "to": colors.backdrop[1],
            "file": look.picture if shows_picture else None,
            "shade": colors.shade,
        },
    }


def face_of(person: Person, face: str | None) -> JsonObject:
    """The picture of somebody, or their initials. `face`: the name of the stored picture."""
    color = face_color(person.user_id)
    return {"file": face, "initials": person.initials, "color": color, "ink": readable_on(color)}


def is_emoji(text: str) -> bool:
    """Whether the text is one emoji and nothing else."""
    return _emoji(text) is not None
