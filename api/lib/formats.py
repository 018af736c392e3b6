"""The formats of text that schemas name: what is one, and the sentence for what is none."""

import re
from collections.abc import Callable, Mapping
from functools import cache
from zoneinfo import available_timezones

from api.lib.snowflakes import is_snowflake

# msgspec searches, and `$` matches before a last line feed: hence the look-ahead.
LINE = r"^[^\x00-\x1f\x7f-\x9f]*$(?!\n)"
LOCALE = r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$(?!\n)"

SENTENCES: Mapping[str, str] = {
    "snowflake": "is not a snowflake: a decimal number from 1 to 9223372036854775807 as a string",
    "timezone": "is not an IANA time zone, such as Europe/Berlin",
    "locale": "is not a language tag, such as en-US",
    "line": "has a line break or another control character",
}


@cache
def _timezones() -> frozenset[str]:
    return frozenset(available_timezones() - {"localtime", "Factory"})


def is_timezone(text: str) -> bool:
    """Whether it is a name in the IANA time zone database."""
    return text in _timezones()


def _matches(pattern: str) -> Callable[[str], bool]:
    found = re.compile(pattern).search
    return lambda text: found(text) is not None


CHECKS: dict[str, Callable[[str], bool]] = {
    "snowflake": is_snowflake,
    "timezone": is_timezone,
    "locale": _matches(LOCALE),
    "line": _matches(LINE),
}
