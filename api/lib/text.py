"""Text that PostgreSQL can store and a person can read."""

import re
import unicodedata
from itertools import groupby
from typing import Annotated

from msgspec import Meta

from api.lib import formats
from api.lib.faults import Fault

# One line: no NUL, no control character.
Line = Annotated[str, Meta(pattern=formats.LINE, extra_json_schema={"format": "line"})]
# Typed by a person for people: one line with something visible.
TypedName = Annotated[str, Meta(pattern=formats.NAME, extra_json_schema={"format": "name"})]

_never_in_names = re.compile(formats.NEVER_IN_NAMES)

# JSON escapes in sequence, to distinguish the half of a pair from the whole, and `\\ud83d` from both.
_escapes = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)


def cleaned_name(text: str, otherwise: str) -> str:
    """A name that was not typed here, as it can be shown: composed, without characters that no name contains, and
    without blanks around it. `otherwise` if nothing visible is left."""
    name = nfc(_never_in_names.sub("", text).strip())
    return name if formats.is_name(name) else otherwise


def without_halves(raw: bytes, instead: bytes = b"") -> bytes:
    """JSON without halves of surrogate pairs. They come from names that were cut within an emoji."""
    return _escapes.sub(lambda found: instead if found[1] else found[0], raw) if b"\\u" in raw else raw


# The time to sort marks grows with the square of their number in a row: 32,000 take 0.8 s. Unicode's own bound for
# streams that can be normalised is 30; no language needs a tenth of it.
MOST_MARKS = 30
_SHORT = 1000


def nfc(text: str) -> str:
    """The text with each character in its composed form, so that equal text is equal bytes. A long text with too many
    marks in a row does not change."""
    return text if text.isascii() or has_many_marks(text) else unicodedata.normalize("NFC", text)


def has_many_marks(text: str) -> bool:
    """Whether a text of over a thousand characters has more than 30 combining marks in a row."""
    if text.isascii() or len(text) <= _SHORT:
        return False
    return any(is_mark and len(list(run)) > MOST_MARKS for is_mark, run in groupby(text, _is_mark))


def _is_mark(character: str) -> bool:
    return unicodedata.combining(character) != 0


def too_long(pointer: str, text: str, largest: int) -> list[Fault]:
    """The fault of a text that only its composed form makes too long: some characters have no composed form, and become
    two or three."""
    if len(nfc(text)) <= largest:
        return []
    return [Fault(pointer, f"is longer than {largest} characters in its composed form")]
