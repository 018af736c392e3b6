"""A PostgreSQL with a streaming replica, as an operator has them: the replica is a copy by `pg_basebackup`."""

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from api.postgres.embedded.postmaster import Postmaster
from api.postgres.embedded.server import EmbeddedPostgres
from api.postgres.embedded.user import ENVIRONMENT, ServerUser, hand_over, server_user
from tests.operation.servers import private_folder, until

# A test waits for what is sent at a commit, so commits are sent at once.
_SETTINGS = {"wal_level": "replica", "max_wal_senders": "10", "synchronous_commit": "on", "max_connections": "100"}
START_SECONDS = 60


class Standby(EmbeddedPostgres):
    """The server of a copy. `start` makes the copy if there is none."""

    def __init__(self, primary: EmbeddedPostgres, data_dir: Path, settings: Mapping[str, str] | None = None) -> None:
        super().__init__(data_dir, fast=True, settings=_SETTINGS | {"hot_standby": "on"} | dict(settings or {}))
        self._primary = primary

    def _bring_up(self, user: ServerUser, given_up: Callable[[], bool]) -> None:
        if not (self.data_dir / "PG_VERSION").exists():
            self._copy(user)
        if Postmaster.find(self.data_dir) is None:
            self._spawn(user)
        until(self._accepts, START_SECONDS, lambda: self._server_log.since(0))

    def _accepts(self) -> bool:
        """Whether it accepts connections: as a standby, or after a promotion."""
        file = self.data_dir / "postmaster.pid"
        return Postmaster.find(self.data_dir) is not None and file.read_text().split()[-1] in ("standby", "ready")

    def _copy(self, user: ServerUser) -> None:
        self.data_dir.mkdir(mode=0o700, exist_ok=True)
        hand_over(self.data_dir, user)
        url = self._primary.url("postgres", "postgres")
        subprocess.run(
            [self.binary("pg_basebackup"), "-D", self.data_dir, "-d", url, "-R", "-X", "stream", "-c", "fast", "-N"],
            user=user.uid if user.switch else None,
            group=user.gid if user.switch else None,
            extra_groups=[] if user.switch else None,
            cwd="/",
            env=ENVIRONMENT,
            capture_output=True,
            check=True,
        )
        for file in self.data_dir.glob(".s.PGSQL.*"):  # the socket of the other server, which lies in its data folder
            file.unlink()

    def follow(self, primary: EmbeddedPostgres) -> None:
        """Restarts it as a replica of another server, as after a failover."""
        url = primary.url("postgres", "postgres")
        self.stop()
        self._settings = {**self._settings, "primary_conninfo": url}
        self.start()

    def kill(self) -> None:
        """Ends it as a power cut would."""
        server = Postmaster.named(self.data_dir)
        assert server is not None
        os.kill(server.pid, signal.SIGKILL)
        until(lambda: Postmaster.find(self.data_dir) is None, START_SECONDS)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Answers nothing, as a machine that hangs."""
        processes = self._processes()
        try:
            _signal(processes, signal.SIGSTOP)
            yield
        finally:
            _signal(processes, signal.SIGCONT)

    def _processes(self) -> list[int]:
        server = Postmaster.named(self.data_dir)
        assert server is not None
        children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
        return [server.pid, *map(int, children)]

    def promote(self) -> None:
        """Ends recovery: from now on it is a primary of its own."""
        user = server_user(self.data_dir)
        subprocess.run(
            [self.binary("pg_ctl"), "promote", "-w", "-D", self.data_dir],
            user=user.uid if user.switch else None,
            group=user.gid if user.switch else None,
            extra_groups=[] if user.switch else None,
            cwd="/",
            env=ENVIRONMENT,
            capture_output=True,
            check=True,
        )


def _signal(processes: list[int], number: int) -> None:
    for process in processes:
        with suppress(ProcessLookupError):  # it has ended meanwhile
            os.kill(process, number)


@contextmanager
def primary() -> Iterator[EmbeddedPostgres]:
    """A server that replicas can follow."""
    with private_folder() as folder:
        server = EmbeddedPostgres(folder / "primary", fast=True, settings=_SETTINGS)
        server.start()
        try:
            yield server
        finally:
            server.stop()


@contextmanager
def standby_of(server: EmbeddedPostgres, name: str = "standby", **settings: str) -> Iterator[Standby]:
    """A running replica of this server."""
    made = Standby(server, server.data_dir.with_name(name), settings)
    made.start()
    try:
        yield made
    finally:
        made.stop()
        shutil.rmtree(made.data_dir, ignore_errors=True)
