"""The data folder of the embedded PostgreSQL. It is created completely or not at all, and never deleted."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from api.postgres.embedded.user import ENVIRONMENT, EmbeddedPostgresError, ServerUser, hand_over

MAJOR = 18

_INITDB_SECONDS = 300
_FIRST_OID_OF_A_USER = 16384  # FirstNormalObjectId: folders in `base` from here on hold users' data
_INITDB_OPTIONS = (
    "--username=postgres",
    # Safe, because the socket's folder has mode 0700. A user who can enter it could read the data files as well.
    "--auth-local=trust",
    "--auth-host=reject",
    "--encoding=UTF8",
    # Built in, so no order changes on a machine without locales or after an upgrade of libc.
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--locale=C",
    "--text-search-config=simple",
    "--data-checksums",
)


def ensure_cluster(data_dir: Path, binaries: Path, user: ServerUser, *, sync: bool) -> None:
    """Creates the cluster if the folder is missing or empty, or has only the remains of an interrupted initdb, which
    are renamed, not deleted. The caller holds the lock. `sync` waits for the disk. Raises `EmbeddedPostgresError` for
    data that this PostgreSQL cannot read, and changes nothing."""
    if not data_dir.exists() or not any(data_dir.iterdir()):
        _make(data_dir, binaries, user, sync=sync)
    elif not (data_dir / "global" / "pg_control").exists():
        _set_aside(data_dir)
        _make(data_dir, binaries, user, sync=sync)
    else:
        _check_version(data_dir)


def _check_version(data_dir: Path) -> None:
    try:
        version = (data_dir / "PG_VERSION").read_text().strip()
    except FileNotFoundError:
        raise EmbeddedPostgresError(
            f"{data_dir} is damaged: PG_VERSION is missing. Nothing was changed; restore a backup into an empty folder."
        ) from None
    if version != str(MAJOR):
        raise EmbeddedPostgresError(
            f"{data_dir} was made by PostgreSQL {version}, and PostgreSQL {MAJOR} cannot read it. Nothing "
            "was changed. Run `guildhall backup` with the version of Guildhall that made it, move the folder "
            "away, start this version, and restore the backup."
        )


def _set_aside(data_dir: Path) -> None:
    """Renames the remains of an interrupted initdb. It writes pg_control before anything of value can exist."""
    entries = {entry.name for entry in data_dir.iterdir()}
    named = {"base", "global", "PG_VERSION", "postgresql.conf", "postgresql.auto.conf"}
    strange = {name for name in entries - named if not name.startswith("pg_")}
    databases = data_dir / "base"
    filled = databases.is_dir() and any(
        entry.name.isdigit() and int(entry.name) >= _FIRST_OID_OF_A_USER for entry in databases.iterdir()
    )
    if strange or filled:
        raise EmbeddedPostgresError(
            f"{data_dir} is neither empty nor a whole PostgreSQL data folder (global/pg_control is missing). "
            "Nothing was changed; name another folder, or restore a backup into an empty one."
        )
    data_dir.rename(tempfile.mkdtemp(prefix=f"{data_dir.name}.incomplete-", dir=data_dir.parent))


def _make(data_dir: Path, binaries: Path, user: ServerUser, *, sync: bool) -> None:
    """Runs initdb in a folder beside, and renames it when it is complete: a power cut leaves no half of it."""
    prefix = f"{data_dir.name}.initdb-"
    for leftover in data_dir.parent.glob(f"{prefix}*"):
        shutil.rmtree(leftover, ignore_errors=True)
    scratch = Path(tempfile.mkdtemp(prefix=prefix, dir=data_dir.parent))
    try:
        hand_over(scratch, user)
        _initdb(scratch, binaries, user, sync=sync)
        scratch.rename(data_dir)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    if sync:
        _sync_folder(data_dir.parent)


def _initdb(folder: Path, binaries: Path, user: ServerUser, *, sync: bool) -> None:
    options = _INITDB_OPTIONS if sync else (*_INITDB_OPTIONS, "--no-sync")
    try:
        done = subprocess.run(  # noqa: S603  our own program and arguments
            [binaries / "initdb", f"--pgdata={folder}", *options],
            user=user.uid if user.switch else None,
            group=user.gid if user.switch else None,
            extra_groups=[] if user.switch else None,
            umask=0o077,
            cwd="/",
            env=ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_INITDB_SECONDS,
            start_new_session=True,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise EmbeddedPostgresError(
            f"PostgreSQL's initdb did not finish within {_INITDB_SECONDS} s; is the disk working?"
        ) from None
    if done.returncode != 0:
        raise EmbeddedPostgresError(
            f"PostgreSQL's initdb failed, as the user {user.name}: {done.stderr.strip() or done.returncode}"
        )


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
