"""How much of our own code and style a page loads before it can be shown."""

import gzip
import re
from pathlib import Path

import pytest

from api.pages import controller

FOLDER = Path(controller.__file__).parent / "assets" / "dashboard"
MOST_BYTES = 60_000
PAGES = re.findall(r'import\("\./(\w+\.js)"\)', (FOLDER / "main.js").read_text())


def needed(name: str, found: set[str]) -> set[str]:
    """A module and all that it imports."""
    if name not in found:
        found.add(name)
        for other in re.findall(r'^import .* from "\./(\w+\.js)";$', (FOLDER / name).read_text(), re.MULTILINE):
            needed(other, found)
    return found


@pytest.mark.parametrize("page", PAGES)
def test_no_page_loads_more_than_60_kilobytes(page: str) -> None:
    files = needed(page, needed("main.js", set())) | {file.name for file in FOLDER.glob("*.css")}
    assert sum(len(gzip.compress((FOLDER / name).read_bytes(), mtime=0)) for name in files) < MOST_BYTES


def test_every_module_is_reached() -> None:
    reached = needed("main.js", set())
    for page in PAGES:
        needed(page, reached)
    assert reached == {file.name for file in FOLDER.glob("*.js")}
