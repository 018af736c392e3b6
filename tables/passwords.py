"""Which passwords an administrator may have: long ones that nobody would try first."""

import re
from functools import cache
from pathlib import Path

SHORTEST, LONGEST = 12, 128
_FEWEST_CHARACTERS = 5
_SHORTEST_NAME = 3
_SHORTEST_WALK = 5

_ROWS = (
    "abcdefghijklmnopqrstuvwxyz" * 2,
    "qwertyuiopasdfghjklzxcvbnm" * 2,
    "qwertzuiopasdfghjklyxcvbnm" * 2,
    "azertyuiopqsdfghjklmwxcvbn" * 2,
)
_OURS = frozenset({"guildhall", "piccolo", "piccoloadmin", "administrator"})
_LETTERS_MEANT = str.maketrans({"0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "7": "t", "@": "a", "$": "s"})
_AROUND, _BEHIND = re.compile(r"^[^a-z]+|[^a-z]+$"), re.compile(r"[^a-z]+$")


class WeakPassword(ValueError):
    """A password that would be guessed; the message says why."""


def refuse_weak(password: str, name: str) -> None:
    """Raises `WeakPassword`. `name`: whose password it is."""
    if len(password) < SHORTEST:
        raise WeakPassword(f"A password has {SHORTEST} characters or more: this one is too short.")
    if len(password) > LONGEST:
        raise WeakPassword(f"A password has {LONGEST} characters at most: this one is too long.")
    folded = password.casefold()
    if len(name) >= _SHORTEST_NAME and name.casefold() in folded:
        raise WeakPassword("The password contains the user name.")
    if len(set(folded)) < _FEWEST_CHARACTERS or folded.isdecimal():
        raise WeakPassword("The password is made of digits alone, or of very few characters.")
    if any(_is_common(spelling) for spelling in _spellings(folded)):
        raise WeakPassword("The password is a common one, or a common one with digits and signs around it.")


def _spellings(folded: str) -> set[str]:
    """The text, and what is left of it without what stands around its letters, read as it is and as it is meant."""
    core, begun = _AROUND.sub("", folded), _BEHIND.sub("", folded)
    return {folded, core, core.translate(_LETTERS_MEANT), begun.translate(_LETTERS_MEANT)}


def _is_common(text: str) -> bool:
    unit = _unit(text)
    return text in _common() or unit in _common() or _is_walk(unit)


def _unit(text: str) -> str:
    """What a text repeats: `pass` of `passpass`; the text itself where it repeats nothing."""
    again = (text + text).find(text, 1)
    return text[:again]


def _is_walk(text: str) -> bool:
    """Whether it goes along the alphabet or a keyboard, in either direction."""
    return len(text) >= _SHORTEST_WALK and any(text in row or text[::-1] in row for row in _ROWS)


@cache
def _common() -> frozenset[str]:
    lines = Path(__file__).with_name("common_passwords.txt").read_text(encoding="ascii").splitlines()
    return _OURS | {line for line in lines if not line.startswith("#")}
