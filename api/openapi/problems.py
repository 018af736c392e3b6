"""The shape of problems, and the refusals of an operation."""

from collections.abc import Iterator

import msgspec

from api.errors import (
    BodyTooLarge,
    Conflict,
    DatabaseAway,
    Gone,
    GuildhallError,
    Invalid,
    MissingScope,
    NotFound,
    PicturesNotInstalled,
    PreconditionFailed,
    TooManyRequests,
    Unauthorized,
    UnreadableBody,
    UnsupportedMediaType,
)
from api.http.problems import MEDIA_TYPE, TYPE_BASE, problem
from api.lib.faults import Fault, ParameterFault
from api.openapi.facts import LIVENESS, Facts
from api.openapi.headers import spelled
from api.openapi.schemas import Schema, Schemas

_EXAMPLE_ID = "5f1d3a9be0c74286"
_EXAMPLE_PATH = "/v1/guilds/81384788765712384/roles"


class Refusal(msgspec.Struct, frozen=True):
    """A status: its component, its description, and headers besides `X-Request-ID`."""

    name: str
    description: str
    example: GuildhallError
    headers: tuple[str, ...] = ()


REFUSALS: dict[int, Refusal] = {
    400: Refusal("BadRequest", "The body is not readable JSON in UTF-8, or a header is malformed.", UnreadableBody()),
    401: Refusal(
        "Unauthorized", "There is no key and no session, or it is not valid.", Unauthorized(), ("WWWAuthenticate",)
    ),
    403: Refusal(
        "Forbidden",
        "The credential lacks the scope or asks for more rights than its own, or a session's CSRF token is missing.",
        MissingScope("This route needs the scope `guilds:write`, which this credential does not have."),
    ),
    404: Refusal(
        "NotFound", "It does not exist, or this credential may not see it: both get the answer 404.", NotFound()
    ),
    409: Refusal(
        "Conflict",
        "It conflicts with the present state.",
        Conflict("A request with this `Idempotency-Key` is still running. Try again soon."),
    ),
    410: Refusal(
        "Gone",
        "Events after `Last-Event-ID` have been deleted.",
        Gone("Events are kept for 7 days. Read what you need anew, then connect without `Last-Event-ID`."),
    ),
    412: Refusal(
        "PreconditionFailed",
        "`If-Match` does not name the present state's entity tag, or `If-None-Match` names it.",
        PreconditionFailed(),
    ),
    413: Refusal(
        "BodyTooLarge",
        "The body is larger than this route accepts.",
        BodyTooLarge("The body is larger than 1048576 bytes."),
    ),
    415: Refusal(
        "UnsupportedMediaType",
        "This route does not accept the body's media type.",
        UnsupportedMediaType("Send the body as application/json, in UTF-8."),
        ("Accept",),
    ),
    422: Refusal(
        "Invalid",
        "Well-formed, but not valid: `errors` lists every fault that can be found at once.",
        Invalid(errors=[Fault("/items/3/id", "is required"), ParameterFault("limit", "expected `int` >= 1")]),
    ),
    429: Refusal(
        "TooManyRequests",
        "This credential, or this address, sends too many requests.",
        TooManyRequests("Too many requests. Try again in 2 seconds."),
        ("RetryAfter",),
    ),
    501: Refusal(
        "NotImplemented",
        "The server draws no pictures: `detail` says how to install what it needs.",
        PicturesNotInstalled(),
    ),
    503: Refusal(
        "Unavailable",
        "The database or Discord is away, or the server is overloaded.",
        DatabaseAway(),
        ("RetryAfter",),
    ),
}

PATCH_REFUSAL = msgspec.structs.replace(REFUSALS[415], name="UnsupportedPatch", headers=("AcceptPatch",))


def refusals(facts: Facts) -> dict[int, Refusal]:
    """The refusals of an operation, by status."""
    statuses: set[int] = set()
    if facts.needs_credential:
        statuses |= {401, 403, 422, 429}
    if facts.policy.reads_query:
        statuses |= {404, 422}
    if facts.policy.by_address:
        statuses.add(429)
    if facts.policy.token:
        statuses |= {401, 404}
    if facts.policy.login_fails:
        statuses.add(400)
    if facts.path_parameters:
        statuses.add(404)
    if (facts.is_unsafe and facts.needs_credential) or facts.takes_if_match or facts.is_conditional_read:
        statuses.add(400)
    if facts.body is not None or facts.files:
        statuses |= {400, 413, 415}
    if facts.takes_if_match:
        statuses.add(412)
    if facts.is_stream:
        statuses |= {400, 404, 410}
    if facts.policy.conflicts or facts.takes_key:
        statuses.add(409)
    if facts.policy.picture or facts.policy.draws:
        statuses.add(501)
    if facts.path != LIVENESS:
        statuses.add(503)
    found = {status: REFUSALS[status] for status in sorted(statuses)}
    if facts.method == "PATCH" and 415 in found:
        found[415] = PATCH_REFUSAL
    return found


def response(refusal: Refusal) -> Schema:
    """A refusal as a response object."""
    return {
        "description": refusal.description,
        "headers": {
            spelled(name): {"$ref": f"#/components/headers/{name}"} for name in ("XRequestID", *refusal.headers)
        },
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "example": _problem(refusal)}},
    }


def _problem(refusal: Refusal) -> object:
    return msgspec.to_builtins(problem(refusal.example, instance=_EXAMPLE_PATH, request_id=_EXAMPLE_ID))


def types() -> list[type[GuildhallError]]:
    """Every kind of problem, by status and type."""
    by_type = {(kind.status, kind.type): kind for kind in _kinds(GuildhallError)}  # some share their type
    return [by_type[each] for each in sorted(by_type)]


def _kinds(kind: type[GuildhallError]) -> Iterator[type[GuildhallError]]:
    if kind.__module__.startswith("api."):
        yield kind
    for child in kind.__subclasses__():
        yield from _kinds(child)


def add_problem(schemas: Schemas) -> None:
    """Adds the schema of a problem to the components."""
    faults = [schemas.of(Fault), schemas.of(ParameterFault)]
    schemas.components["Problem"] = {
        "title": "Problem",
        "description": (
            "Why a request was refused (RFC 9457). Let your code decide by `type`: its meaning never changes."
        ),
        "type": "object",
        "properties": {
            "type": {
                "type": "string",
                "format": "uri",
                "description": "One of the problems in this document's table; later versions may have more.",
                "examples": [TYPE_BASE + kind.type for kind in types()],
            },
            "title": {"type": "string", "description": "A title for the type."},
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "detail": {"type": "string", "description": "What is wrong, in a sentence."},
            "instance": {"type": "string", "description": "The path of the request."},
            "request_id": {"type": "string", "description": "The id of the request in the server's log."},
            "errors": {
                "type": "array",
                "minItems": 1,
                "items": {"anyOf": faults},
                "description": "Each fault, with an RFC 6901 pointer into the body or the name of a query parameter.",
            },
            "guilds": {
                "type": "integer",
                "minimum": 1,
                "description": "Of `module-conflict`: the number of guilds with invalid settings.",
            },
            "guild_ids": {
                "type": "array",
                "items": {"type": "string"},
                "description": "Of `module-conflict`: the first of these guilds.",
            },
        },
        "required": ["type", "title", "status", "detail", "instance", "request_id"],
        "examples": [_problem(REFUSALS[404]), _problem(REFUSALS[422])],
    }
