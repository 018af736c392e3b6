"""The idempotency store: stored answers, so that a request that is sent twice is done once.

A request with an `Idempotency-Key` first claims the key: a row without an answer, for as long as the request may take.
The service stores the answer in the transaction of its effect (`store_answer`), so a crash leaves both or neither. An
answer without an effect (a conflict) is stored when it is sent. A route that changes nothing stores no answer, and
computes it again."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import timedelta

import asyncpg
import msgspec
import structlog

from api.errors import Conflict, GuildhallError, TooManyRequests, Unavailable
from api.idempotency import queries
from api.idempotency.answer_quotas import AnswerQuotas
from api.idempotency.claims import BodyHash, Claim, StoredAnswer
from api.lib.clock import Clock
from api.lib.encoded import Encoded, encode
from api.postgres.database import Connection, Database
from tables.idempotency import IdempotentAnswer

log = structlog.get_logger("guildhall.idempotency")

KEPT = timedelta(hours=24)

JSON = "application/json"


class KeyReused(GuildhallError):
    status = 422
    type = "idempotency-key-reused"
    title = "Idempotency key used for something else"
    detail = (
        "This `Idempotency-Key` was sent before with another body, method or address. Use a new one for each request."
    )


class StillRunning(Conflict):
    type = "still-running"
    title = "Still running"

    def __init__(self) -> None:
        super().__init__(
            "The first request with this `Idempotency-Key` is still running. Send it again soon.",
            headers={"Retry-After": "1"},
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
    the request took so long that another one has the claim, and `AnswerTooLarge`. Then nothing is changed."""
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


async def _first_answer(
    row: asyncpg.Record, body: BodyHash, read: Callable[[], Awaitable[None]] | None
) -> StoredAnswer:
    """The answer of the request that has the key, if this one has the same body."""
    if row["status"] is None:
        if None not in (row["body_hash"], body.digest) and row["body_hash"] != body.digest:
            raise KeyReused
        raise StillRunning
    if row["body_hash"] is not None:  # otherwise the first answer came before its body
        if read is not None:
            await read()
        if row["body_hash"] != body.digest:
            raise KeyReused
    return StoredAnswer(row["status"], msgspec.json.decode(row["headers"]), row["body"].encode())


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
        return await _first_answer(row, body, read)

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
            log.warning("an idempotent answer was not stored", type=error.type)
        except Exception:
            log.exception("an idempotent answer was not stored")

    async def sweep(self) -> bool:
        """Deletes a batch of expired answers. Returns whether there may be more."""
        async with self._database.connection() as connection:
            done = await connection.execute(queries.SWEEP, self._clock.now())
        return int(done.split()[1]) == queries.SWEEP_BATCH_SIZE
