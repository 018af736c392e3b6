"""Problems: turns every exception, including the framework's own, into problem+json (RFC 9457)."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import asyncpg
import msgspec
import structlog
from litestar.connection import Request
from litestar.exceptions import HTTPException, MethodNotAllowedException, NotFoundException
from litestar.response import Response

from api.errors import (
    Conflict,
    DatabaseAway,
    GuildhallError,
    Invalid,
    MethodNotAllowed,
    NotFound,
    Overloaded,
    Unavailable,
    UnreadableBody,
)
from api.http.context import context_of
from api.lib.faults import Fault, ParameterFault
from api.lib.flood import Flood
from api.lib.pagination import BadCursor
from api.postgres.failures import AWAY, IMPOSSIBLE_VALUES
from api.postgres.partitions import is_missing_partition

log = structlog.get_logger("guildhall.problems")

_unavailable, _unhandled = Flood("unavailable"), Flood("unhandled errors")

MEDIA_TYPE = "application/problem+json"
MOST_FAULTS = 1000
TYPE_BASE = "urn:guildhall:problem:"

# PostgreSQL's errors that a client can cause, by class. Their DETAIL contains the row and is never sent.
#
# A violated check or NOT NULL constraint is not among them. Validation refuses invalid input earlier, with a pointer.
# If a constraint fails, our own code is wrong: 500, with a trace that names the constraint.
DATABASE_ERRORS: dict[type[Exception], type[GuildhallError]] = {
    asyncpg.UniqueViolationError: Conflict,
    asyncpg.ForeignKeyViolationError: NotFound,
    asyncpg.SerializationError: Overloaded,
    asyncpg.DeadlockDetectedError: Overloaded,
    asyncpg.LockNotAvailableError: Overloaded,
    asyncpg.QueryCanceledError: Overloaded,
    asyncpg.InsufficientResourcesError: DatabaseAway,
    asyncpg.ReadOnlySQLTransactionError: DatabaseAway,
}


def problem(error: GuildhallError, *, instance: str, request_id: str | None) -> dict[str, object]:
    """The members of a problem. `instance`: the path, with no escapes."""
    body: dict[str, object] = {
        "type": TYPE_BASE + error.type,
        "title": error.title,
        "status": error.status,
        "detail": sentence(error),
        "instance": quote(instance, safe="/:@!$&'()*+,;=~", errors="replace"),
        "request_id": request_id,
    }
    if error.errors:
        body["errors"] = error.errors[:MOST_FAULTS]
    return body | error.extra


def sentence(error: GuildhallError) -> str:
    """The error's sentence. For invalid input the first fault, because many clients show nothing else."""
    if not error.errors or error.detail != Invalid.detail:
        return error.detail
    first = error.errors[0]
    place = f"`{first.parameter}`" if isinstance(first, ParameterFault) else _place(first)
    more = len(error.errors) - 1
    rest = " There is one more fault in `errors`." if more == 1 else f" There are {more} more faults in `errors`."
    between = ": " if first.message.startswith("expected") else " "
    ends = "" if first.message.endswith("?") else "."
    return f"{place}{between}{first.message}{ends}" + (rest if more else "")


def _place(fault: Fault) -> str:
    return f"`{fault.pointer}`" if fault.pointer else "The body"


def classify(error: Exception) -> GuildhallError:
    """The Guildhall error for any exception."""
    if isinstance(error, GuildhallError):
        return error
    if isinstance(error, BadCursor):
        return Invalid(errors=[ParameterFault("cursor", "was changed, belongs to another list, or is too old")])
    if isinstance(error, HTTPException):
        return _of_framework(error)
    if isinstance(error, IMPOSSIBLE_VALUES) or type(error) is asyncpg.DataError:  # asyncpg raises the class itself
        return Invalid(errors=[Fault("", "holds a value that cannot be stored")])
    if is_missing_partition(error):  # it was missing again after it had been made
        return Overloaded()
    for kind, ours in DATABASE_ERRORS.items():
        if isinstance(error, kind):
            return ours("The database refused this.") if issubclass(ours, Conflict) else ours()
    if isinstance(error, TimeoutError):  # which is also an OSError
        return Overloaded()
    if isinstance(error, AWAY):
        return DatabaseAway()
    return GuildhallError()


def _of_framework(error: HTTPException) -> GuildhallError:
    headers: Mapping[str, str] = error.headers or {}
    if isinstance(error, NotFoundException):
        return NotFound()
    if isinstance(error, MethodNotAllowedException):
        return MethodNotAllowed(headers={"Allow": headers.get("allow", "")})
    if error.status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
        return UnreadableBody(error.detail)
    return GuildhallError()


def logged(request: Request[Any, Any, Any], error: Exception) -> GuildhallError:
    """The Guildhall error for any exception, with which the request is logged. Logs the trace of an internal error."""
    ours = classify(error)
    if ours.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        if isinstance(ours, Unavailable):
            if not _unavailable.is_over():
                log.warning("unavailable", type=ours.type, cause=repr(error.__cause__ or error)[:300])
        elif not _unhandled.is_over():
            log.error("unhandled", exc_info=error)
    context_of(request.scope).problem = ours.type
    return ours


def handle(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """The answer to any exception."""
    ours = logged(request, error)
    context = context_of(request.scope)
    return Response(
        msgspec.json.encode(problem(ours, instance=request.scope["path"], request_id=context.request_id)),
        status_code=ours.status,
        media_type=MEDIA_TYPE,
        headers={**ours.headers, "Cache-Control": "no-store"},
    )
