"""What statements of Piccolo's builder have in common."""

from collections.abc import Sequence
from typing import Any

import asyncpg
from piccolo.columns import Column
from piccolo.columns.combination import WhereRaw
from piccolo.querystring import QueryString

# A row that PostgreSQL gave: Piccolo makes dictionaries of them, statements in SQL do not.
Row = asyncpg.Record | dict[str, Any]  # Any: a column's value

# The column's own default, as the schema has it. Piccolo's for a time would be this process's clock.
DEFAULT = QueryString("DEFAULT")


def whole(values: Sequence[object] | None) -> QueryString | None:
    """An array of any length as it is: Piccolo looks at each element, and warns of more than a hundred."""
    return None if values is None else QueryString("{}", values)


def one_of(column: Column, values: Sequence[object]) -> WhereRaw:
    """Whether the column is one of these. Not Piccolo's `is_in`: that one refuses an empty list, and is another
    statement to prepare for each number of values."""
    return WhereRaw("{} = ANY({})", column, list(values))


def none_of(column: Column, values: Sequence[object]) -> WhereRaw:
    """Whether the column is none of these."""
    return WhereRaw("{} <> ALL({})", column, list(values))
