"""Files taken apart: wherever they are cut, and whatever is wrong with them."""

import json
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.imports.pages import Pages
from api.imports.reading import SURPLUS, Broken, Lines, Reader, Row, Table
from api.imports.rules import header
from tests.imports.files import Json

WHOLE = settings(max_examples=60, derandomize=True, database=None, deadline=None)

texts = st.text(st.sampled_from('ab"\\[]{},:é\n'), max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
pages = st.fixed_dictionaries(
    {"players": st.lists(values, max_size=5)}, optional={"before": values, "a player": values, "rate": values}
)


def raw(rows: list[Row]) -> dict[str, bytes]:
    """Rows of JSON, by name or by number."""
    return {row[0] or str(n): row[1] for n, row in enumerate(rows) if isinstance(row, tuple)}


def read(reader: Reader, file: bytes, size: int) -> list[Row]:
    """The rows of a file that comes in pieces of a size."""
    found: list[Row] = []
    for start in range(0, len(file), size):
        found += reader.feed(file[start : start + size])
    return [*found, *reader.close()]


@WHOLE
@given(file=st.lists(pages, min_size=1, max_size=3), indent=st.sampled_from([None, 1]), size=st.integers(1, 70))
def test_pages_are_what_json_says(file: list[Json], indent: int | None, size: int) -> None:
    seen: list[Json] = []
    whole = json.dumps(file[0] if len(file) == 1 else file, indent=indent, ensure_ascii=False).encode()

    rows = read(Pages(["players"], seen.append), whole, size)

    assert [json.loads(each) for each in raw(rows).values()] == [player for page in file for player in page["players"]]
    assert seen == [page | {"players": []} for page in file]


@WHOLE
@given(file=st.dictionaries(texts, values, max_size=6), size=st.integers(1, 70))
def test_rows_may_have_names(file: Json, size: int) -> None:
    rows = read(Pages(["users"]), json.dumps({"settings": {"users": [1]}, "users": file}).encode(), size)
    assert {row[0]: json.loads(row[1]) for row in rows if isinstance(row, tuple)} == file


ONE = b'{"players":[{"id":"1"},{"id":"2"}],"x":[[1]]}'


@pytest.mark.parametrize(
    "file",
    [
        ONE[:-1], ONE + b"x", ONE + ONE, b"[" + ONE, b"[" + ONE + b",]", b"[" + ONE + ONE + b"]", b"[," + ONE + b"]",
        b"", b" ", b"5", b"[]", b"[1]", b"[[1]]", b'{"players":[{} {}]}', b'{"players":[{},,{}]}',
        b'{"players":[,{}]}', b'{"players":[{},]}', b'{"players":5}', b'{"x":[{}]}', b'{"players":[{"a":\xff}]}',
        b'{"players":[{}],"a":tru}', b'{"players":[{}}', b'"""', b'{"players":[{"a":01}]}', b'{"players":[NaN]}',
        b'{"a":' + b"[" * 40 + b"]" * 40 + b',"players":[]}', b'{"players":[' + b'{"a":' * 40, b"\\", b"]", b"}",
    ],
)  # fmt: skip
def test_what_is_no_json_is_broken(file: bytes) -> None:
    for size in (1, 2, 7, 1000):
        with pytest.raises(Broken):
            read(Pages(["players"]), file, size)


@pytest.mark.parametrize(
    ("file", "message"), [(b"[]", "an empty array"), (b"{}", "Members found: none"), (b"5", "not a JSON object")]
)
def test_what_is_shorter_than_a_mark_is_read_too(file: bytes, message: str) -> None:
    with pytest.raises(Broken, match=message):
        read(Pages(["players"]), file, 1)


@pytest.mark.parametrize(
    "file",
    [
        b'{"a":' + b"[" * 5_000_000,
        b'{"players":[' + b"1," * 3_000_000,
        b'{"players":[{"a":"' + b"x" * 6_000_000,
        b'{"' + b"\\" * 6_000_000,
        b'{"players":[],"x":[' + b"1," * 3_000_000,
    ],
)
def test_what_would_fill_the_memory_is_broken(file: bytes) -> None:
    with pytest.raises(Broken):
        read(Pages(["players"]), file, 65536)


def test_numbers_of_any_length_are_read_over() -> None:
    """A parser in C ended the process here."""
    rows = read(Pages(["players"]), b'{"players":[{"a":' + b"1" * 100_000 + b"}]}", 65536)
    assert [len(each) for each in raw(rows).values()] == [100_006]


@WHOLE
@given(size=st.integers(1, 40))
def test_lines_wherever_they_are_cut(size: int) -> None:
    file = '﻿{"a":"é"}\r\n\n \n{"b":2}\n{"c":3}'.encode()
    assert [json.loads(each) for each in raw(read(Lines(), file, size)).values()] == [{"a": "é"}, {"b": 2}, {"c": 3}]


@WHOLE
@given(size=st.integers(1, 40))
def test_tables_wherever_they_are_cut(size: int) -> None:
    file = '﻿XP, user_id ,note\r\n1,5,"a\n""b"", é\u2028"\r\n\n2,6\n 3 ,7,x\n4,8,x,y'.encode()
    assert read(Table(header), file, size) == [
        {"xp": "1", "user_id": "5", "note": 'a\n"b", é'},
        {"xp": "2", "user_id": "6"},
        {"xp": "3", "user_id": "7", "note": "x"},
        {SURPLUS: "has 4 cells, and the header has 3"},
    ]


def test_a_quotation_mark_that_is_never_closed_is_found_in_time() -> None:
    file = b'user_id,xp\n"1,2\n' + b"1,2\n" * 1_500_000
    with pytest.raises(Broken, match="never closed"):
        read(Table(header), file, 65536)


def test_pieces_do_not_add_up() -> None:
    """A reader keeps what is not whole, and nothing else."""
    reader = Pages(["players"])
    list(reader.feed(b'{"players":['))
    kept = []
    for number in range(300):
        list(reader.feed((b"," if number else b"") + b'{"a":"' + b"x" * 10_000 + b'"}'))
        kept.append(len(reader._buffer) + len(reader._rest))
    assert all(after <= before for before, after in pairwise(kept))
