"""Plans of statements that look up many given keys.

Their plan is made once a connection, maybe while PostgreSQL takes the table for empty: before the first members came,
or after a dry run, whose rows are dead. A plain join then reads the whole table and compares each of its rows with
each of the given ones: the import of 4,500 members took 30 s instead of half a second. So these transactions switch
off all that reads whole tables (`LOOK_UP`), and these statements join in a way that only an index can follow (`match_by_index`).
"""

# Generic plans: planning again costs a small group of events as much as its work.
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
    """The condition that joins a table to given rows by columns of these names. Whatever the estimates, the given rows
    come first and each is looked up: a comparison with an array can be answered by an index, but not by reading one in
    its order. Write ORDER BY with the columns of the given rows."""
    return " AND ".join(f"{table}.{name} = ANY (ARRAY[{given}.{name}])" for name in names)
