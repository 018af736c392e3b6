"""Runs uvicorn: in this process, or as a supervisor with worker processes."""

import gc
import os
import signal
import socket
import sys
from collections.abc import Callable

import uvicorn
from litestar.types import ASGIApp
from uvicorn.supervisors import Multiprocess

from api.config import Settings, load, variable
from api.http.protocol import BoundedProtocol
from api.lib.descriptors import raise_limit
from api.runtime.logs import configure
from api.runtime.parent import end_with_parent, metrics_folder

GRACEFUL_SECONDS = 20
ACCEPTED_AT_ONCE = 32
STARTUP_FAILURE = 3  # uvicorn's exit code


class AddressInUse(Exception):
    """Another program already listens on the address."""


# The number of new objects after which Python's garbage collector runs. Its default, 700, is a few requests.
_YOUNG = 10_000


def application() -> ASGIApp:
    """The application of one process. Its settings come from the environment that `serve` has set.

    Objects that exist at the start stay, half a million of them. They are hidden from the garbage collector, which
    otherwise stopped all requests for 80 ms at each full collection.
    """
    end_with_parent()
    gc.disable()
    settings = load(dotenv=None)
    configure(settings.log_level, console=settings.console_log)
    from api.app import create_app

    app = create_app(settings)
    gc.freeze()
    gc.set_threshold(_YOUNG, 10, 10)
    gc.enable()
    return app


class _Server(uvicorn.Server):
    """A server that reports when it accepts connections."""

    def __init__(self, config: uvicorn.Config, announce: Callable[[], None]) -> None:
        super().__init__(config)
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._announce()


def listen(settings: Settings) -> socket.socket:
    """The socket to serve on. Raises `AddressInUse`."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listening = socket.socket(family)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((settings.host, settings.port))
    except OSError as error:
        raise AddressInUse(
            f"Cannot listen on {settings.host}:{settings.port}: {error.strerror}. "
            "Choose another with GUILDHALL_PORT or GUILDHALL_HOST."
        ) from None
    return listening


def listeners(listening: socket.socket) -> list[socket.socket]:
    """The listening socket, once for each connection that is accepted in a turn of the event loop.

    libuv accepts one connection in a turn for each of its handles, and under load a turn is long. A thousand
    connections at once would wait for a thousand turns, and so would a health check behind them.
    """
    return [listening, *(listening.dup() for _ in range(ACCEPTED_AT_ONCE - 1))]


def stop_when_hung_up() -> None:
    """A closed terminal ends the server and its database, as SIGTERM does. Under a supervisor with workers, SIGHUP has
    another meaning once it runs: it renews them one by one."""
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup asks to go on without a terminal
        signal.signal(signal.SIGHUP, lambda _number, _frame: signal.raise_signal(signal.SIGTERM))
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(128 + signal.SIGTERM))


def _pass_on(settings: Settings) -> None:
    """Puts the settings into the environment, from which workers read them."""
    for field in Settings.__struct_fields__:
        if field == "owner_database_url":
            os.environ.pop(variable(field), None)  # a worker never needs the owner's password
            continue
        value = getattr(settings, field)
        os.environ.pop(f"{variable(field)}_FILE", None)
        if value is not None:
            os.environ[variable(field)] = str(value).lower() if isinstance(value, bool) else str(value)


def serve(settings: Settings, listening: socket.socket, announce: Callable[[], None]) -> None:
    """Serves until SIGINT or SIGTERM, and returns when the last request is answered."""
    raise_limit()
    _pass_on(settings)
    config = uvicorn.Config(
        "api.runtime.server:application",
        factory=True,
        workers=settings.workers,
        loop="uvloop",
        http=BoundedProtocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.trusted_proxies or "127.0.0.1",
        timeout_graceful_shutdown=GRACEFUL_SECONDS,
    )
    # uvicorn raises the signal again after its shutdown: a successful stop is no failure.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: None)
    if settings.workers == 1:
        _Server(config, announce).run(listeners(listening))
        return
    with metrics_folder() as folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        announce()
        supervisor = Multiprocess(config, listeners(listening))
        supervisor.run()
    if any(process.exitcode == STARTUP_FAILURE for process in supervisor.processes):
        sys.exit(STARTUP_FAILURE)
