"""Parses the headers that Guildhall uses. Each function raises `BadHeader` for an invalid value."""

import re
from urllib.parse import unquote_to_bytes

from litestar.datastructures import Headers

from api.errors import BadHeader
from api.lib import etags
from api.lib.text import nfc

REASON_CHARACTERS = 512

_control = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_broken_escape = re.compile(r"%(?![0-9A-Fa-f]{2})")


def reason(header: str | None) -> str | None:
    """`X-Audit-Log-Reason`: why a change is made, percent-encoded UTF-8, 512 characters at most."""
    if header is None:
        return None
    try:
        text = nfc(unquote_to_bytes(header.encode("latin-1")).decode("utf-8"))
    except UnicodeDecodeError:
        raise BadHeader("`X-Audit-Log-Reason` is not percent-encoded UTF-8.") from None
    if _broken_escape.search(header):
        raise BadHeader("`X-Audit-Log-Reason` has a `%` that does not start an escape: write it as `%25`.")
    if len(text) > REASON_CHARACTERS:
        raise BadHeader(f"`X-Audit-Log-Reason` is longer than {REASON_CHARACTERS} characters.")
    if _control.search(text):
        raise BadHeader("`X-Audit-Log-Reason` has a control character.")
    return text or None


def content_length(header: str | None) -> int | None:
    """`Content-Length` in bytes; None for a chunked body."""
    if header is None:
        return None
    if not header.isascii() or not header.isdigit():
        raise BadHeader("`Content-Length` is not a number of bytes.")
    return int(header[:18])  # Python refuses thousands of digits; 18 are too many already


def preconditions(given: Headers) -> etags.Preconditions | None:
    """The preconditions of a change; None without any."""
    match = etags.of_state(entity_tags("If-Match", given, weak=False))
    none_match = etags.of_state(entity_tags("If-None-Match", given, weak=True))
    return None if match is None and none_match is None else etags.Preconditions(match, none_match)


def entity_tags(name: str, given: Headers, *, weak: bool) -> frozenset[str] | None:
    """The tags of `If-Match` or `If-None-Match`, which may have several lines. None without the header."""
    if name not in given:
        return None
    try:
        return etags.parse(", ".join(given.getall(name)), weak=weak)
    except etags.BadEtag:
        raise BadHeader(f"`{name}` is neither a list of entity tags nor `*`.") from None


def with_head(header: tuple[bytes, bytes]) -> tuple[bytes, bytes]:
    """The header; `Allow` also with HEAD and OPTIONS, which every route answers."""
    name, value = header
    if name.lower() != b"allow":
        return header
    methods = {method.strip() for method in value.split(b",") if method.strip()}
    if b"GET" in methods:
        methods.add(b"HEAD")
    return name, b", ".join(sorted(methods | {b"OPTIONS"}))
