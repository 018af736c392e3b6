"""Clients of an ASGI application: in this process, or over real sockets."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from typing import Any, Literal, TypeVar

import httpx2
import uvicorn

from api.http.protocol import BoundedProtocol

T = TypeVar("T")

# every ASGI library has its own types for the three arguments, and they do not match
Application = Callable[[Any, Any, Any], Awaitable[None]]


# What a client asks for who does not speak TLS: else httpx2 reads all certificates of this machine for each client.
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leaves the signals to the test runner."""
        yield


def in_process(app: Application, base_url: str, address: str = "127.0.0.1") -> httpx2.AsyncClient:
    """A client that calls `app` without a socket, with the client address `address`. The caller runs the lifespan."""
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app, client=(address, 123)), base_url=base_url)


@asynccontextmanager
async def serve(app: Application, *, lifespan: Literal["on", "off"] = "on") -> AsyncIterator[str]:
    """Runs `app` on a free loopback port of the running event loop. Includes its lifespan, unless that is `off` because
    the application is already running.

    Yields the base URL without a slash at its end, `http://127.0.0.1:40123`. Raises `RuntimeError` if the application
    does not start. Streams that are open at the end are cut after two seconds."""
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
async def in_one_task(context: AbstractAsyncContextManager[T]) -> AsyncIterator[T]:
    """Enters and leaves the context in one task. The two halves of a fixture run in two tasks, which task groups
    refuse."""
    entered: list[T] = []
    started, ended = asyncio.Event(), asyncio.Event()

    async def live() -> None:
        async with context as value:
            entered.append(value)
            started.set()
            await ended.wait()

    task = asyncio.create_task(live())
    waiting = asyncio.create_task(started.wait())
    await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if task.done():
        task.result()
    try:
        yield entered[0]
    finally:
        ended.set()
        await task
