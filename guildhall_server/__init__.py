"""The installed package, and the command `guildhall`.

The folders of the source (`api`, `tables`, …) have plain names that other packages may use, too. So a wheel contains
them inside this package, and only processes that start here import modules from it."""

import sys
from pathlib import Path


def main() -> None:
    """The command `guildhall`."""
    inside = Path(__file__).parent
    if (inside / "api").is_dir():  # only in a wheel: in the source, the folders are beside this one
        sys.path.insert(0, str(inside))
    from api.__main__ import main as command

    command()
