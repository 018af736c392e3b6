"""What can go wrong: Guildhall refuses, or is not to be reached."""

import httpx2
import msgspec

from guildhall_client.models import Fault


class GuildhallError(Exception):
    """Anything that this package raises of itself."""


class Unreachable(GuildhallError):
    """No answer, for as long as a request was tried."""


class Problem(GuildhallError):
    """A refusal (RFC 9457). Switch on `type`, which never changes its meaning."""

    def __init__(self, status: int, type_: str, title: str, detail: str, request_id: str, errors: list[Fault]) -> None:
        super().__init__(
            f"{status} {title}: {detail}" + "".join(f"; {_place(fault)} {fault.message}" for fault in errors)
        )
        self.status = status
        self.type = type_
        self.title = title
        self.detail = detail
        self.request_id = request_id
        self.errors = errors


class GuildNotFound(Problem):
    """The guild does not exist, or this key may not see it."""


class BadSignature(GuildhallError):
    """A webhook's delivery whose signature is missing, wrong or too old."""


class _Body(msgspec.Struct):
    type: str = "about:blank"
    title: str = ""
    detail: str = ""
    request_id: str = ""
    errors: list[Fault] = []


def problem(response: httpx2.Response, kind: type[Problem] = Problem) -> Problem:
    """The problem that an answer tells of; its body is read."""
    try:
        body = msgspec.json.decode(response.content, type=_Body)
    except (msgspec.MsgspecError, UnicodeDecodeError):  # of a proxy between, perhaps
        body = _Body(title=response.reason_phrase, detail=response.text[:200])
    return kind(response.status_code, body.type, body.title, body.detail, body.request_id, body.errors)


def _place(fault: Fault) -> str:
    return fault.parameter or fault.pointer or "the body"
