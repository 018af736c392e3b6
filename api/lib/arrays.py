"""Columns of values as PostgreSQL array literals.

asyncpg passes each element of an array through its codec. For thousands of numbers and times that costs more than the
statement itself. Their JSON, in braces, is a literal that the server parses: `$1::text::bigint[]`."""

from collections.abc import Sequence

import msgspec

_encode = msgspec.json.Encoder().encode


def literal(values: Sequence[object]) -> str:
    """The literal of numbers, booleans, dates, times, null, and text without control characters."""
    return "{" + _encode(values)[1:-1].decode() + "}"


def columns(rows: Sequence[tuple[object, ...]], width: int) -> list[str]:
    """Rows as literals of `width` columns, even if there is no row."""
    return [literal(column) for column in zip(*rows, strict=True)] if rows else ["{}"] * width
