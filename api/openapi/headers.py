"""The headers of answers, by the names of their components."""

from api.openapi.schemas import Schema

HEADERS: dict[str, tuple[str, Schema]] = {
    "XRequestID": (
        "X-Request-ID",
        {"description": "The id of this request.", "required": True, "schema": {"type": "string"}},
    ),
    "ETag": (
        "ETag",
        {"description": "A strong entity tag of this state.", "required": True, "schema": {"type": "string"}},
    ),
    "Link": (
        "Link",
        {"description": 'The next page: `<…>; rel="next"`. Absent at the end.', "schema": {"type": "string"}},
    ),
    "Location": (
        "Location",
        {"description": "The address of its progress.", "required": True, "schema": {"type": "string"}},
    ),
    "IdempotentReplayed": (
        "Idempotent-Replayed",
        {"description": "`true` if this is the first answer again.", "schema": {"const": "true"}},
    ),
    "SetCookie": (
        "Set-Cookie",
        {
            "description": "The cookie of the log-in, later that of the session.",
            "required": True,
            "schema": {"type": "string"},
        },
    ),
    "RetryAfter": (
        "Retry-After",
        {"description": "Seconds to wait.", "required": True, "schema": {"type": "integer", "minimum": 0}},
    ),
    "WWWAuthenticate": (
        "WWW-Authenticate",
        {"description": "`Bearer`, and the error.", "required": True, "schema": {"type": "string"}},
    ),
    "Accept": (
        "Accept",
        {"description": "The media types of this route's body.", "required": True, "schema": {"type": "string"}},
    ),
    "AcceptPatch": (
        "Accept-Patch",
        {"description": "The media types of this route's patches.", "required": True, "schema": {"type": "string"}},
    ),
}


def spelled(name: str) -> str:
    """The written form of a header's name."""
    return HEADERS[name][0]
