"""The request id: the client's own, or a new one."""

import re
from collections.abc import Iterable
from secrets import token_hex

_is_well_formed = re.compile(rb"[A-Za-z0-9._:/+=-]{1,128}").fullmatch


def request_id(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """A well-formed `X-Request-ID`, else a new one."""
    given = (value for name, value in headers if name == b"x-request-id" and _is_well_formed(value))
    return next(given, None) or token_hex(8).encode()
