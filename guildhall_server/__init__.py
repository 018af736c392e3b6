"""The installed Guildhall: one name among the packages of an environment.

The folders of the source, `api`, `tables` and so on, have plain names that others may use, too. A wheel has them inside
this package. Only the processes of Guildhall, which begin here, look for modules in it."""

import sys
from pathlib import Path


def main() -> None:
    """The command `guildhall`."""
    inside = Path(__file__).parent
    if (inside / "api").is_dir():  # not in the source, where they stand beside it
        sys.path.insert(0, str(inside))
    from api.__main__ import main as command

    command()
