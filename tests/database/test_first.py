"""Whether a server is ready is asked before all else: load is no reason to be taken out of service."""

import asyncio
import contextlib

import pytest
from litestar import Litestar

from api.postgres import readiness as health
from api.postgres.database import Database
from api.postgres.readiness import Health
from tests.support.wiring import services_of


async def test_readiness_does_not_stand_in_line(litestar_app: Litestar, monkeypatch: pytest.MonkeyPatch) -> None:
    database: Database = services_of(litestar_app).database
    checked: Health = services_of(litestar_app).health
    monkeypatch.setattr(database, "acquire_timeout", 30)
    monkeypatch.setattr(health, "PROBE_SECONDS", 30)
    served: list[int] = []
    go_on = asyncio.Event()

    async def ask(number: int) -> None:
        async with database.connection():
            served.append(number)
            await go_on.wait()

    async with contextlib.AsyncExitStack() as held:
        one = await contextlib.AsyncExitStack().__aenter__()
        await one.enter_async_context(database.connection())
        for _ in range(database.pool_size - 1):
            await held.enter_async_context(database.connection())
        line = [asyncio.create_task(ask(number)) for number in range(20)]
        ready = asyncio.create_task(checked.checks())
        while database.waiting < 21:  # noqa: ASYNC110 - nothing signals it
            await asyncio.sleep(0)
        await one.aclose()
        assert (await ready)["database"] == "ok"
        assert len(served) <= 1, "those in line had to wait"
        go_on.set()
        await asyncio.gather(*line)
    async with contextlib.AsyncExitStack() as all_again:
        for _ in range(database.pool_size):
            await all_again.enter_async_context(database.connection())
