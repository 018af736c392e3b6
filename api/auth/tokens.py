"""The text of a key: `gh_`, 32 random base62 characters, 6 of their CRC32.

With the check digits, a typo is refused without a look-up, and a scanner for secrets finds a leaked key with almost no
false alarms, like GitHub's tokens. 32 base62 characters are 190 bits, so SHA-256 without salt or stretching is a safe
hash."""

import re
import secrets
from hashlib import sha256
from zlib import crc32

PREFIX = "gh_"
RANDOM_CHARACTERS = 32
SHOWN_CHARACTERS = 11

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_form = re.compile(rf"{PREFIX}([0-9A-Za-z]{{{RANDOM_CHARACTERS}}})([0-9A-Za-z]{{6}})", re.ASCII).fullmatch


def make() -> str:
    """A new key."""
    body = "".join(secrets.choice(_ALPHABET) for _ in range(RANDOM_CHARACTERS))
    return PREFIX + body + _check(body)


def is_well_formed(token: str) -> bool:
    """Whether it has a key's form and its check digits are right."""
    match = _form(token)
    return match is not None and _check(match[1]) == match[2]


def digest(token: str) -> bytes:
    """The stored hash: SHA-256."""
    return digest_bytes(token.encode())


def digest_bytes(token: bytes) -> bytes:
    """The stored hash of a key in a header."""
    return sha256(token).digest()


def shown(token: str) -> str:
    """The first characters, by which its owner recognizes it."""
    return token[:SHOWN_CHARACTERS]


def _check(body: str) -> str:
    number, digits = crc32(body.encode()), ""
    for _ in range(6):
        number, digit = divmod(number, 62)
        digits = _ALPHABET[digit] + digits
    return digits
