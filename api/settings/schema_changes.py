"""What the audit log says of a module's schema: which one it is, and which properties changed. It is never removed, and
a schema may have 64 KiB each time. Pure."""

from hashlib import sha256

import msgspec

from api.lib.diff import Change
from api.lib.json import JsonObject, same

MOST_NAMES = 50  # of 64 characters

_encode = msgspec.json.Encoder(order="sorted").encode


class SchemaDigest(msgspec.Struct, frozen=True):
    """A schema in short. `sha256`: of its compact JSON with sorted members, of `bytes` bytes. `changed`: the first
    properties at its top that only it has, or that the other one has otherwise; `more`: how many there are beyond."""

    sha256: str
    bytes: int
    changed: list[str]
    more: int


def schema_change(before: JsonObject | None, after: JsonObject) -> Change:
    """A change of a schema, in short; `before` is None of a new one."""
    return Change(None if before is None else _digest(before, after), _digest(after, before or {}))


def _digest(schema: JsonObject, other: JsonObject) -> SchemaDigest:
    encoded = _encode(schema)
    own, others = _properties(schema), _properties(other)
    changed = sorted(name for name, value in own.items() if name not in others or not same(value, others[name]))
    shown = changed[:MOST_NAMES]
    return SchemaDigest(sha256(encoded).hexdigest(), len(encoded), shown, len(changed) - len(shown))


def _properties(schema: JsonObject) -> JsonObject:
    found = schema.get("properties")
    return found if isinstance(found, dict) else {}
