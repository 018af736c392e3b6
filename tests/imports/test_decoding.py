"""A row is taken or refused, whatever is in it."""

import msgspec
import pytest

from api.imports.decoding import Refused, decoded


class _Row(msgspec.Struct):
    user_id: str = ""
    items: list[dict[str, object]] = []


_row = msgspec.json.Decoder(_Row).decode

UNREADABLE = [
    "[" * 40,
    "[1,",
    '["\\',
    "[" * 5000 + "]" * 5000,
    '{"x":' * 5000,
    '{"items":5,"x":' + "[" * 5000,
    "[nul",
    "1x",
]


@pytest.mark.parametrize("row", [*UNREADABLE, "", "[]", "null", "1", "NaN", '{"user_id":5,', "[\ud800"])
def test_what_does_not_fit_is_refused(row: str) -> None:
    with pytest.raises(Refused) as refused:
        decoded(row.encode("utf-8", "surrogatepass"), _row)
    assert refused.value.fault.message
