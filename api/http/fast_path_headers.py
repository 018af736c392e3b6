"""Whether a GET is plain: what the fast paths look at first."""

import re
from typing import NamedTuple

from litestar.types import HTTPScope

_is_tag = re.compile(rb'(?:W/)?"([\x21\x23-\x7e]*)"').fullmatch
_MSGPACK = b"msgpack"


class Headers(NamedTuple):
    """What the headers of a plain request say. `known`: the one entity tag of its `If-None-Match`."""

    authorization: bytes | None
    known: frozenset[str] | None
    host: bytes | None


def read(scope: HTTPScope) -> Headers | None:
    """Those that mean something to a GET; None where one comes twice, is no plain entity tag or asks for
    MessagePack: what they mean is the ordinary way's to say."""
    authorization = known = host = None
    for name, value in scope["headers"]:
        if name == b"authorization":
            if authorization is not None:
                return None
            authorization = value
        elif name == b"if-none-match":
            if known is not None or (match := _is_tag(value)) is None:
                return None
            known = frozenset({match[1].decode("ascii")})
        elif name == b"host":
            if host is not None:
                return None
            host = value
        elif name == b"accept" and _MSGPACK in value.lower():
            return None
    return Headers(authorization, known, host)
