"""Helpers for statements with Piccolo's builder."""

from collections.abc import Sequence
from typing import Any

import asyncpg
from piccolo.columns import Column
from piccolo.columns.combination import WhereRaw
from piccolo.querystring import QueryString

# A row from PostgreSQL: a dictionary from Piccolo, a record from SQL.
Row = asyncpg.Record | dict[str, Any]  # Any: a column's value

# The column's default in the schema. Piccolo's own for a time would be this process's clock.
DEFAULT = QueryString("DEFAULT")


def whole(values: Sequence[object] | None) -> QueryString | None:
    """An array of any length. Piccolo itself examines each element, and warns of more than a hundred."""
    return None if values is None else QueryString("{}", values)


def one_of(column: Column, values: Sequence[object]) -> WhereRaw:
    """Whether the column is one of these values. Unlike Piccolo's `is_in`, it accepts an empty list, and is one
    prepared statement for any number of values."""
    return WhereRaw("{} = ANY({})", column, list(values))


def none_of(column: Column, values: Sequence[object]) -> WhereRaw:
    """Whether the column is none of these values."""
    return WhereRaw("{} <> ALL({})", column, list(values))
