"""The differences between the database and a table's declaration: columns with their types, defaults and comments;
keys, checks and references."""

import asyncpg
from piccolo.columns import Column, ForeignKey
from piccolo.columns.base import ForeignKeyMeta
from piccolo.constraints import Check, Unique
from piccolo.table import Table

from api.postgres.engine import PlainConnection

# A primary key that is also a reference, which a declaration cannot express.
_UNDECLARED = {"admin_second_factors_user_id_fkey"}

_ACTIONS = {"c": "CASCADE", "a": "NO ACTION", "r": "RESTRICT", "n": "SET NULL", "d": "SET DEFAULT"}

_COLUMNS = """
    SELECT attname, format_type(atttypid, atttypmod) AS type, attnotnull, col_description(attrelid, attnum) AS words,
        pg_get_expr(adbin, adrelid) AS fallback
    FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
    WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped
"""
_CONSTRAINTS = """
    SELECT conname, contype::text, pg_get_constraintdef(oid) AS def, confdeltype::text, confupdtype::text,
        (SELECT array_agg(attname::text ORDER BY attname) FROM pg_attribute
            WHERE attrelid = conrelid AND attnum = ANY(conkey)) AS on
    FROM pg_constraint WHERE conrelid = to_regclass($1) AND contype <> 'n'
"""


async def differences(connection: PlainConnection, table: type[Table]) -> list[str]:
    """The differences between the database and the declaration, in words."""
    name = table._meta.tablename
    columns = {row["attname"]: row for row in await connection.fetch(_COLUMNS, name)}
    if not columns:
        return [f"table {name} is missing"]
    declared = {column._meta.db_column_name: column for column in table._meta.columns}
    if declared.keys() != columns.keys():
        return [f"column {name}.{each} is in one place only" for each in sorted(declared.keys() ^ columns.keys())]
    found = []
    if await connection.fetchval("SELECT obj_description(to_regclass($1))", name) != table._meta.help_text:
        found.append(f"table {name} has another comment")
    for each, column in declared.items():
        row = columns[each]
        if _shape(row) != _shape(await _as_piccolo_makes_it(connection, column)):
            found.append(f"column {name}.{each} has another type or default")
        if row["attnotnull"] == column._meta.null:
            found.append(f"column {name}.{each} is NOT NULL in one place only")
        if row["words"] != (column._meta.help_text or None):
            found.append(f"column {name}.{each} has another comment")
    return found + await _of_constraints(connection, table)


async def _of_constraints(connection: PlainConnection, table: type[Table]) -> list[str]:
    name = table._meta.tablename
    there = {row["conname"]: row for row in await connection.fetch(_CONSTRAINTS, name)}
    declared = {_key(table._meta.primary_key, "p", there)} | _UNDECLARED
    found = []
    for constraint in table._meta.constraints:
        declared.add(constraint._meta.name)
        if not await _is_there(connection, table, constraint, there.get(constraint._meta.name)):
            found.append(f"constraint {name}.{constraint._meta.name} is missing or another")
    for column in table._meta.columns:
        if column._meta.unique:
            declared.add(_key(column, "u", there))
        if isinstance(column, ForeignKey):
            declared.add(_key(column, "f", there))
            if not _refers(column._foreign_key_meta, there.get(_key(column, "f", there))):
                found.append(f"column {name}.{column._meta.db_column_name} refers to nothing or otherwise")
    missing = [f"{each} is missing" for each in sorted(declared - there.keys() - _UNDECLARED)]
    return found + missing + [f"constraint {name}.{each} is not declared" for each in sorted(there.keys() - declared)]


def _key(column: Column, kind: str, there: dict[str, asyncpg.Record]) -> str:
    """The name of the key on only this column."""
    name = column._meta.db_column_name
    names = (each for each, row in there.items() if row["contype"] == kind and row["on"] == [name])
    return next(names, f"a key ({kind}) of {column._meta.table._meta.tablename}.{name}")


async def _is_there(
    connection: PlainConnection, table: type[Table], constraint: object, row: asyncpg.Record | None
) -> bool:
    if row is not None and isinstance(constraint, Check):
        return bool(row["contype"] == "c") and await _normal(connection, table, str(constraint.condition)) == row["def"]
    if row is not None and isinstance(constraint, Unique):
        names = [each if isinstance(each, str) else each._meta.name for each in constraint.columns]
        return bool(row["contype"] == "u" and row["on"] == sorted(names))
    return False


def _refers(meta: ForeignKeyMeta[Table], row: asyncpg.Record | None) -> bool:
    return (
        row is not None
        and f"REFERENCES {meta.resolved_references._meta.tablename}(" in row["def"]
        and _ACTIONS[row["confdeltype"]] == meta.on_delete.value
        and _ACTIONS[row["confupdtype"]] == meta.on_update.value
    )


def _shape(column: asyncpg.Record) -> tuple[str, str | None]:
    """The column's type and default. The default of a serial is its own sequence, of any name."""
    fallback = column["fallback"]
    return column["type"], "nextval" if fallback and fallback.startswith("nextval") else fallback


async def _as_piccolo_makes_it(connection: PlainConnection, column: Column) -> asyncpg.Record:
    transaction = connection.transaction()
    await transaction.start()
    try:
        # A temporary table cannot refer to a permanent one.
        await connection.execute(f"CREATE TEMPORARY TABLE pattern ({column.ddl.partition(' REFERENCES ')[0]})")
        (row,) = await connection.fetch(_COLUMNS, "pattern")
        return row
    finally:
        await transaction.rollback()


async def _normal(connection: PlainConnection, table: type[Table], condition: str) -> str:
    """The condition as PostgreSQL would print it."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        await connection.execute(f"CREATE TEMPORARY TABLE pattern (LIKE {table._meta.tablename})")
        await connection.execute(f"ALTER TABLE pattern ADD CONSTRAINT pattern_check CHECK ({condition})")
        return str(
            await connection.fetchval(
                "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'pattern_check'"
            )
        )
    finally:
        await transaction.rollback()
