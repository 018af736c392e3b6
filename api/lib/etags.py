"""Entity tags: strong, made of the bytes of the answer, so equal on every worker."""

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
    """The tags that a change names: those of `If-Match` and those of `If-None-Match`, `{"*"}` for any, None
    where the header is absent."""

    match: frozenset[str] | None
    none_match: frozenset[str] | None

    @property
    def need_it(self) -> bool:
        """Whether what is changed has to be there."""
        return self.match is not None

    def hold(self, tag: str, part: Callable[[str], str] = str, *, exists: bool = True) -> bool:
        """Whether both are met by a state with this tag. `part`: of a tag, what is compared. `exists`: whether
        a client would find it; `If-None-Match` is always met by what is not there."""

        def names(tags: frozenset[str]) -> bool:
            return ANY in tags or tag in map(part, tags)

        is_matched = self.match is None or names(self.match)
        return is_matched and not (exists and self.none_match is not None and names(self.none_match))


def tag(body: bytes) -> str:
    """The entity tag of a JSON answer, without its quotes."""
    return blake2b(body, digest_size=12).hexdigest()


def parse(header: str, *, weak: bool) -> frozenset[str]:
    """The tags that a header names, `{"*"}` for any; empty members of the list say nothing. Weak ones count only
    with `weak`: RFC 9110 has `If-Match` compare strongly, `If-None-Match` weakly. Raises `BadEtag`."""
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
    """The tags of a change's header. The tag of the MessagePack form of an answer stands for the same state as
    that of its JSON form; for a read the two are different answers."""
    return None if tags is None else frozenset(each.removesuffix(MSGPACK) for each in tags)
