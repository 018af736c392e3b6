"""A module's schema in the audit log: its digest, and which properties changed. Pure. The log is never deleted, so it
does not store whole schemas of 64 KiB."""

from hashlib import sha256

import msgspec

from api.lib.diff import Change
from api.lib.json import JsonObject, same

MOST_NAMES = 50  # of 64 characters

_encode = msgspec.json.Encoder(order="sorted").encode


class SchemaDigest(msgspec.Struct, frozen=True):
    """A digest of a schema. `sha256`: of its compact JSON with sorted members, which has `bytes` bytes. `changed`: the
    first top-level properties that the other schema lacks or has differently. `more`: the number of further ones."""

    sha256: str
    bytes: int
    changed: list[str]
    more: int


def schema_change(before: JsonObject | None, after: JsonObject) -> Change:
    """A change of a schema as digests. `before` is None for a new schema."""
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
