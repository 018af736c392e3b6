"""Text that PostgreSQL can store and a person can read."""

import unicodedata
from typing import Annotated

from msgspec import Meta

from api.lib import formats
from api.lib.faults import Fault

# One line: no NUL, no control character.
Line = Annotated[str, Meta(pattern=formats.LINE, extra_json_schema={"format": "line"})]


def nfc(text: str) -> str:
    """The text with each character in its composed form, so that equal text is equal bytes."""
    return unicodedata.normalize("NFC", text)


def too_long(pointer: str, text: str, largest: int) -> list[Fault]:
    """The fault of a text that only its composed form makes too long: some characters have none of
    their own, and become two or three."""
    if len(nfc(text)) <= largest:
        return []
    return [Fault(pointer, f"is longer than {largest} characters in its composed form")]
