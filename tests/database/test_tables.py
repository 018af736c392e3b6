"""Every table is declared, and each declaration says what the database has."""

import re

import pytest
from piccolo.columns import Column
from piccolo.columns.column_types import PrimaryKey
from piccolo.table import Table

from api.postgres.engine import PlainConnection
from tables.by_sql import BY_SQL, BySql
from tables.declared import TABLES as DECLARED
from tables.named import VIEWS

TABLES = (*DECLARED, *(each.table for each in BY_SQL))

# As PostgreSQL writes the types that Piccolo writes otherwise.
TYPES = {
    "TIMESTAMPTZ": "timestamp with time zone",
    "TIMESTAMP": "timestamp without time zone",
    "BIGSERIAL": "bigint",
    "SERIAL": "integer",
    "FLOAT": "double precision",
}


def type_of(column: Column) -> str:
    """A column's type as PostgreSQL writes it."""
    text = TYPES.get(column.column_type, column.column_type.lower())
    return re.sub("^varchar", "character varying", text)


def described(table: type[Table]) -> dict[str, tuple[str, bool]]:
    """Of each column its type, and whether it is never empty."""
    return {
        column._meta.db_column_name: (type_of(column), isinstance(column, PrimaryKey) or not column._meta.null)
        for column in table._meta.columns
    }


async def test_every_table_is_declared_once(owner: PlainConnection) -> None:
    names = [table._meta.tablename for table in TABLES]
    found = await owner.fetch(
        "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition"
        " AND relnamespace = 'public'::regnamespace AND relname <> 'migration'"
    )
    assert sorted(names) == sorted(row["relname"] for row in found)


async def test_every_view_is_declared_once(owner: PlainConnection) -> None:
    found = await owner.fetch("SELECT viewname FROM pg_views WHERE schemaname = 'public'")
    assert sorted(view._meta.tablename for view in VIEWS) == sorted(row["viewname"] for row in found)


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.__name__)
async def test_columns_of_views(view: type[Table], owner: PlainConnection) -> None:
    found = await owner.fetch(
        "SELECT attname, format_type(atttypid, atttypmod) AS type FROM pg_attribute WHERE attrelid = $1::text::regclass"
        " AND attnum > 0 ORDER BY attnum",
        view._meta.tablename,
    )
    declared = [(name, type_) for name, (type_, _) in described(view).items()]
    assert declared == [(row["attname"], row["type"]) for row in found]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.__name__)
async def test_columns(table: type[Table], owner: PlainConnection) -> None:
    found = await owner.fetch(
        "SELECT attname, format_type(atttypid, atttypmod) AS type, attnotnull FROM pg_attribute"
        " WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped",
        table._meta.tablename,
    )
    assert described(table) == {row["attname"]: (row["type"], row["attnotnull"]) for row in found}


@pytest.mark.parametrize("made", BY_SQL, ids=lambda made: made.table.__name__)
async def test_what_a_declaration_cannot_say(made: BySql, owner: PlainConnection) -> None:
    found = await owner.fetchrow(
        """
        SELECT c.relpersistence = 'p' AS logged, pg_get_partkeydef(c.oid) AS part,
            (SELECT a.attname FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attidentity <> '') AS numbered,
            (SELECT array_agg(a.attname::text ORDER BY k.n) FROM pg_index i
                CROSS JOIN unnest(i.indkey) WITH ORDINALITY AS k (attnum, n)
                JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum
                WHERE i.indrelid = c.oid AND i.indisunique) AS key
        FROM pg_class c WHERE c.oid = $1::text::regclass
        """,
        made.table._meta.tablename,
    )
    assert found is not None
    assert tuple(found["key"] or ()) == made.key
    assert found["part"] == (None if made.partitioned_by is None else f"RANGE ({made.partitioned_by})")
    assert (found["logged"], found["numbered"]) == (made.logged, made.numbered)
    assert not made.key or made.table._meta.primary_key._meta.db_column_name in made.key
