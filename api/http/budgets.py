"""Budgets of requests a minute as one process knows them: portions of the shared ones, and the budgets of addresses."""

import asyncio
import math
from functools import lru_cache
from ipaddress import IPv6Address, IPv6Network, ip_address

from litestar.types import HTTPScope

from api.errors import TooManyRequests
from api.http import queries as sql
from api.postgres.database import Database
from api.postgres.failures import TRANSIENT

Headers = list[tuple[bytes, bytes]]

WINDOW = 60.0


class Budget:
    """A budget until `ends`, in seconds since 1970. `left`: what this process may spend. `shared`: what all processes
    together had at the last query."""

    __slots__ = ("asking", "ends", "left", "limit", "owner", "pending", "shared")

    def __init__(self, owner: str, limit: int) -> None:
        self.asking = asyncio.Lock()
        self.owner = owner
        self.limit = limit
        self.ends = 0.0
        self.left = 0
        self.shared = 0
        self.pending = 0  # of an address: refusals that other processes do not know yet

    @property
    def remaining(self) -> int:
        return max(self.left + self.shared - self.pending, 0)

    def refusal(self, now: float) -> TooManyRequests:
        """The error for a spent budget."""
        wait = max(math.ceil(self.ends - now), 1)
        return TooManyRequests(
            f"The limit of {self.limit} requests a minute is reached. Send the next one in {wait} s.",
            headers={"Retry-After": str(wait)},
        )

    def headers(self, now: float) -> Headers:
        """The headers of the IETF draft, and those that Discord libraries read."""
        left, wait = b"%d" % self.remaining, max(self.ends - now, 0.0)
        name, fixed = _fixed(self.owner, self.limit)
        return [
            *fixed,
            (b"ratelimit", b'"%b";r=%b;t=%d' % (name, left, math.ceil(wait))),
            (b"x-ratelimit-remaining", left),
            (b"x-ratelimit-reset", b"%.3f" % (now + wait)),
            (b"x-ratelimit-reset-after", b"%.3f" % wait),
        ]


@lru_cache(4096)
def _fixed(owner: str, limit: int) -> tuple[bytes, Headers]:
    """The name of the budget's kind, and the header fields that never change."""
    name = owner.partition(":")[0].encode()
    return name, [
        (b"ratelimit-policy", b'"%b";q=%d;w=60' % (name, limit)),
        (b"x-ratelimit-limit", b"%d" % limit),
        # Without the address: caches may give the answer to others.
        (b"x-ratelimit-bucket", name if "address:" in owner else owner.replace(":", "-").encode()),
    ]


def address_of(scope: HTTPScope) -> str:
    """The owner's name for a request's address."""
    client = scope["client"]
    return "address:" if client is None else network(client[0])


@lru_cache(65_536)
def network(host: str) -> str:
    """The owner of an address's budget: the address itself, or for IPv6 the network of one customer."""
    try:
        address = ip_address(host)
    except ValueError:
        return "address:"
    if isinstance(address, IPv6Address):
        mapped = address.ipv4_mapped
        return f"address:{mapped or IPv6Network((int(address) >> 64 << 64, 64))}"
    return f"address:{host}"


async def take_portion(database: Database, budget: Budget, now: float) -> None:
    """Takes a portion of a shared budget. While the database is away, the process goes by its own count."""
    try:
        async with database.connection() as connection:
            row = await connection.fetchrow(sql.TAKE_PORTION, budget.owner, now, portion(budget.limit), budget.limit)
    except TRANSIENT:
        if budget.ends <= now:
            budget.ends, budget.left, budget.shared = now + WINDOW, budget.limit, 0
        else:
            budget.left, budget.shared = budget.shared, 0
        return
    assert row is not None  # the statement always returns its row
    kept = budget.left if row["ends_at"] == budget.ends else 0
    budget.left, budget.shared, budget.ends = kept + row["granted"], budget.limit - row["used"], row["ends_at"]


def portion(limit: int) -> int:
    """The number of requests that a process takes from a budget at a time."""
    return max(limit // 64, min(limit // 8, 32), 1)
