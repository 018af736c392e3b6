"""The idempotency store: stored answers, so that a request that is sent twice is done once.

A request with an `Idempotency-Key` first claims the key: a row without an answer, for as long as the request may take.
The service stores the answer in the transaction of its effect (`store_answer`), so a crash leaves both or neither. An
answer without an effect (a conflict) is stored when it is sent. A route that changes nothing stores no answer, and
computes it again."""

import re
import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from hashlib import sha256
from typing import Any

import msgspec
import structlog

from api.errors import Conflict, GuildhallError, TooManyRequests, Unavailable
from api.idempotency import queries
from api.idempotency.answer_quotas import AnswerQuotas, Quota
from api.lib.clock import Clock
from api.lib.encoded import Encoded, encode
from api.postgres.database import Connection, Database
from tables.idempotency import IdempotentAnswer

log = structlog.get_logger("guildhall.idempotency")

KEPT = timedelta(hours=24)
LARGEST = 1024 * 1024  # bytes of a stored answer

JSON = "application/json"

_people = re.compile(rb'"(?:user|owner)_id":"([1-9][0-9]{0,18})"')


class KeyReused(GuildhallError):
    status = 422
    type = "idempotency-key-reused"
    title = "Idempotency key used for something else"
    detail = "This `Idempotency-Key` was sent with another body, method or address. Make a new one for each request."


class AnswerTooLarge(GuildhallError):
    status = 422
    type = "answer-too-large"
    title = "Answer too large to be kept"
    detail = (
        f"With an `Idempotency-Key` the answer is kept, and this one would have more than {LARGEST} bytes. Nothing was "
        "done: send less at once, or no key."
    )


class StillRunning(Conflict):
    type = "still-running"
    title = "Still running"

    def __init__(self) -> None:
        super().__init__(
            "The first request with this `Idempotency-Key` is still running. Send it again soon.",
            headers={"Retry-After": "1"},
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
        """What `queries.SAVE` takes of it. Raises `AnswerTooLarge`."""
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


async def save(connection: Connection, answers: Sequence[tuple[Claim, StoredAnswer]]) -> bool:
    """Stores the answers. Returns whether all claims were still ours."""
    columns = zip(*(claim.row(answer) for claim, answer in answers), strict=True)
    done = await connection.execute(queries.SAVE, *columns, answers[0][0].clock.now() + KEPT)
    return int(done.split()[1]) == len(answers)


async def store_answer(
    connection: Connection,
    claim: Claim | None,
    view: object,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> None:
    """Stores the answer of a change, in the change's own transaction, as its last statement. Raises `StillRunning` if
    the request took so long that another one has the claim, and `AnswerTooLarge`: nothing is changed then."""
    await store_answers(connection, [(claim, view)], status=status, headers=headers)


async def store_answers(
    connection: Connection,
    views: Iterable[tuple[Claim | None, object]],
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> None:
    """Stores the answers of all requests of a transaction; requests without a claim have none."""
    own = {"content-type": JSON, **(headers or {})}
    answers = [(claim, _kept(view, status, own)) for claim, view in views if claim is not None]
    if not answers:
        return
    if not await save(connection, answers):
        raise StillRunning
    for claim, _ in answers:
        claim.is_kept = True


def _kept(view: object, status: int, headers: dict[str, str]) -> StoredAnswer:
    if isinstance(view, Encoded):
        return StoredAnswer(status, {**headers, "etag": view.etag}, view.body)
    return StoredAnswer(status, headers, encode(view))


class Idempotency:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._kept = AnswerQuotas()

    async def claim(
        self,
        owner: str,
        key: str,
        *,
        address: bytes,
        body: BodyHash,
        seconds: float,
        guild_id: int | None = None,
        read: Callable[[], Awaitable[None]] | None = None,
    ) -> Claim | StoredAnswer:
        """Claims the key for `seconds`, or returns the answer of the first time. `address`: a hash of method, path and
        query. `guild_id`: the guild of the request. `read`: reads the rest of the body. Raises `KeyReused`,
        `StillRunning`, and `TooManyRequests` if the owner's quota is used up and this key has no answer."""
        claim = Claim(owner, key, body, self._clock)
        now = self._clock.now()
        async with self._database.connection() as connection:
            try:
                claim.quota = await self._kept.take(connection, owner, now)
            except TooManyRequests:
                if await connection.fetchrow(queries.FIND, owner, key) is None:
                    raise
            ours = await connection.fetchval(
                queries.CLAIM,
                owner,
                key,
                claim.holder,
                address,
                body.digest,
                now + timedelta(seconds=seconds),
                now + KEPT,
                now,
                guild_id,
            )
            if ours:
                return claim
            row = await connection.fetchrow(queries.FIND, owner, key)
        if row is None:  # the first request was refused a moment ago
            raise StillRunning
        if row["address"] != address:
            raise KeyReused
        if row["status"] is None:
            if None not in (row["body_hash"], body.digest) and row["body_hash"] != body.digest:
                raise KeyReused
            raise StillRunning
        if row["body_hash"] is not None:  # else the first answer came before its body
            if read is not None:
                await read()
            if row["body_hash"] != body.digest:
                raise KeyReused
        return StoredAnswer(row["status"], msgspec.json.decode(row["headers"]), row["body"].encode())

    async def finalize(self, claim: Claim, answer: StoredAnswer) -> None:
        """Stores the answer of a request that succeeded, if the service has not stored it; releases the key of one that
        failed. An error of the store does not change the answer: the key is free again after a while."""
        is_done = 200 <= answer.status < 300
        if claim.is_kept and is_done:
            return
        try:
            if is_done or answer.status == 409:
                async with self._database.connection() as connection:
                    await save(connection, [(claim, answer)])
            else:
                await IdempotentAnswer.release(claim.owner, claim.key, claim.holder)
        except Unavailable as error:
            log.warning("an idempotent answer was not kept", type=error.type)
        except Exception:
            log.exception("an idempotent answer was not kept")

    async def sweep(self) -> bool:
        """Deletes a batch of expired answers. Returns whether there may be more."""
        async with self._database.connection() as connection:
            done = await connection.execute(queries.SWEEP, self._clock.now())
        return int(done.split()[1]) == queries.SWEEP_BATCH_SIZE


def _without_secret(body: bytes) -> bytes:
    """The body with null for its secret, which is shown once."""
    if b'"secret":"' not in body:
        return body
    value: dict[str, Any] = msgspec.json.decode(body)  # Any: any JSON
    return encode({name: None if name == "secret" else member for name, member in value.items()})
