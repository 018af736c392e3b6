"""The errors that Guildhall answers with: a status, a stable type, a title, and a sentence for the author of a bot.

Services raise them; only `problems.py` turns them into answers."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from api.lib.faults import Fault, ParameterFault

Extra = Mapping[str, "str | int | Sequence[str] | None"]


class GuildhallError(Exception):
    """A refusal. `detail` is the sentence about this occurrence; `extra` has additional members of the problem."""

    status: ClassVar[int] = 500
    type: ClassVar[str] = "internal-error"
    title: ClassVar[str] = "Internal error"
    detail: str = "Something went wrong on the server. Look for the request id in its log."

    def __init__(
        self,
        detail: str | None = None,
        *,
        errors: Sequence[Fault | ParameterFault] = (),
        headers: Mapping[str, str] | None = None,
        extra: Extra | None = None,
    ) -> None:
        super().__init__(detail or self.detail)
        if detail is not None:
            self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})
        self.extra = dict(extra or {})


class UnreadableBody(GuildhallError):
    status = 400
    type = "unreadable-body"
    title = "Unreadable body"
    detail = "The body is not readable JSON in UTF-8."


class UnreadableRequest(GuildhallError):
    status = 400
    type = "unreadable-request"
    title = "Unreadable request"
    detail = "The request is not valid HTTP/1.1."


class LoginFailed(GuildhallError):
    status = 400
    type = "login-failed"
    title = "Log-in failed"


class BadHeader(GuildhallError):
    status = 400
    type = "bad-header"
    title = "Bad header"


class Unauthorized(GuildhallError):
    status = 401
    type = "unauthorized"
    title = "Not authorized"
    detail = "This route needs a key: send it as `Authorization: Bearer gh_…`."

    def __init__(self, detail: str | None = None) -> None:
        challenge = 'Bearer realm="guildhall"'
        if detail is not None:
            challenge += ', error="invalid_token"'
        super().__init__(detail, headers={"WWW-Authenticate": challenge})


class MissingScope(GuildhallError):
    status = 403
    type = "missing-scope"
    title = "Missing scope"


class Forbidden(GuildhallError):
    status = 403
    type = "forbidden"
    title = "Forbidden"


class BadCsrfToken(Forbidden):
    type = "bad-csrf-token"
    title = "Bad CSRF token"
    detail = "With a session, a change needs the header `X-CSRF-Token`: send the `csrf_token` of `GET /v1/me`."


class NotFound(GuildhallError):
    status = 404
    type = "not-found"
    title = "Not found"
    detail = "It does not exist, or this credential may not see it."


class MethodNotAllowed(GuildhallError):
    status = 405
    type = "method-not-allowed"
    title = "Method not allowed"
    detail = "This route does not support this method."


class RequestTimeout(GuildhallError):
    status = 408
    type = "request-timeout"
    title = "Request timeout"


class Conflict(GuildhallError):
    status = 409
    type = "conflict"
    title = "Conflict"


class BuiltInModule(Conflict):
    type = "built-in-module"
    title = "Built-in module"


class ModuleConflict(Conflict):
    type = "module-conflict"
    title = "Stored settings would no longer be valid"


class RevisionConflict(Conflict):
    type = "revision-conflict"
    title = "Revision no longer valid"


class SlugTaken(Conflict):
    type = "slug-taken"
    title = "Short name taken"
    detail = "Another guild's public page has this `slug`. Choose another one."


class KeyExpired(Conflict):
    type = "key-expired"
    title = "Key expired"


class Gone(GuildhallError):
    status = 410
    type = "events-gone"
    title = "Events no longer kept"


class PreconditionFailed(GuildhallError):
    status = 412
    type = "precondition-failed"
    title = "Precondition failed"
    detail = (
        "With `If-Match`: it has changed since you read it. Read it again, and send the new ETag. "
        "With `If-None-Match`: it exists already, or has not changed."
    )


class BodyTooLarge(GuildhallError):
    status = 413
    type = "body-too-large"
    title = "Body too large"


class RequestLineTooLong(GuildhallError):
    status = 414
    type = "request-line-too-long"
    title = "Request line too long"


class UnsupportedMediaType(GuildhallError):
    status = 415
    type = "unsupported-media-type"
    title = "Unsupported media type"


class Invalid(GuildhallError):
    status = 422
    type = "invalid"
    title = "Invalid input"
    detail = "The request is well-formed, but not valid: see `errors`."


class HeaderTooLarge(GuildhallError):
    status = 431
    type = "header-too-large"
    title = "Header too large"


class TooManyRequests(GuildhallError):
    status = 429
    type = "too-many-requests"
    title = "Too many requests"


class LoginNotConfigured(GuildhallError):
    status = 404
    type = "login-not-configured"
    title = "Log-in not configured"
    detail = (
        "Nobody can log in here yet: set GUILDHALL_DISCORD_CLIENT_ID and GUILDHALL_DISCORD_CLIENT_SECRET to those of "
        "an application at https://discord.com/developers/applications."
    )


class PicturesNotInstalled(GuildhallError):
    status = 501
    type = "pictures-not-installed"
    title = "Pictures not installed"
    detail = (
        "This server cannot draw pictures yet: install its package with the extra `cards`, as docs/installing.md "
        "says, and start it again."
    )


class Unavailable(GuildhallError):
    status = 503
    type = "unavailable"
    title = "Unavailable"
    detail = "The server cannot answer at the moment. Try again soon."

    def __init__(self, detail: str | None = None, *, retry_after: int = 1) -> None:
        super().__init__(detail, headers={"Retry-After": str(retry_after)})


class DatabaseAway(Unavailable):
    type = "database-away"
    title = "Database away"
    detail = "The database cannot be reached. If this was a change, check whether it was stored; then try again."


class DiscordAway(Unavailable):
    type = "discord-away"
    title = "Discord away"
    detail = "Discord does not answer as it should, so your rights cannot be checked. Try again soon."


class Overloaded(Unavailable):
    type = "overloaded"
    title = "Overloaded"
    detail = "The server is overloaded. Nothing was stored; try again soon."


class PicturesBusy(Unavailable):
    type = "pictures-busy"
    title = "Too many pictures"
    detail = "Too many pictures are requested at once. Try again soon."
