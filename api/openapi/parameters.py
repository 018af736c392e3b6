"""The parameters of a route: parts of the address, the query, headers."""

import msgspec

from api.achievements.dtos import KEY_PATTERN
from api.http.headers import REASON_CHARACTERS
from api.http.idempotency import LONGEST
from api.lib import snowflakes
from api.openapi.facts import Facts
from api.openapi.schemas import Schema, Schemas, without_null

MODULE_PATTERN = "^[a-z][a-z0-9_]{0,63}$"

_ID: Schema = {"type": "string", "pattern": snowflakes.PATTERN}
_SNOWFLAKE: Schema = {**_ID, "format": "snowflake"}
_PLACE: Schema = {"type": "string", "pattern": "^[a-z0-9][a-z0-9-]{0,31}$"}

# The parts of addresses, by name. An impossible id is 404, like one that does not exist.
_PATH: dict[str, tuple[str, Schema, str]] = {
    "guild_id": ("The guild's snowflake.", _SNOWFLAKE, "81384788765712384"),
    "place": ("The short name or the snowflake of a guild with a public page.", _PLACE, "harbour"),
    "user_id": ("The person's snowflake.", _SNOWFLAKE, "190320984123768832"),
    "import_id": ("The import's `id`.", _ID, "3"),
    "webhook_id": ("The webhook's `id`.", _ID, "4"),
    "delivery": ("The delivery's `id`.", {"type": "string", "pattern": "^(test-)?[1-9][0-9]{0,18}$"}, "1204"),
    "key_id": ("The key's `id`.", _ID, "7"),
    "session_id": ("The session's `id`.", _ID, "9"),
    "achievement": ("The achievement's key.", {"type": "string", "pattern": KEY_PATTERN}, "chatterbox"),
    "module": ("The module's name.", {"type": "string", "pattern": MODULE_PATTERN}, "leveling"),
    "link": (
        "The link's text.",
        {"type": "string", "maxLength": 200},
        "ASEkD2bCAAACo9QxJ5oAAAAAAAAAAAAHaTTGAEq1Yw0c7n3f",
    ),
    "revision": ("The revision's number.", {"type": "integer", "minimum": 0, "maximum": 999_999_999}, "3"),
}

_ETAG = '"f2b0c9ad41e05f7c8a6d3e19"'

# A character takes at most four bytes, and each byte three characters in this form.
_PERCENT_ENCODED = "^([ -$&-~]|%[0-9A-Fa-f]{2})*$"

HEADERS: dict[str, Schema] = {
    "XRequestID": {
        "name": "X-Request-ID",
        "in": "header",
        "description": "Your own id for this request: 1 to 128 letters, digits and `._:/+=-`. If it is absent or "
        "has another form, the server makes an id. The id is in the answer, in every problem and in the server's log.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[A-Za-z0-9._:/+=-]+$"},
    },
    "XAuditLogReason": {
        "name": "X-Audit-Log-Reason",
        "in": "header",
        "description": f"The reason, for the audit log: percent-encoded UTF-8, at most {REASON_CHARACTERS} characters.",
        "schema": {"type": "string", "maxLength": REASON_CHARACTERS * 12, "pattern": _PERCENT_ENCODED},
        "example": "raid%20is%20over",
    },
    "IfMatch": {
        "name": "If-Match",
        "in": "header",
        "description": (
            "Change it only if its present state has one of these entity tags; otherwise 412. `*`: only if it exists."
        ),
        "schema": {"type": "string"},
        "example": _ETAG,
    },
    "IdempotencyKey": {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "1 to 255 printable characters of your own. If you send the request again within 24 hours "
        "with this key, it has no effect, and you get its first answer again, with `Idempotent-Replayed: true` (a "
        "secret in it is null). Another request with this key is 422. While the first one is running, the answer is "
        "409. Refusals other than 409 are not stored.",
        "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST, "pattern": "^[!-~]([ -~]*[!-~])?$"},
        "example": "order-7f3a",
    },
    "UnlessMatch": {
        "name": "If-None-Match",
        "in": "header",
        "description": "Change it only if its present state has none of these entity tags; otherwise 412. `*`: only if "
        "it does not exist.",
        "schema": {"type": "string"},
        "example": "*",
    },
    "LastEventID": {
        "name": "Last-Event-ID",
        "in": "header",
        "description": (
            "The `id` of the last event that you got: the stream continues after it. 0: every event that is kept."
        ),
        "schema": {"type": "string", "maxLength": 19, "pattern": "^(0|[1-9][0-9]*)$"},
        "example": "0",
    },
    "IfNoneMatch": {
        "name": "If-None-Match",
        "in": "header",
        "description": "The entity tags that you have: if one of them is current, the answer is 304, without a body.",
        "schema": {"type": "string"},
        "example": _ETAG,
    },
}


def parameters(facts: Facts, schemas: Schemas) -> list[Schema]:
    """All parameters of an operation."""
    headers = ["XRequestID"]
    if facts.is_unsafe and facts.needs_credential:
        headers.append("XAuditLogReason")
    if facts.takes_key:
        headers.append("IdempotencyKey")
    if facts.takes_if_match:
        headers += ["IfMatch", "UnlessMatch"]
    if facts.is_conditional_read:
        headers.append("IfNoneMatch")
    if facts.is_stream:
        headers.append("LastEventID")
    references: list[Schema] = [{"$ref": f"#/components/parameters/{name}"} for name in headers]
    return [*(_of_path(name) for name in facts.path_parameters), *_of_query(facts, schemas), *references]


def _of_path(name: str) -> Schema:
    if name not in _PATH:
        raise ValueError(f"No schema is known for {{{name}}} in an address: describe it in {__name__}.")
    description, schema, example = _PATH[name]
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": description,
        "schema": schema,
        "example": int(example) if schema["type"] == "integer" else example,
    }


def _of_query(facts: Facts, schemas: Schemas) -> list[Schema]:
    if facts.plan.query is None:
        return []
    return [_of_field(field, schemas) for field in msgspec.structs.fields(facts.plan.query)]


def _of_field(field: msgspec.structs.FieldInfo, schemas: Schemas) -> Schema:
    schema = dict(without_null(schemas.of(field.type)))
    parameter: Schema = {"name": field.encode_name, "in": "query", "required": field.required}
    if "description" in schema:
        parameter["description"] = schema.pop("description")
    if field.default not in (None, msgspec.NODEFAULT, msgspec.UNSET):
        schema["default"] = field.default
    return {**parameter, "schema": schema}
