"""Who is slow holds up nobody else: endpoints that do not answer, and name servers."""

import asyncio
import socket
import threading
from collections.abc import Iterator

import httpx2
import pytest
from litestar import Litestar

from api.jobs.worker import Worker
from api.lib.shares import Shares
from api.postgres.engine import PlainConnection
from api.webhooks.resolving import THREADS, Resolver
from tests.support.people import HARBOUR, QUARRY
from tests.support.wiring import services_of
from tests.webhooks.receiver import Receiver, receiving
from tests.webhooks.test_delivering import change, hook

pytestmark = pytest.mark.usefixtures("private")


def _greedy(shares: Shares[str], *names: str) -> int:
    count = 0
    while shares.has_room(*names):
        shares.take(*names)
        count += 1
    return count


def test_shares() -> None:
    shares: Shares[str] = Shares(32)
    assert [_greedy(shares, name) for name in "abcde"] == [16, 8, 4, 2, 1]
    assert (shares.free, sorted(shares.full())) == (1, ["a", "b", "c", "d", "e"])
    assert not shares.has_room("f", "a"), "a place is taken under all of its names"
    assert _greedy(shares, "f") == 1
    assert not shares.has_room("g")
    for _ in range(16):
        shares.give_back("a")
    assert _greedy(shares, "g", "h") == 8
    assert sorted(shares.full()) == ["b", "g", "h"]


async def test_a_slow_endpoint(
    bot: httpx2.AsyncClient, receiver: Receiver, litestar_app: Litestar, owner: PlainConnection
) -> None:
    """Forty webhooks of one guild lead to it, and are due before the one of another guild."""
    worker: Worker = services_of(litestar_app).delivery_worker
    async with receiving() as slow:
        slow.answers = [None]
        await hook(bot, slow.url, "settings.updated")
        await owner.execute("""
            INSERT INTO webhooks (guild_id, url, types, secret, scopes, created_at)
            SELECT guild_id, url || n, types, secret, scopes, created_at FROM webhooks, generate_series(1, 39) AS n
        """)
        await change(bot, 1)
        await owner.fetchval("SELECT guildhall_number_events(1000)")
        await worker.poll()
        async with asyncio.timeout(5):
            while len(slow.got) < 16:  # noqa: ASYNC110 - nothing signals it
                await asyncio.sleep(0.01)
        try:
            await hook(bot, receiver.url.replace("127.0.0.1", "localhost"), "settings.updated", guild=QUARRY)
            answer = await bot.patch(f"/v1/guilds/{QUARRY}/settings/leveling", json={"cooldown_seconds": 1})
            assert answer.is_success
            await owner.fetchval("SELECT guildhall_number_events(1000)")
            await worker.poll()
            async with asyncio.timeout(5):  # the slow ones are given up after ten seconds
                while not receiver.got:  # noqa: ASYNC110 - nothing signals it
                    await asyncio.sleep(0.01)
            assert len(slow.got) == 16, "half of the places"
        finally:
            await owner.execute("UPDATE webhooks SET disabled_at = now()")  # else they are begun again at once
            await worker.stop()


@pytest.fixture
def slow_names(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A name server that does not answer for `slow.example`, and all names that were asked for; others at once."""
    released, asked = threading.Event(), []
    real = socket.getaddrinfo

    def look_up(host: str, *more: object, **named: object) -> object:
        asked.append(host)
        if host.endswith("slow.example"):
            released.wait(30)
            raise OSError("no answer")
        return real("127.0.0.1", *more, **named)  # type: ignore[arg-type]  # what it was given

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    yield asked
    released.set()


async def test_a_slow_name_server(bot: httpx2.AsyncClient, slow_names: list[str]) -> None:
    resolver = Resolver()
    waiting = [asyncio.create_task(resolver.addresses(f"{n % 50}.slow.example", 80, HARBOUR)) for n in range(200)]
    async with asyncio.timeout(5):
        while len(slow_names) < THREADS // 2:  # noqa: ASYNC110 - nothing signals it
            await asyncio.sleep(0.01)
        assert await resolver.addresses("quick.example", 80, QUARRY) == ["127.0.0.1"]
    slow = [name for name in slow_names if name.endswith("slow.example")]
    assert len(slow) == len(set(slow)) == THREADS // 2, "one thread a name, half of them for one guild"
    for task in waiting:
        task.cancel()
    await asyncio.wait(waiting)


async def test_a_slow_name_holds_up_no_request_for_long(
    bot: httpx2.AsyncClient, slow_names: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.webhooks.urls.RESOLVE_SECONDS", 0.05)
    for n in range(5):
        await hook(bot, f"http://{n}.slow.example/")
    await hook(bot, "http://quick.example/", guild=QUARRY)
    assert "quick.example" in slow_names
