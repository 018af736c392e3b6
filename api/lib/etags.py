"""Entity tags: strong, a hash of the answer's bytes, so equal on every worker."""

import re
from collections.abc import Callable
from hashlib import blake2b
from typing import NamedTuple

_member = re.compile(r'[ \t]*(?:(W/)?"([\x21\x23-\x7e\x80-\xff]*)"[ \t]*)?(?:,|$)')

ANY = "*"
MSGPACK = "-msgpack"


class BadEtag(ValueError):
    """A header that is no list of entity tags."""


class Preconditions(NamedTuple):
    """The tags that a change names: those of `If-Match` and of `If-None-Match`. `{"*"}` means any; None means that the
    header is absent."""

    match: frozenset[str] | None
    none_match: frozenset[str] | None

    @property
    def need_it(self) -> bool:
        """Whether the target of the change must exist."""
        return self.match is not None

    def hold(self, tag: str, part: Callable[[str], str] = str, *, exists: bool = True) -> bool:
        """Whether a state with this tag meets both conditions. `part`: which part of a tag is compared. `exists`:
        whether a client would find the state. A state that does not exist always meets `If-None-Match`."""

        def names(tags: frozenset[str]) -> bool:
            return ANY in tags or tag in map(part, tags)

        is_matched = self.match is None or names(self.match)
        return is_matched and not (exists and self.none_match is not None and names(self.none_match))


def tag(body: bytes) -> str:
    """The entity tag of a JSON answer, without its quotes."""
    return blake2b(body, digest_size=12).hexdigest()


def parse(header: str, *, weak: bool) -> frozenset[str]:
    """The tags in a header, `{"*"}` for any. Empty list members are ignored. Weak tags count only with `weak`: by RFC
    9110, `If-Match` compares strongly and `If-None-Match` weakly. Raises `BadEtag`."""
    if header.strip() == ANY:
        return frozenset({ANY})
    found, named, place = set(), False, 0
    while place < len(header):
        match = _member.match(header, place)
        if match is None:
            raise BadEtag(header)
        if match[2] is not None:
            named = True
            if weak or match[1] is None:
                found.add(match[2])
        place = match.end()
    if not named:
        raise BadEtag(header)
    return frozenset(found)


def of_state(tags: frozenset[str] | None) -> frozenset[str] | None:
    """The tags of a change's header. The tag of an answer's MessagePack form stands for the same state as that of its
    JSON form; for a read they are two answers."""
    return None if tags is None else frozenset(each.removesuffix(MSGPACK) for each in tags)
