"""Columns of values as PostgreSQL's array literals.

asyncpg takes each element of an array through its codec: for thousands of numbers and times that costs more
than the statement itself. JSON's form of such values, in braces, is a literal that the server reads:
`$1::text::bigint[]`."""

from collections.abc import Sequence

import msgspec

_encode = msgspec.json.Encoder().encode


def literal(values: Sequence[object]) -> str:
    """The literal of numbers, booleans, dates, times, null, and text without control characters."""
    return "{" + _encode(values)[1:-1].decode() + "}"


def columns(rows: Sequence[tuple[object, ...]], width: int) -> list[str]:
    """Rows as literals of columns, so many of them even if there is no row."""
    return [literal(column) for column in zip(*rows, strict=True)] if rows else ["{}"] * width
