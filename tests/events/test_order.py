"""Nothing is lost, published twice or out of order: many writers, readers that come and go, connections that are cut.

`GUILDHALL_STREAM_SECONDS` has it run for longer than a suite should."""

import asyncio
import os
import random
import time
from contextlib import suppress

import asyncpg
import httpx2
from litestar import Litestar

from api.events.outbox import OutboxEvent, publish
from api.postgres.database import Database
from api.postgres.engine import PlainConnection
from tests.events.streams import stream
from tests.support import cluster
from tests.support.people import HARBOUR, QUARRY
from tests.support.wiring import services_of

SECONDS = float(os.environ.get("GUILDHALL_STREAM_SECONDS", "2"))
WRITERS = 8
LEAST = 5  # lines of each writer, however slow the machine is
READERS = 4
QUERY = "?types=member.left"


class Writer:
    """Writes lines of its own numbers, some of which are rolled back. `committed`: what was not, in its order."""

    def __init__(self, database: Database, number: int) -> None:
        self._database = database
        self._number = number
        self._chance = random.Random(number)  # noqa: S311 - chance that can be had again
        self.committed: list[tuple[int, int]] = []

    async def write(self, until: float) -> None:
        n = 0
        while time.monotonic() < until or len(self.committed) < LEAST:
            lines = [(self._number, n := n + 1) for _ in range(self._chance.randint(1, 4))]
            guild = self._chance.choice((HARBOUR, QUARRY))
            with suppress(LookupError):
                async with self._database.transaction() as connection:
                    await publish(
                        connection, [OutboxEvent(guild, "member.left", {"of": of, "n": n}) for of, n in lines]
                    )
                    await asyncio.sleep(self._chance.random() * 0.02)
                    if self._chance.random() < 0.25:
                        raise LookupError
                self.committed += lines
                continue


async def read(base_url: str, key: str, after: int, last: list[int], seed: int) -> list[tuple[int, int, int]]:
    """Reads, comes back again and again where it was, until it has the last one that was written, once that is known,
    and nothing more comes."""
    chance = random.Random(seed)  # noqa: S311 - the same
    got = []
    quiet = False
    while not (quiet and last and after >= last[0]):
        async with stream(base_url, key, after=after, query=QUERY) as opened:
            stay = time.monotonic() + chance.random() * 0.4
            with suppress(TimeoutError):
                while time.monotonic() < stay or last:
                    message = await opened.next(0.6)
                    got.append((message.id, message.data["of"], message.data["n"]))
                    after = message.id
                continue
            quiet = bool(last)
    return got


async def cut(owner: PlainConnection, ended: asyncio.Event) -> int:
    """Ends the sessions that listen, three times a second."""
    count = 0
    while not ended.is_set():
        await asyncio.sleep(0.3)
        count += await owner.fetchval(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE application_name = 'guildhall events' AND datname = current_database()"
        )
    return count


async def test_every_reader_gets_what_the_outbox_had(
    bot: httpx2.AsyncClient, base_url: str, litestar_app: Litestar, database_name: str, owner: PlainConnection
) -> None:
    writers = [Writer(services_of(litestar_app).database, number) for number in range(WRITERS)]
    ended, last = asyncio.Event(), list[int]()
    after = await owner.fetchval("SELECT newest FROM stream_position")
    superuser = await asyncpg.connect(cluster.url("postgres", database_name))
    key = bot.headers["Authorization"]
    async with asyncio.TaskGroup() as group:
        readers = [group.create_task(read(base_url, key, after, last, seed)) for seed in range(READERS)]
        cutting = group.create_task(cut(superuser, ended))
        until = time.monotonic() + SECONDS
        await asyncio.gather(*(writer.write(until) for writer in writers))
        ended.set()
        while await owner.fetchval("SELECT EXISTS (SELECT FROM outbox)"):  # noqa: ASYNC110 - nothing signals it
            await asyncio.sleep(0.05)
        last.append(await owner.fetchval("SELECT max(position) FROM stream_events WHERE type = 'member.left'"))
    await superuser.close()
    stored = [
        tuple(row)
        for row in await owner.fetch(
            "SELECT position, (data ->> 'of')::int, (data ->> 'n')::int FROM stream_events"
            " WHERE type = 'member.left' ORDER BY position"
        )
    ]
    assert cutting.result() >= 1
    assert len(stored) >= WRITERS * LEAST
    for writer in writers:
        assert [(of, n) for _, of, n in stored if of == writer._number] == writer.committed
    for reader in readers:
        assert reader.result() == stored
