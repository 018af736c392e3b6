"""The claim of an idempotency key, and the answer that is stored under it."""

import re
import secrets
from hashlib import sha256
from typing import Any

import msgspec

from api.errors import GuildhallError
from api.idempotency.answer_quotas import Quota
from api.lib.clock import Clock
from api.lib.encoded import encode

LARGEST = 1024 * 1024  # bytes of a stored answer

_people = re.compile(rb'"(?:user|owner)_id":"([1-9][0-9]{0,18})"')


class AnswerTooLarge(GuildhallError):
    status = 422
    type = "answer-too-large"
    title = "Answer too large to be kept"
    detail = (
        f"With an `Idempotency-Key`, the answer is stored, and this one would be larger than {LARGEST} "
        "bytes. Nothing was "
        "done. Send less at once, or no key."
    )


class BodyHash:
    """SHA-256 of a body, computed as it arrives. `digest` is None until the body is complete."""

    def __init__(self, raw: bytes | None) -> None:
        """`raw`: the whole body; None if it is still to come."""
        self._hash = sha256(raw or b"")
        self._is_whole = raw is not None

    def add(self, piece: bytes, *, more: bool) -> None:
        self._hash.update(piece)
        self._is_whole = not more

    @property
    def digest(self) -> bytes | None:
        return self._hash.digest() if self._is_whole else None


class StoredAnswer(msgspec.Struct, frozen=True):
    """A stored answer: its status, its own headers (`etag`: only the tag) and its JSON."""

    status: int
    headers: dict[str, str]
    body: bytes


class Claim:
    """The claim of a key: the right to do the request."""

    __slots__ = ("body", "clock", "holder", "is_kept", "key", "owner", "quota")

    def __init__(self, owner: str, key: str, body: BodyHash, clock: Clock) -> None:
        self.quota: Quota | None = None
        self.owner = owner
        self.key = key
        self.body = body
        self.clock = clock
        self.holder = secrets.token_bytes(16)
        self.is_kept = False

    def row(self, answer: StoredAnswer) -> tuple[object, ...]:
        """The row that `queries.SAVE` stores. Raises `AnswerTooLarge`."""
        if len(answer.body) > LARGEST:
            raise AnswerTooLarge
        if self.quota is not None:
            self.quota.bytes -= len(answer.body)
        people = sorted({int(found) for found in _people.findall(answer.body)})
        return (
            self.owner,
            self.key,
            self.holder,
            answer.status,
            encode(answer.headers).decode(),
            _without_secret(answer.body).decode(),
            self.body.digest,
            f"{{{','.join(map(str, people))}}}",
        )


def _without_secret(body: bytes) -> bytes:
    """The body with null in place of its secret, which is shown only once."""
    if b'"secret":"' not in body:
        return body
    value: dict[str, Any] = msgspec.json.decode(body)  # Any: any JSON
    return encode({name: None if name == "secret" else member for name, member in value.items()})
