"""Followers of the stream that go and come back, and whoever else breaks connections: PostgreSQL, and `kill -9`."""

import asyncio
import os
import random
import signal
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path

import asyncpg
import httpx2

from api.postgres.embedded.server import EmbeddedPostgres
from api.postgres.embedded.user import EmbeddedPostgresError
from api.postgres.engine import PlainConnection
from api.postgres.provision import DATABASE
from tests.events.streams import Stream
from tests.support.serving import NO_TLS

CUTS = 8
KILLS = 2
UP_AGAIN_SECONDS = 60


class Follower:
    """Reads from the beginning, as often as it is cut off or leaves. `ids`: what it was given, in order."""

    def __init__(self, number: int, seed: int, base_url: str, key: str) -> None:
        self.ids: list[int] = []
        self.connects = 0
        self._dice = random.Random(f"{seed}-follower-{number}")  # noqa: S311 # chance that can be had again
        self._base_url, self._headers = base_url, {"Authorization": f"Bearer {key}"}

    async def follow(self) -> None:
        """Until it is cancelled."""
        async with httpx2.AsyncClient(
            base_url=self._base_url, headers=self._headers, timeout=20, verify=NO_TLS
        ) as http:
            while True:
                try:
                    await self._stay(http)
                except (httpx2.TransportError, StopAsyncIteration, TimeoutError):
                    await asyncio.sleep(0.05)

    async def _stay(self, http: httpx2.AsyncClient) -> None:
        after = {"Last-Event-ID": str(self.ids[-1] if self.ids else 0)}
        async with http.stream("GET", "/v1/events", headers=after) as response:
            if response.status_code == 503:
                raise TimeoutError
            assert response.status_code == 200, await response.aread()
            self.connects += 1
            async with aclosing(Stream(response)) as opened:
                for _ in range(self._dice.randint(1, 200)):
                    self.ids.append((await opened.next(self._dice.uniform(1, 5))).id)


class Mishaps:
    """At chosen points of the work a few connections of the database are ended, a worker or PostgreSQL is killed."""

    def __init__(self, seed: int, postgres: EmbeddedPostgres, server_pid: int) -> None:
        self.cuts = self.kills = self.outages = 0
        self._dice = random.Random(f"{seed}-mishaps")  # noqa: S311 # the same
        self._postgres, self._server = postgres, server_pid

    async def happen(self, done: Callable[[], float]) -> None:
        """`done` gives which part of the work is done, from 0 to 1."""
        planned = [(self._dice.uniform(0.05, 0.95), self._cut) for _ in range(CUTS)]
        planned += [((number + self._dice.uniform(0.2, 0.7)) / KILLS, self._kill) for number in range(KILLS)]
        planned.append((self._dice.uniform(0.1, 0.9), self._kill_postgres))
        for moment, mishap in sorted(planned, key=lambda each: each[0]):
            while done() < moment:  # noqa: ASYNC110 - nothing signals it
                await asyncio.sleep(0.02)
            await mishap()

    async def _cut(self) -> None:
        connection = await superuser(self._postgres)
        try:
            self.cuts += await connection.fetchval(
                "SELECT count(pg_terminate_backend(pid)) FROM (SELECT pid FROM pg_stat_activity"
                " WHERE application_name LIKE 'guildhall%' ORDER BY random() LIMIT $1) AS chosen",
                self._dice.choice((1, 3, 50)),
            )
        finally:
            await connection.close()

    async def _kill(self) -> None:
        workers = workers_of(self._server)
        os.kill(self._dice.choice(workers), signal.SIGKILL)
        self.kills += 1

    async def _kill_postgres(self) -> None:
        """Its first process; the server starts it again."""
        pid = self._postgres.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        self.outages += 1


async def superuser(postgres: EmbeddedPostgres) -> PlainConnection:
    """A connection that may do everything, as soon as PostgreSQL is there again."""
    async with asyncio.timeout(UP_AGAIN_SECONDS):
        while True:
            try:
                return await asyncpg.connect(postgres.url("postgres", DATABASE))
            except (OSError, EmbeddedPostgresError, asyncpg.CannotConnectNowError, asyncpg.ConnectionDoesNotExistError):
                await asyncio.sleep(0.1)


def workers_of(supervisor: int) -> list[int]:
    """The processes that serve."""
    children = Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split()
    lines = {int(child): Path(f"/proc/{child}/cmdline").read_text() for child in children}
    found = [pid for pid, line in lines.items() if "spawn_main" in line]
    assert found, lines
    return found
