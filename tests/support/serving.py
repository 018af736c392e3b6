"""Reach an ASGI application: in this process, or over real sockets for what only those show."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Literal

import httpx2
import uvicorn
from litestar import Litestar

from api.http.protocol import BoundedProtocol

# Any: every ASGI library types the three arguments in words of its own, and none takes another's.
Application = Callable[[Any, Any, Any], Awaitable[None]]


# What a client asks for who does not speak TLS: else httpx2 reads all certificates of this machine for each client.
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to the test runner."""
        yield


def in_process(app: Application, base_url: str, address: str = "127.0.0.1") -> httpx2.AsyncClient:
    """A client that calls `app` with no socket between, as if from `address`; the lifespan is the caller's to run."""
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app, client=(address, 123)), base_url=base_url)


@asynccontextmanager
async def serve(app: Application, *, lifespan: Literal["on", "off"] = "on") -> AsyncIterator[str]:
    """Run `app` on a free loopback port of the running event loop, its lifespan included unless it is
    `off`: for an application that is running already.

    Yields the base URL without a slash at its end, `http://127.0.0.1:40123`. Raises
    RuntimeError when the application does not start. Streams still open at the end
    are cut after two seconds.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        app,
        http=BoundedProtocol if hasattr(app, "connections") else "httptools",
        lifespan=lifespan,
        ws="none",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=2,
    )
    server = _Server(config)
    running = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        while not server.started:
            if running.done():
                await running
                raise RuntimeError("The application did not start; its lifespan failed.")
            await asyncio.sleep(0.01)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await asyncio.gather(running, return_exceptions=True)
        listener.close()


@asynccontextmanager
async def alive(app: Litestar) -> AsyncIterator[None]:
    """The application's lifespan, begun and ended in one task of its own: a fixture's two halves
    run in two tasks, and Litestar's task group refuses that."""
    started, ended = asyncio.Event(), asyncio.Event()

    async def live() -> None:
        async with app.lifespan():
            started.set()
            await ended.wait()

    task = asyncio.create_task(live())
    waiting = asyncio.create_task(started.wait())
    await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if task.done():
        task.result()
    try:
        yield
    finally:
        ended.set()
        await task
