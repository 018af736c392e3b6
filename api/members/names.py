"""What members are called, and their avatars: the rules. Pure.

A name is cleaned, never refused: what no name holds is taken out, and what is too long is cut."""

import re
import unicodedata
from functools import lru_cache
from hashlib import blake2b

import msgspec
from msgspec import UNSET, UnsetType

from api.lib import formats
from api.lib.text import nfc

LONGEST = 100  # code points, of a name and of a folded one
MOST_MARKS = (
    4  # combining marks in a row: Hebrew and Burmese have four on a letter, and towers of them hide what is near
)
_LOOKED_AT = 4000  # code points of a text; a name with more than that before it is none
_LONGEST_CACHED = 250

AVATAR = r"^(a_)?[0-9a-f]{32}$(?!\n)"
is_avatar = re.compile(AVATAR).search

_never = re.compile(formats.NEVER_IN_NAMES).sub
_before = re.compile(formats.UNSEEN_BEFORE).match
_behind = re.compile(formats.UNSEEN_BEHIND).match
_MARKS, _UNSEEN = frozenset({"Mn", "Me"}), "Cf"  # Unicode's categories

# The last of all code points, which no folded name has. It stands for a missing display name in `sort_name`.
LAST = "\U0010ffff"


class Names(msgspec.Struct, frozen=True):
    """What is known of a member: None is unknown."""

    username: str | None = None
    display_name: str | None = None
    avatar: str | None = None

    @property
    def digest(self) -> int:
        """A hash of 32 bits, which says whether names have changed; 0 if nothing is known."""
        if self == UNKNOWN:
            return 0
        text = "\n".join(each or "" for each in (self.username, self.display_name, self.avatar))
        return int.from_bytes(blake2b(text.encode(), digest_size=4).digest(), "big", signed=True) or 1


UNKNOWN = Names()


class GivenNames(msgspec.Struct, frozen=True):
    """Names as somebody sent them: what is UNSET stays as it is, what is None becomes unknown."""

    username: str | None | UnsetType = UNSET
    display_name: str | None | UnsetType = UNSET
    avatar: str | None | UnsetType = UNSET


def over(earlier: GivenNames, later: GivenNames) -> GivenNames:
    """Both, one after the other."""
    return GivenNames(
        earlier.username if later.username is UNSET else later.username,
        earlier.display_name if later.display_name is UNSET else later.display_name,
        earlier.avatar if later.avatar is UNSET else later.avatar,
    )


def missing(stored: Names, given: GivenNames) -> GivenNames:
    """The part of the names that is not known yet."""
    return GivenNames(
        given.username if stored.username is None else UNSET,
        given.display_name if stored.display_name is None else UNSET,
        given.avatar if stored.avatar is None else UNSET,
    )


def cleared(given: GivenNames) -> GivenNames:
    """The part of the names that makes something unknown: all that may be done to those of people who opted out."""
    return GivenNames(
        None if given.username is None else UNSET,
        None if given.display_name is None else UNSET,
        None if given.avatar is None else UNSET,
    )


Shown = tuple[str, str | None, str | None, str | None]


def shown(user_id: int, names: Names) -> Shown:
    """How answers name a member: `user_id`, `username`, `display_name`, `avatar_url`."""
    return str(user_id), names.username, names.display_name, avatar_url(user_id, names.avatar)


def avatar_url(user_id: int, avatar: str | None) -> str | None:
    """Where Discord has the avatar (https://discord.com/developers/docs/reference#image-formatting): of one that moves,
    whose hash begins with `a_`, the GIF."""
    if avatar is None:
        return None
    kind = "gif" if avatar.startswith("a_") else "png"
    return f"https://cdn.discordapp.com/avatars/{user_id}/{avatar}.{kind}"


def cleaned(text: str) -> str | None:
    """The name without what no name holds, composed, of at most 100 code points; None if nothing is left that shows."""
    name = _with_few_marks(_never("", text[:_LOOKED_AT]))
    name = _stripped(_with_few_marks(nfc(name)))  # composing takes some letters apart
    if len(name) > LONGEST:
        name = _stripped(name[:LONGEST])
    return name if formats.is_name(name) else None


def _stripped(name: str) -> str:
    """The name without unseen characters around it."""
    name = name[_before(name).end() :]  # type: ignore[union-attr] # it matches whatever there is
    return name[: len(name) - _behind(name[::-1]).end()]  # type: ignore[union-attr] # the same


def _with_few_marks(text: str) -> str:
    """The text with the first four of the combining marks on each letter. What is unseen between them does not count
    as a letter."""
    if text.isascii():
        return text
    kept, marks = [], 0
    for each in text:
        kind = unicodedata.category(each)
        if kind in _MARKS:
            marks += 1
        elif kind != _UNSEEN:
            marks = 0
        if kind not in _MARKS or marks <= MOST_MARKS:
            kept.append(each)
    return "".join(kept)


@lru_cache(maxsize=2**13)
def whole(username: str | None, display_name: str | None, avatar: str | None) -> tuple[Names, int]:
    """Cleaned names, with their digest. The people of a busy guild come again and again."""
    names = Names(
        None if username is None else cleaned(username),
        None if display_name is None else cleaned(display_name),
        _avatar(avatar),
    )
    return names, names.digest


def merged(stored: Names, given: GivenNames) -> tuple[Names, int]:
    """The stored names with those that were given, and the digest."""
    return whole(
        _short(stored.username if given.username is UNSET else given.username),
        _short(stored.display_name if given.display_name is UNSET else given.display_name),
        _short_avatar(stored.avatar if given.avatar is UNSET else given.avatar),
    )


def _avatar(text: str | None) -> str | None:
    return text if text is not None and is_avatar(text) else None


def _short_avatar(text: str | None) -> str | None:
    """The text; None if it is too long for the cache, and so for an avatar."""
    return text if text is None or len(text) <= _LONGEST_CACHED else None


def _short(text: str | None) -> str | None:
    """The text, cleaned if it is too long for the cache."""
    return text if text is None or len(text) <= _LONGEST_CACHED else cleaned(text)


def folded(text: str) -> str:
    """The text without case and accents, at most 100 code points, to search and to sort by."""
    plain = _without_marks(_without_marks(text).casefold())
    return plain.replace(LAST, "")[:LONGEST]


def _without_marks(text: str) -> str:
    if text.isascii():
        return text
    return "".join(each for each in unicodedata.normalize("NFKD", nfc(text)) if not unicodedata.combining(each))
