"""Statements keep the plan that was made first: one made while a table is empty must be good when it is large."""

import re
from itertools import pairwise

import pytest

from api.activity import locks, queries
from api.engine import PlainConnection
from api.members import ledger_sql
from tests.support.people import HARBOUR

STATEMENTS = {
    "ids and members": queries.TAKE,
    "lock": ledger_sql.LOCK,
    "store": ledger_sql.STORE,
    "make": ledger_sql.MAKE,
    "custom stats": ledger_sql.STORE_STATS,
}

# Large tables, and the columns of which one must be compared as one way through their indexes.
LARGE = {"activity_ids": "id", "members": "user_id|id", "boards": "user_id"}


@pytest.mark.parametrize("statement", STATEMENTS.values(), ids=STATEMENTS)
async def test_plans_of_empty_tables_look_up_each_row(owner: PlainConnection, statement: str) -> None:
    types = {int(number): type_ for number, type_ in re.findall(r"\$(\d+)::([a-z]+)", statement)}
    values = ["'2026-11-23'" if types[number] == "date" else "'{}'" for number in sorted(types)]
    await owner.execute(f"BEGIN; {locks.share([int(HARBOUR)])}")
    try:
        await owner.execute(f"PREPARE planned AS {statement}")
        rows = await owner.fetch(f"EXPLAIN (COSTS OFF) EXECUTE planned ({', '.join(values)})")
    finally:
        await owner.execute("ROLLBACK; DEALLOCATE planned")
    plan = [str(row[0]) for row in rows]
    text = "\n".join(plan)
    assert not re.search(r"Seq Scan on (activity|custom|members|boards)|Materialize|Bitmap", text), text
    for line, following in pairwise(plan):
        for table, column in LARGE.items():
            if re.search(rf"Index (Only )?Scan using \S+ on {table}", line):
                assert re.search(rf"Index Cond: .*\b({column}) = ", following), text
