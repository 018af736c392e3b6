"""The schema of a database, object by object, and the schema that this version expects.

The expectation is `catalog.json` beside this file. `make catalog` writes it from the migrations.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import msgspec

from api.postgres.engine import PlainConnection

FILE = Path(__file__).with_name("catalog.json")
MOST_LISTED = 5

Catalog = dict[str, str]

# Partitions change, and equal their table. Columns report NOT NULL, because only PostgreSQL 18 has constraints for it.
_READ = """
    WITH tables AS (
        SELECT oid, relname AS name, relkind FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v') AND NOT relispartition
    )
    SELECT 'table ' || name AS object,
        CASE relkind WHEN 'p' THEN 'partitioned by ' || pg_get_partkeydef(oid) WHEN 'v' THEN 'view' ELSE 'plain' END
            AS definition
    FROM tables
    UNION ALL
    SELECT 'column ' || name || '.' || a.attname,
        format_type(a.atttypid, a.atttypmod) || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END
        || CASE a.attidentity WHEN '' THEN '' ELSE ' IDENTITY ' || a.attidentity::text END
        || CASE a.attgenerated WHEN '' THEN ' DEFAULT ' ELSE ' GENERATED ' END
        || coalesce(pg_get_expr(d.adbin, a.attrelid), 'none')
    FROM tables t JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    UNION ALL
    SELECT 'constraint ' || name || '.' || c.conname, pg_get_constraintdef(c.oid)
    FROM tables t JOIN pg_constraint c ON c.conrelid = t.oid AND c.contype <> 'n'
    UNION ALL
    SELECT 'index ' || name || '.' || c.relname,
        pg_get_indexdef(c.oid) || CASE WHEN i.indisvalid THEN '' ELSE ' INVALID' END
    FROM tables t JOIN pg_index i ON i.indrelid = t.oid JOIN pg_class c ON c.oid = i.indexrelid
    UNION ALL
    SELECT 'trigger ' || name || '.' || g.tgname, pg_get_triggerdef(g.oid) || ' ' || g.tgenabled::text
    FROM tables t JOIN pg_trigger g ON g.tgrelid = t.oid AND NOT g.tgisinternal
    UNION ALL
    SELECT 'function ' || p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')',
        concat_ws(' ', pg_get_function_result(p.oid), p.provolatile, CASE WHEN p.prosecdef THEN 'definer' END,
            p.proconfig::text, md5(p.prosrc))
    FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace AND p.prokind = 'f'
        AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.objid = p.oid AND e.deptype = 'e')
"""


async def read(connection: PlainConnection) -> Catalog:
    """The definition of each table and view, column, constraint, index, trigger and function."""
    return {row["object"]: row["definition"] for row in await connection.fetch(_READ)}


@cache
def expected() -> Catalog:
    """The definitions that the migrations of this version produce."""
    return msgspec.json.decode(FILE.read_bytes(), type=Catalog)


def written(catalog: Catalog) -> bytes:
    """The file's content: a line for each object, so that reviews show a change."""
    return msgspec.json.format(msgspec.json.encode(dict(sorted(catalog.items()))), indent=1) + b"\n"


def differences(there: Mapping[str, str], wanted: Mapping[str, str]) -> list[str]:
    """The differences, in words. Objects beside our tables are ignored; objects added to our tables are not."""
    found = [f"{each} is missing" for each in sorted(wanted.keys() - there.keys()) if not _is_of_missing(each, there)]
    found += [
        f"{each} is another"
        for each in sorted(wanted.keys() & there.keys())
        if _plain(wanted[each]) != _plain(there[each])
    ]
    found += [f"{each} was added" for each in sorted(there.keys() - wanted.keys()) if _table_of(each) in wanted]
    return found


def listed(found: Sequence[str]) -> str:
    """Differences as part of a sentence: the first few, and how many more there are."""
    more = f"; and {len(found) - MOST_LISTED} more" if len(found) > MOST_LISTED else ""
    return "; ".join(found[:MOST_LISTED]) + more


# PostgreSQL prints a restored condition with its casts and brackets in other places.
_CASTS = re.compile(r"::(character varying|text)|\[\]|[()\s]")


def _plain(definition: str) -> str:
    return _CASTS.sub("", definition)


def _table_of(object_: str) -> str | None:
    """The table that a column, constraint, index or trigger belongs to, as an object."""
    kind, _, name = object_.partition(" ")
    return f"table {name.partition('.')[0]}" if kind not in {"table", "function"} else None


def _is_of_missing(object_: str, there: Mapping[str, str]) -> bool:
    """Whether it is missing because its table is."""
    table = _table_of(object_)
    return table is not None and table not in there
