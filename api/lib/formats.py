"""The text formats that schemas name: their checks, and a sentence for each failed check."""

import re
from collections.abc import Callable, Mapping
from functools import cache
from zoneinfo import available_timezones

from api.lib.snowflakes import is_snowflake

# msgspec searches instead of matching, and `$` matches before a last line feed: hence the look-ahead.
LINE = r"^[^\x00-\x1f\x7f-\x9f]*$(?!\n)"
# What no name contains: control characters, line ends, and characters that turn the direction of all text behind the
# name. Direction marks and joiners are part of Arabic, Hebrew, Indic scripts and emoji, and are allowed.
_NEVER = r"\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069"
# Invisible characters: blanks, fillers, and those that Unicode calls ignorable.
_UNSEEN = (
    r"\s\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    r"\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"  # not every language has an escape for these
)
NAME = rf"^(?=.*[^{_UNSEEN}])[^{_NEVER}]*$(?!\n)"
# With halves of surrogate pairs. A schema's pattern cannot name them, and valid JSON has none.
NEVER_IN_NAMES = rf"[{_NEVER}\ud800-\udfff]"
UNSEEN_BEFORE = rf"[{_UNSEEN}]*"
# Behind a name, variation selectors and the tags of flags stay: they change how the character before them looks.
UNSEEN_BEHIND = rf"(?:(?![\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0020-\U000e007f\U000e0100-\U000e01ef])[{_UNSEEN}])*"
LOCALE = r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$(?!\n)"

SENTENCES: Mapping[str, str] = {
    "snowflake": "is not a snowflake: a decimal number from 1 to 9223372036854775807 as a string",
    "timezone": "is not an IANA time zone, such as Europe/Berlin",
    "locale": "is not a language tag, such as en-US",
    "line": "has a line break or another control character",
    "name": "is not visible, or has a line break, another control character or a direction override",
}


@cache
def _timezones() -> frozenset[str]:
    return frozenset(available_timezones() - {"localtime", "Factory"})


def is_timezone(text: str) -> bool:
    """Whether the IANA time zone database has this name."""
    return text in _timezones()


def _matches(pattern: str) -> Callable[[str], bool]:
    found = re.compile(pattern).search
    return lambda text: found(text) is not None


_looks_like_a_name, _is_broken = _matches(NAME), _matches(NEVER_IN_NAMES)


def is_name(text: str) -> bool:
    """Whether it is visible, in one line and in its own direction."""
    return _looks_like_a_name(text) and not _is_broken(text)


CHECKS: dict[str, Callable[[str], bool]] = {
    "snowflake": is_snowflake,
    "timezone": is_timezone,
    "locale": _matches(LOCALE),
    "line": _matches(LINE),
    "name": is_name,
}
