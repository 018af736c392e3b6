"""The page of limits names all tables, and tests that exist."""

import re
from pathlib import Path

from api.postgres.engine import PlainConnection

ROOT = Path(__file__).parents[2]
BY_BUDGET = "budget only"

# Only the rate limit bounds these; the page has the reason.
ONLY_BUDGET = {"members", "boards", "audit_log"}


def rows() -> dict[str, tuple[str, str]]:
    """By table: its bound, and the test that holds it."""
    found: dict[str, tuple[str, str]] = {}
    for line in (ROOT / "docs" / "limits.md").read_text().splitlines():
        if not line.startswith("| `"):
            continue
        names, _, bound, held = (cell.strip() for cell in line.strip("|").split(" | "))
        for name in re.findall(r"`(\w+)`", names):
            assert name not in found, f"{name} stands there twice"
            found[name] = (bound, held)
    return found


async def test_every_table_is_named(owner: PlainConnection) -> None:
    tables = await owner.fetch(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
        " AND NOT relispartition"
    )
    assert {row["relname"] for row in tables} == set(rows()), "say in docs/limits.md what bounds it"


def test_what_holds_it_is_there() -> None:
    for table, (bound, held) in rows().items():
        assert bound, table
        if held == BY_BUDGET:
            assert table in ONLY_BUDGET, f"{table} may be filled: bound it"
            continue
        named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", held)
        assert named, table
        for path, test in named:
            text = (ROOT / path).read_text()
            assert not test or re.search(rf"^(async )?def {test}\(", text, re.MULTILINE), f"{path}::{test}"
