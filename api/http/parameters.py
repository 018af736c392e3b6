"""Parses a query string: every value by its declared type, every fault at once."""

import re
from functools import cache
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from api.lib import snowflakes
from api.lib.faults import ParameterFault
from api.lib.schema_messages import listed

_control = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_plain = re.compile(r"-?(0|[1-9][0-9]{0,99})|true|false", re.ASCII).fullmatch


def read_query(raw: bytes, kind: type | None) -> tuple[object, list[ParameterFault]]:
    """The query as the struct `kind` (None: the route takes none), or its faults. A list may repeat its name, or use
    commas, or both. Only empty values mean the empty list, if the type allows one. Other names are faults, unless the
    struct allows them (`forbid_unknown_fields=False`)."""
    fields = {} if kind is None else _fields(kind)
    lists = frozenset() if kind is None else _lists(kind)
    required = () if kind is None else _required(kind)
    if not raw and not required:
        return (None if kind is None else kind()), []
    allows_others = kind is not None and not _config(kind).forbid_unknown_fields
    values: dict[str, list[str]] = {}
    faults = []
    for name, value in parse_qsl(raw.decode("latin-1"), keep_blank_values=True, errors="replace"):
        if name not in fields:
            if not allows_others:
                faults.append(ParameterFault(name[:64], "is not a parameter of this route"))
        elif name in values and name not in lists:
            faults.append(ParameterFault(name, "is given more than once"))
        values.setdefault(name, []).append(value)
    faults += [ParameterFault(name, "is required") for name in required if name not in values]
    converted = {}
    for name, field in fields.items():
        if name in values:
            try:
                given = values[name]
                converted[name] = _convert_list(given, field) if name in lists else _convert(given[-1], field)
            except msgspec.ValidationError as error:
                faults.append(ParameterFault(name, _message(error, field)))
    if faults or kind is None:
        return None, list(dict.fromkeys(faults))
    return msgspec.convert(converted, kind), []


def _message(error: msgspec.ValidationError, kind: Any) -> str:  # Any: a type, as typing writes it
    """The fault; of a value that is none of a few, the choices."""
    message, _, _ = str(error).partition(" - at `")
    choices = _choices(msgspec.inspect.type_info(kind))
    if choices and message.startswith("Invalid enum value"):
        return f"is not one of {listed(choices, longest=600)}"
    return message[:1].lower() + message[1:]


def _choices(kind: msgspec.inspect.Type) -> list[object]:
    """The values of a type that allows only a few."""
    match kind:
        case msgspec.inspect.Metadata(type=inner) | msgspec.inspect.ListType(item_type=inner):
            return _choices(inner)
        case msgspec.inspect.UnionType(types=types):
            return [choice for each in types for choice in _choices(each)]
        case msgspec.inspect.LiteralType(values=values):
            return list(values)
        case msgspec.inspect.EnumType(cls=cls):
            return [each.value for each in cls]
    return []


@cache
def _fields(kind: type) -> dict[str, Any]:  # Any: a type, as typing writes it
    return {field.encode_name: field.type for field in msgspec.structs.fields(kind)}


def _config(kind: type) -> "msgspec.structs.StructConfig":
    config: msgspec.structs.StructConfig = kind.__struct_config__  # type: ignore[attr-defined] # each struct has it
    return config


@cache
def _required(kind: type) -> tuple[str, ...]:
    """The names of the fields that have no default."""
    return tuple(field.encode_name for field in msgspec.structs.fields(kind) if field.required)


@cache
def _lists(kind: type) -> frozenset[str]:
    """The names of the fields that are lists."""
    return frozenset(name for name, field in _fields(kind).items() if _is_list(msgspec.inspect.type_info(field)))


def _is_list(kind: msgspec.inspect.Type) -> bool:
    if isinstance(kind, msgspec.inspect.Metadata):
        return _is_list(kind.type)
    return isinstance(kind, msgspec.inspect.ListType)


def _convert_list(texts: list[str], kind: Any) -> object:  # Any: the same
    items = [item for text in texts for item in text.split(",")] if any(texts) else []
    return msgspec.convert(items, kind, dec_hook=snowflakes.decode)


def _convert(text: str, kind: Any) -> object:  # Any: a type, as typing writes it
    """The value of a query parameter. msgspec's lax conversion would accept `1e3` and ` 7` as numbers."""
    if _control.search(text) or "�" in text:
        raise msgspec.ValidationError("has a character that is not allowed in any value")
    try:
        return msgspec.convert(text, kind, dec_hook=snowflakes.decode)
    except msgspec.ValidationError:
        if _plain(text) is None:
            raise
        return msgspec.convert(text, kind, strict=False, dec_hook=snowflakes.decode)
