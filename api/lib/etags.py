"""Entity tags: strong, made of the bytes of the answer, so equal on every worker."""

import re
from hashlib import blake2b

_member = re.compile(r'\s*(W/)?"([\x21\x23-\x7e\x80-\xff]*)"\s*(?:,|$)')

ANY = "*"


class BadEtag(ValueError):
    """A header that is no list of entity tags."""


def tag(body: bytes) -> str:
    """The entity tag of a JSON answer, without its quotes."""
    return blake2b(body, digest_size=12).hexdigest()


def parse(header: str, *, weak: bool) -> frozenset[str]:
    """The tags that a header names, `{"*"}` for any. Weak ones count only with `weak`: RFC 9110 has
    `If-Match` compare strongly, `If-None-Match` weakly. For `If-Match` the tag
    of the MessagePack form of an answer stands for the same state as that of its JSON form; for
    `If-None-Match` the two are different answers. Raises `BadEtag`."""
    if header.strip() == ANY:
        return frozenset({ANY})
    found, place = set(), 0
    while place < len(header):
        match = _member.match(header, place)
        if match is None:
            raise BadEtag(header)
        if weak or match[1] is None:
            found.add(match[2] if weak else match[2].removesuffix(MSGPACK))
        place = match.end()
    if not header.strip():
        raise BadEtag(header)
    return frozenset(found)


MSGPACK = "-msgpack"

# The tags of `If-Match`; None where the header is absent.
IfMatch = frozenset[str] | None
