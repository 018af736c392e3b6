"""Quotas of stored answers: how many answers, and how many bytes of them, each credential may have for a day each."""

import asyncio
import math
from collections import OrderedDict
from datetime import datetime, timedelta

from api.errors import TooManyRequests
from api.idempotency import queries
from api.postgres.database import Connection

MOST_ANSWERS = 100_000
MOST_BYTES = 64 * 1024 * 1024
OWNERS = 10_000  # credentials whose quota a process caches
COUNTED_FOR = timedelta(minutes=1)


class Quota:
    """The rest of a credential's quota, as this process knows it. It is counted again after an eighth of the rest is
    used, and after a minute. So several processes together exceed the quota by little, and hardly any request waits for
    a count."""

    __slots__ = ("answers", "bytes", "counting", "until")

    def __init__(self) -> None:
        self.answers = 0
        self.bytes = 0
        self.until: datetime | None = None
        self.counting = asyncio.Lock()

    def is_known(self, now: datetime) -> bool:
        return self.until is not None and now < self.until and self.answers > 0 and self.bytes > 0


class AnswerQuotas:
    """The quotas of all credentials."""

    def __init__(self) -> None:
        self._quotas: OrderedDict[str, Quota] = OrderedDict()

    async def take(self, connection: Connection, owner: str, now: datetime) -> Quota:
        """Takes one answer off the quota. Raises `TooManyRequests` if it is used up: a stored answer is promised for a
        day, and never dropped for another one."""
        quota = self._quotas.get(owner)
        if quota is None:
            quota = self._quotas[owner] = Quota()
            if len(self._quotas) > OWNERS:
                self._quotas.popitem(last=False)
        async with quota.counting:
            if not quota.is_known(now):
                await self._count(connection, quota, owner, now)
            quota.answers -= 1
        return quota

    async def _count(self, connection: Connection, quota: Quota, owner: str, now: datetime) -> None:
        row = await connection.fetchrow(queries.COUNT, owner, now)
        assert row is not None  # a count always returns its row
        answers, size = MOST_ANSWERS - row["answers"], MOST_BYTES - row["bytes"]
        if answers <= 0 or size <= 0:
            wait = max(math.ceil((row["first"] - now).total_seconds()), 1)
            raise TooManyRequests(
                f"{MOST_ANSWERS} answers, or {MOST_BYTES // 1024 // 1024} MiB of them, are already stored for this "
                "credential, each for a day. Send the request without an `Idempotency-Key` (events count once by "
                f"their own ids), or in {wait} s.",
                headers={"Retry-After": str(wait)},
            )
        quota.answers, quota.bytes, quota.until = math.ceil(answers / 8), math.ceil(size / 8), now + COUNTED_FOR
