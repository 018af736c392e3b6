"""How somebody is called in a picture."""

import re
import unicodedata
from typing import NamedTuple, Protocol

_hash = re.compile(r"/((?:a_)?[0-9a-f]{32})\.(?:png|gif)$").search
# Letters of formulas, which people write fancy names with: no usual font has them, and plain letters say the same.
_fancy = re.compile("[\U0001d400-\U0001d7ff]+")


class Person(NamedTuple):
    user_id: int
    username: str | None = None
    display_name: str | None = None
    avatar: str | None = None  # Discord's hash

    @property
    def name(self) -> str:
        """What is shown large."""
        return plain(self.display_name or self.username or str(self.user_id))

    @property
    def initials(self) -> str:
        """What stands for a picture. Of a bare id, its end: the beginnings are all alike."""
        if not self.display_name and not self.username:
            return str(self.user_id)[-2:]
        words = [word for word in re.split(r"[\s._\-]+", self.name) if word[:1].isalnum()]
        letters = [word[0].upper() for word in (words[:1] + words[-1:] if len(words) > 1 else words)]
        # Two letters of a script that joins them would be another word.
        return "".join(letters[:1] if any(each == each.lower() for each in letters) else letters)[:2] or self.name[:1]


def plain(name: str) -> str:
    """The name, in letters that fonts have."""
    return _fancy.sub(lambda found: unicodedata.normalize("NFKC", found[0]), name)


class Named(Protocol):
    """An answer that names a member."""

    @property
    def user_id(self) -> str: ...
    @property
    def username(self) -> str | None: ...
    @property
    def display_name(self) -> str | None: ...
    @property
    def avatar_url(self) -> str | None: ...


def person(named: Named) -> Person:
    """Whom the answer names."""
    found = None if named.avatar_url is None else _hash(named.avatar_url)
    return Person(int(named.user_id), named.username, named.display_name, None if found is None else found[1])
