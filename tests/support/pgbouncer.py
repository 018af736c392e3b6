"""PgBouncer before the run's PostgreSQL: Debian's, or the one that the variable PGBOUNCER names."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qs, quote, urlsplit

from api.postgres.embedded.user import server_user
from api.postgres.provision import APP
from tests.support import cluster

PROGRAM = os.environ.get("PGBOUNCER") or shutil.which("pgbouncer") or shutil.which("/usr/sbin/pgbouncer")
MISSING = "PgBouncer is not installed. On Debian: sudo apt-get install pgbouncer. PGBOUNCER=/path names another."
START_SECONDS = 20

# Since then it can keep prepared statements, for which Guildhall has a setting.
KEEPS_STATEMENTS_SINCE = (1, 21)

Mode = Literal["transaction", "session"]


def keeps_statements() -> bool:
    """Whether it is new enough to keep prepared statements."""
    assert PROGRAM is not None, MISSING
    said = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True, check=True).stdout
    major, minor, *_ = said.split()[1].split(".")
    return (int(major), int(minor)) >= KEEPS_STATEMENTS_SINCE


class PgBouncer:
    """A running one. It lets everybody in whom PostgreSQL lets in."""

    def __init__(self, process: "subprocess.Popen[bytes]", port: int) -> None:
        self._process = process
        self.port = port

    def url(self, user: str, database: str) -> str:
        return f"postgresql://{quote(user)}@127.0.0.1:{self.port}/{quote(database)}"

    def reload(self) -> None:
        """Opens its connections to PostgreSQL anew, as RECONNECT does, once they are free."""
        self._process.send_signal(signal.SIGHUP)


@contextmanager
def pgbouncer(
    *users: str,
    mode: Mode = "transaction",
    size: int = 20,
    ignoring: str = "",
    before: str | None = None,
    login: str | None = None,
) -> Iterator[PgBouncer]:
    """Lends at most `size` connections of each user and database; `ignoring`: parameters that it drops. `before`: the
    address of another server than the run's. `login`: whom PostgreSQL sees, instead of the users."""
    assert PROGRAM is not None, MISSING
    folder = Path(tempfile.mkdtemp(prefix="guildhall-pgbouncer-"))
    user = server_user(cluster.server().data_dir)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    options = {"pool_mode": mode, "default_pool_size": str(size), "ignore_startup_parameters": ignoring}
    _configure(before or cluster.url(APP, "postgres"), folder, port, users, options, login)
    if user.switch:
        for path in (folder, *folder.iterdir()):
            os.chown(path, user.uid, user.gid)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [PROGRAM, "-q", str(folder / "pgbouncer.ini")],
            user=user.uid if user.switch else None,
            group=user.gid if user.switch else None,
            extra_groups=[] if user.switch else None,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
        )
    try:
        _wait(process, port, folder / "log")
        yield PgBouncer(process, port)
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _configure(
    server: str, folder: Path, port: int, users: tuple[str, ...], options: dict[str, str], login: str | None
) -> None:
    parts = urlsplit(server)
    query = parse_qs(parts.query)
    host, port_there = query.get("host", [parts.hostname])[0], query.get("port", [parts.port or 5432])[0]
    lines = [
        "[databases]",
        f"* = host={host} port={port_there}" + (f" user={login}" if login else ""),
        "[pgbouncer]",
        "listen_addr = 127.0.0.1",
        f"listen_port = {port}",
        "unix_socket_dir =",
        "auth_type = trust",
        f"auth_file = {folder / 'users'}",
        "max_client_conn = 500",
        *(["max_prepared_statements = 200"] if keeps_statements() else []),
        *(f"{name} = {value}" for name, value in options.items()),
    ]
    (folder / "pgbouncer.ini").write_text("\n".join(lines) + "\n")
    (folder / "users").write_text("".join(f'"{user}" "{_password(user)}"\n' for user in users))


def _password(user: str) -> str:
    return urlsplit(cluster.url(user, "postgres")).password or ""


def _wait(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    ends = time.monotonic() + START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if process.poll() is not None or time.monotonic() > ends:
                raise RuntimeError(f"PgBouncer does not start: {log.read_text()}") from None
            time.sleep(0.02)
        else:
            return
