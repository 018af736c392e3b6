"""Webhooks that lead to this machine, and what sends to them when a test says so."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest
from litestar import Litestar

from api.jobs.worker import Worker
from api.postgres.engine import PlainConnection
from tests.support.wiring import services_of
from tests.webhooks.receiver import Receiver, receiving

Deliver = Callable[[], Awaitable[None]]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as made:
        yield made


@pytest.fixture
def private(litestar_app: Litestar) -> Iterator[None]:
    """The operator lets webhooks lead to this network's own addresses."""
    service, sender = services_of(litestar_app).webhooks, services_of(litestar_app).deliverer._sender
    service._private = sender.private = True
    yield
    service._private = sender.private = False


_IS_LEFT = """
    SELECT EXISTS (SELECT FROM outbox)
        OR (SELECT max(position) FROM webhook_position) < (SELECT max(newest) FROM stream_position)
"""


@pytest.fixture
def deliver(litestar_app: Litestar, owner: PlainConnection) -> Deliver:
    """Sends all that is due; whether this does it, or what runs in the background anyway."""
    worker: Worker = services_of(litestar_app).delivery_worker

    async def send() -> None:
        async with asyncio.timeout(60):
            while True:
                await owner.fetchval("SELECT guildhall_number_events(1000)")
                # Numbering and creating deliveries admit one caller at a time; another may end after this has sent.
                is_left = await owner.fetchval(_IS_LEFT)
                await worker.poll()
                await worker.rest()
                if not is_left:
                    return

    return send
