"""Plans of statements that look up many given keys.

PostgreSQL plans such a statement once for each connection, possibly while it believes the table to be empty: before the
first members came, or after a dry run, whose rows are dead. A plain join then reads the whole table and compares each
of its rows with each given key: the import of 4,500 members took 30 s instead of half a second. So these transactions
switch off all plans that read whole tables (`LOOK_UP`), and these statements join by a condition that only an index can
answer (`match_by_index`).
"""

# Generic plans: planning again costs a small group of events as much as its work, and a custom plan would be made for
# each row that a foreign key checks (100 µs instead of 10).
_SETTINGS = {
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_material": "off",
    "enable_bitmapscan": "off",
}

LOOK_UP = "; ".join(f"SET LOCAL {name} = '{value}'" for name, value in _SETTINGS.items())
"""The settings of a transaction whose statements look up given keys. Send it with BEGIN."""


def match_by_index(table: str, given: str, *names: str) -> str:
    """The condition that joins a table to given rows by columns of these names. Whatever the estimates, the planner
    takes the given rows first and looks each of them up: an index can answer a comparison with an array, but not by
    being read in its order. Write ORDER BY with the columns of the given rows."""
    return " AND ".join(f"{table}.{name} = ANY (ARRAY[{given}.{name}])" for name in names)
