"""The system user of the embedded PostgreSQL, and what that user can reach.

PostgreSQL refuses to run as root. Started by any other user, it runs as that user."""

import os
import pwd
import shutil
import stat
import subprocess
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

SYSTEM_USER = "guildhall"
# The environment of PostgreSQL's programs. It has none of our secrets.
ENVIRONMENT: Mapping[str, str] = {"PATH": os.defpath, "LANG": "C.UTF-8", "TZ": "UTC"}


class EmbeddedPostgresError(Exception):
    """The embedded PostgreSQL cannot be used. The message has the reason and what to do."""


class ServerUser(NamedTuple):
    """The ids of the user that runs PostgreSQL. `switch`: whether we must become that user, because we are root."""

    uid: int
    gid: int
    switch: bool

    @property
    def name(self) -> str:
        """The log-in name, or `number 123` if the system knows none."""
        try:
            return pwd.getpwuid(self.uid).pw_name
        except KeyError:
            return f"number {self.uid}"


def server_user(data_dir: Path) -> ServerUser:
    """Our own user, unless that is root. For root: the owner of the data; otherwise the first owner other than root of
    a folder above the data (the project's); otherwise the system user `guildhall`, which is created if it is missing.
    Raises `EmbeddedPostgresError`."""
    if os.geteuid() != 0:
        return ServerUser(os.geteuid(), os.getegid(), switch=False)
    if data_dir.exists() and (status := data_dir.stat()).st_uid != 0:
        # The number is enough: a volume outlives the container image that named its user.
        return ServerUser(status.st_uid, status.st_gid, switch=True)
    for folder in data_dir.parents:
        if folder.exists() and (entry := _person(folder.stat().st_uid)):
            return ServerUser(entry.pw_uid, entry.pw_gid, switch=True)
    entry = _system_user()
    return ServerUser(entry.pw_uid, entry.pw_gid, switch=True)


def _person(uid: int) -> pwd.struct_passwd | None:
    """The named user of this number. None for root and for `nobody`, which in a container stands for every owner
    outside of it."""
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        return None
    return None if entry.pw_uid == 0 or entry.pw_name == "nobody" else entry


def _system_user() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        pass
    advice = f"Make a system user named {SYSTEM_USER}, or start Guildhall as an ordinary user."
    useradd = shutil.which("useradd", path=f"{os.defpath}:/usr/sbin:/sbin")
    if useradd is None:
        raise EmbeddedPostgresError(f"PostgreSQL does not run as root, and there is no useradd here. {advice}")
    command = [useradd, "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", SYSTEM_USER]
    made = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  constant arguments
    try:
        return pwd.getpwnam(SYSTEM_USER)  # also if another process made it at the same moment
    except KeyError:
        raise EmbeddedPostgresError(
            f"PostgreSQL does not run as root, and useradd failed: {made.stderr.strip()} {advice}"
        ) from None


def hand_over(place: Path | int, user: ServerUser) -> None:
    """Makes the user the owner of a path or an open file that we have just created."""
    if user.switch:
        os.chown(place, user.uid, user.gid)


def open_private(path: Path, flags: int, user: ServerUser) -> int:
    """Opens a file of the server's user, created with mode 0600 if it is missing. Never through a link: another user of
    that folder must not lead root elsewhere. And without O_CREAT for an existing file: in a shared folder such as /tmp,
    Linux refuses that for another user's file."""
    flags |= os.O_NOFOLLOW | os.O_CLOEXEC
    while True:
        with suppress(FileNotFoundError):
            return os.open(path, flags)
        with suppress(FileExistsError):
            descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o600)
            hand_over(descriptor, user)
            return descriptor


def grant_traverse(folders: Iterable[Path], user: ServerUser) -> list[Path]:
    """Lets the user pass through each folder and all those above it: the execute bit alone, so names there stay
    unlisted. Returns the folders whose mode was changed."""
    every = {place for folder in folders for place in (folder, *folder.parents)}
    return [place for place in sorted(every) if _add_bits(place, stat.S_IXOTH, user)]


def grant_read(trees: Iterable[Path], user: ServerUser) -> list[Path]:
    """Lets the user read everything in these trees and run what their owner runs (an installation under umask 077
    denies it). Returns the trees in which a mode was changed."""
    changed = {tree: [_grant_read_one(path, user) for path in (tree, *tree.rglob("*"))] for tree in trees}
    return [tree for tree, changes in changed.items() if any(changes)]


def _grant_read_one(path: Path, user: ServerUser) -> bool:
    if path.is_symlink():
        return False
    runs = path.stat().st_mode & stat.S_IXUSR
    return _add_bits(path, stat.S_IROTH | (stat.S_IXOTH if runs else 0), user)


def _add_bits(path: Path, bits: int, user: ServerUser) -> bool:
    """Adds the permission bits (given as those of "other") in the class that counts for this user: of owner, group and
    other, POSIX uses only the first that fits."""
    status = path.stat()
    shift = 6 if status.st_uid == user.uid else 3 if status.st_gid == user.gid else 0
    if status.st_mode & (bits << shift) == bits << shift:
        return False
    path.chmod(stat.S_IMODE(status.st_mode) | bits << shift)
    return True


def prepare_folders(data_dir: Path, binaries: Path, user: ServerUser) -> list[Path]:
    """Creates missing folders, and opens those that the server's user has to pass or read. Returns the opened ones.
    Raises `EmbeddedPostgresError` for data of another user."""
    for folder in reversed(data_dir.parents):
        if not folder.exists():
            folder.mkdir()
            above = folder.parent.stat()
            if user.switch:  # a folder that root makes in a user's project belongs to that user
                os.chown(folder, above.st_uid, above.st_gid)
    opened = list[Path]()
    if user.switch:
        wheel = binaries.parent.parent
        libraries = wheel.with_name(f"{wheel.name}.libs")
        trees = [tree for tree in (binaries.parent, libraries) if tree.exists()]
        opened = grant_traverse([data_dir.parent, *trees], user) + grant_read(trees, user)
    if not data_dir.exists() or data_dir.stat().st_uid == user.uid:
        return opened
    if not user.switch or any(data_dir.iterdir()):
        raise EmbeddedPostgresError(
            f"{data_dir} belongs to another user than {user.name}, whom PostgreSQL would run as. "
            f"Start Guildhall as its owner or as root, or: chown -R {user.uid}:{user.gid} {data_dir}"
        )
    return opened
