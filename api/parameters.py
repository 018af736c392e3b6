"""Reads the query of an address: every value by its declared type, every fault at once."""

import re
from functools import cache
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from api.lib.faults import ParameterFault

_control = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_plain = re.compile(r"-?(0|[1-9][0-9]{0,99})|true|false", re.ASCII).fullmatch


def read_query(raw: bytes, kind: type | None) -> tuple[object, list[ParameterFault]]:
    """The query as the struct `kind` (None: the route takes none), or all that is wrong with it."""
    fields = {} if kind is None else _fields(kind)
    if not raw:
        return (None if kind is None else kind()), []
    values: dict[str, str] = {}
    faults = []
    for name, value in parse_qsl(raw.decode("latin-1"), keep_blank_values=True, errors="replace"):
        if name not in fields:
            faults.append(ParameterFault(name[:64], "is not a parameter of this route"))
        elif name in values:
            faults.append(ParameterFault(name, "is given more than once"))
        values[name] = value
    converted = {}
    for name, field in fields.items():
        if name in values:
            try:
                converted[name] = _convert(values[name], field)
            except msgspec.ValidationError as error:
                message, _, _ = str(error).partition(" - at `")
                faults.append(ParameterFault(name, message[:1].lower() + message[1:]))
    if faults or kind is None:
        return None, list(dict.fromkeys(faults))
    return msgspec.convert(converted, kind), []


@cache
def _fields(kind: type) -> dict[str, Any]:  # Any: a type, as typing writes it
    return {field.encode_name: field.type for field in msgspec.structs.fields(kind)}


def _convert(text: str, kind: Any) -> object:  # Any: a type, as typing writes it
    """The value of a query parameter: msgspec's lax conversion would take `1e3` and ` 7` for numbers."""
    if _control.search(text) or "�" in text:
        raise msgspec.ValidationError("has a character that no value has")
    try:
        return msgspec.convert(text, kind)
    except msgspec.ValidationError:
        if _plain(text) is None:
            raise
        return msgspec.convert(text, kind, strict=False)
