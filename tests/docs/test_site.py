"""The guide as a site: every page is in it, and links that lead nowhere are found. `make docs` builds it."""

from pathlib import Path

import pytest

from tests.docs.snippets import DOCS, ROOT
from tests.support.docs_site import broken, navigation, stage


def test_every_page_is_staged_with_what_it_links_to(tmp_path: Path) -> None:
    pages = stage(tmp_path)
    assert {page.relative_to(ROOT) for page in DOCS.glob("**/*.md")} < set(pages)
    assert Path("clients/conformance/README.md") in pages
    assert (tmp_path / "examples" / "bot_discordjs.mjs").exists()
    assert "](decisions/README.md)" in (tmp_path / "docs" / "README.md").read_text()


def test_navigation_leads_to_every_page_of_the_guide(tmp_path: Path) -> None:
    stage(tmp_path)
    found: list[str] = []

    def walk(entry: object) -> None:
        if isinstance(entry, str):
            found.append(entry)
        for each in entry.values() if isinstance(entry, dict) else entry if isinstance(entry, list) else []:
            walk(each)

    walk(navigation())
    assert {f"docs/{page.name}" for page in DOCS.glob("*.md")} <= set(found)
    assert [page for page in found if not (tmp_path / page).exists()] == []


@pytest.mark.parametrize(
    ("html", "is_broken"),
    [
        ('<a href="b/c.html#there">', False),
        ('<a href="b/c.html#elsewhere">', True),
        ('<a href="b">', True),
        ('<a href="#here"><p id="here">', False),
        ('<a href="https://example.org/">', False),
        ('<script src="https://example.org/a.js">', True),
        ('<img src="a.png">', True),
    ],
)
def test_links_that_lead_nowhere_are_found(tmp_path: Path, html: str, is_broken: bool) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "c.html").write_text('<h1 id="there">')
    (tmp_path / "a.html").write_text(html)
    assert bool(broken(tmp_path)) is is_broken
