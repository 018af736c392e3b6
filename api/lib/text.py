"""Text that PostgreSQL can store and a person can read."""

import unicodedata
from typing import Annotated

from msgspec import Meta

# One line: no NUL, no control character. msgspec searches, and `$` matches before a last line feed: hence the look-ahead.
Line = Annotated[str, Meta(pattern=r"^[^\x00-\x1f\x7f]*$(?!\n)")]


def nfc(text: str) -> str:
    """The text with each character in its composed form, so that equal text is equal bytes."""
    return unicodedata.normalize("NFC", text)
