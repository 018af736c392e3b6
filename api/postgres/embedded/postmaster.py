"""The postmaster: the running server of a data folder by its `postmaster.pid`, and the folder of its socket."""

import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Self

from api.postgres.embedded.user import ENVIRONMENT, ServerUser, grant_traverse, hand_over, open_private

PORT = 5432  # names the socket's file; no TCP port is opened

_SOCKET_PATH_BYTES = 103  # sun_path without its NUL: 107 on Linux, 103 on macOS
_SOCKET = f".s.PGSQL.{PORT}"
_SHORT_PREFIX = "guildhall-"

ORDINARY_SETTINGS: Mapping[str, str] = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "port": str(PORT),
    "max_connections": "100",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
    "log_checkpoints": "off",
    # Statements, their parameters and rows (DETAIL) contain people's data and secrets.
    "log_statement": "none",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    # After a crash, all files are synced before anything else. One by one that took 1.3 s here; this way 0.1 s.
    **({"recovery_init_sync_method": "syncfs"} if sys.platform == "linux" else {}),
}
FAST_SETTINGS: Mapping[str, str] = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "shared_buffers": "64MB",
}


class Postmaster(NamedTuple):
    """A server's process number, the folder of its socket, and whether it accepts connections."""

    pid: int
    socket_dir: Path
    ready: bool

    @classmethod
    def find(cls, data_dir: Path) -> Self | None:
        """The server of this folder, if one listens. It asks the socket, because after a crash the process number in
        the file may belong to any process."""
        named = cls.named(data_dir)
        return named if named and _listens(named.socket_dir / _SOCKET) else None

    @classmethod
    def named(cls, data_dir: Path) -> Self | None:
        """The server that postmaster.pid names, alive or not. Lines of the file: pid, data folder, start, port,
        socket's folder, address, shared memory, state. A file that was copied along with a folder names another
        folder."""
        try:
            lines = (data_dir / "postmaster.pid").read_text().splitlines()
            if len(lines) < 5 or not Path(lines[1]).samefile(data_dir):
                return None
            state = lines[7].strip() if len(lines) > 7 else ""
            return cls(abs(int(lines[0])), Path(lines[4]), state == "ready")
        except (OSError, ValueError):
            return None

    def works_in(self, folder: Path) -> bool | None:
        """Whether the process works in that folder, as a postmaster does in its data folder. None if the system does
        not say (no /proc, or no permission)."""
        try:
            return Path(f"/proc/{self.pid}/cwd").samefile(folder)
        except OSError:
            return None

    def ended(self, data_dir: Path) -> bool:
        """Whether the server is gone: its file is removed or belongs to another server, or its process has ended."""
        named = self.named(data_dir)
        if named is None or named.pid != self.pid:
            return True
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:  # another user's process has the number by now
            return self.works_in(data_dir) is False
        return False


def _listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(path))
        except BlockingIOError:
            return True  # so busy that its queue is full
        except OSError:
            return False
    return True


def choose_socket_dir(data_dir: Path, user: ServerUser, crashed: Postmaster | None) -> tuple[Path, list[Path]]:
    """A folder for the socket that only the server's user (and root) can enter, and the folders that were made passable
    for it. It is the data folder. If its path is too long for a socket, or has a character that ends it in a connection
    URI, it is a new temporary folder. After a server that `crashed` in a temporary folder, the new one has the same
    name, for clients that still have its address."""
    length = len(os.fsencode(data_dir / _SOCKET))
    if length <= _SOCKET_PATH_BYTES and re.fullmatch(r"[A-Za-z0-9/._ -]+", str(data_dir)):
        return data_dir, []
    room = _SOCKET_PATH_BYTES - len(f"/{_SHORT_PREFIX}12345678/{_SOCKET}")
    parent = tempfile.gettempdir() if len(os.fsencode(tempfile.gettempdir())) <= room else "/tmp"  # noqa: S108
    if crashed is not None and _is_temporary(crashed.socket_dir, data_dir):
        folder = crashed.socket_dir
        folder.mkdir(mode=0o700)  # if another user has made one of this name, it is not for us
    else:
        folder = Path(tempfile.mkdtemp(prefix=_SHORT_PREFIX, dir=parent))  # mode 0700, a name of its own
    hand_over(folder, user)
    return folder, grant_traverse([folder.parent], user) if user.switch else []


def _is_temporary(folder: Path, data_dir: Path) -> bool:
    return folder != data_dir and folder.name.startswith(_SHORT_PREFIX)


def forget_socket_dir(server: Postmaster, data_dir: Path) -> None:
    """Removes the temporary folder, if any, of a server that is gone."""
    folder = server.socket_dir
    if _is_temporary(folder, data_dir):
        with suppress(OSError):
            (folder / _SOCKET).unlink(missing_ok=True)
            (folder / f"{_SOCKET}.lock").unlink(missing_ok=True)
            folder.rmdir()


def disown_stale_pid_file(data_dir: Path, user: ServerUser) -> None:
    """After a power cut, the number in postmaster.pid may belong to another process of the same user, and PostgreSQL
    would refuse to start for ever. It considers its parent's number stale, so this writes ours. The rest stays, because
    PostgreSQL uses it to check that no orphan uses the shared memory. The caller has found that nobody listens, and
    starts PostgreSQL itself."""
    named = Postmaster.named(data_dir)
    if named is None:
        return
    forget_socket_dir(named, data_dir)
    if named.works_in(data_dir) is not False:
        return
    descriptor = open_private(data_dir / "postmaster.pid", os.O_RDWR, user)
    try:
        rest = os.pread(descriptor, 100_000, 0).partition(b"\n")[2]
        content = b"%d\n%s" % (os.getpid(), rest)
        os.pwrite(descriptor, content, 0)
        os.ftruncate(descriptor, len(content))
    finally:
        os.close(descriptor)


def launch(
    binaries: Path, data_dir: Path, settings: Mapping[str, str], log: int, user: ServerUser
) -> "subprocess.Popen[bytes]":
    """Starts a server, which writes to the open file `log`, and does not wait for it."""
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    child = subprocess.Popen(  # noqa: S603  our own program and arguments
        [str(binaries / "postgres"), "-D", str(data_dir), *options],
        user=user.uid if user.switch else None,
        group=user.gid if user.switch else None,
        extra_groups=[] if user.switch else None,
        umask=0o077,
        cwd="/",
        env=ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,  # the terminal's Ctrl-C is for us, not for the server
    )
    # As process 1 of a container, nobody else would reap it, and a zombie looks alive to kill(2).
    threading.Thread(target=child.wait, name="postgres-reaper", daemon=True).start()
    return child
