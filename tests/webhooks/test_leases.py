"""Several processes deliver: each delivery is leased by one of them."""

import asyncio

import httpx2
import pytest
from litestar import Litestar

from api.jobs import leases
from api.jobs.worker import Worker
from api.postgres.engine import PlainConnection
from api.webhooks import sending
from api.webhooks.jobs import Deliverer
from tests.support.clock import MovableClock
from tests.support.wiring import services_of
from tests.webhooks.conftest import Deliver
from tests.webhooks.receiver import Receiver
from tests.webhooks.test_delivering import change, deliveries, hook

pytestmark = pytest.mark.usefixtures("private")


async def test_two_processes_send_each_once(
    bot: httpx2.AsyncClient, receiver: Receiver, litestar_app: Litestar, clock: MovableClock, owner: PlainConnection
) -> None:
    services = services_of(litestar_app)
    mine: Worker = services.delivery_worker
    deliverer: Deliverer = services.deliverer
    other = Worker(Deliverer(services.database, clock, deliverer._secret_box, deliverer._sender))
    hooks = [await hook(bot, receiver.url, "settings.updated") for _ in range(5)]
    for value in range(1, 9):
        await change(bot, value)
        await owner.fetchval("SELECT guildhall_number_events(1000)")
        await asyncio.gather(mine.poll(), other.poll())
    for _ in range(3):
        await asyncio.gather(mine.rest(), other.rest())
        await asyncio.gather(mine.poll(), other.poll())
    assert len(receiver.got) == 8 * len(hooks)
    assert len({(each.headers["guildhall-signature"], each.body) for each in receiver.got}) == 8 * len(hooks)


async def test_a_process_that_dies_leaves_it_to_another(
    bot: httpx2.AsyncClient, receiver: Receiver, deliver: Deliver, clock: MovableClock, owner: PlainConnection
) -> None:
    await hook(bot, receiver.url, "settings.updated")
    await owner.execute("UPDATE webhooks SET holder = 'dead', leased_until = now() + interval '1 s'")
    await change(bot, 1)
    await deliver()
    assert receiver.got == [], "the lease has not ended"
    async with asyncio.timeout(30):
        while not receiver.got:
            await asyncio.sleep(0.1)
            clock.move(seconds=20)
            await deliver()
    assert len(receiver.got) == 1


async def test_a_slow_sending_keeps_its_lease(
    bot: httpx2.AsyncClient,
    receiver: Receiver,
    litestar_app: Litestar,
    owner: PlainConnection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The heartbeat renews it. And though it ran out, this process does not begin a second time."""
    monkeypatch.setattr(leases, "HEARTBEAT_SECONDS", 0.1)
    monkeypatch.setattr(sending, "SECONDS", 1.5)
    worker: Worker = services_of(litestar_app).delivery_worker
    webhook = await hook(bot, receiver.url, "settings.updated")
    receiver.answers = [None]
    await change(bot, 1)
    await owner.fetchval("SELECT guildhall_number_events(1000)")
    await worker.poll()
    held = "SELECT leased_until > now() + interval '9 s' FROM webhooks"
    for _ in range(3):
        await owner.execute("UPDATE webhooks SET leased_until = now() - interval '1 s' WHERE holder IS NOT NULL")
        await worker.poll()
        async with asyncio.timeout(5):
            while not await owner.fetchval(held):  # noqa: ASYNC110 - nothing signals it
                await asyncio.sleep(0.01)
    await worker.rest()
    assert len(receiver.got) == 1
    assert await deliveries(bot, webhook) == [("settings.updated", "pending", 1)]
