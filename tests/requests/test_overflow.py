"""How many values a body has is known before it is decoded, and where most of them are; so is how deep it nests."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.lib.bounds import is_deeper, overflow

MANY = b",".join([b"{}"] * 50)


@pytest.mark.parametrize(
    ("raw", "place"),
    [
        (b"[%s]" % MANY, ""),
        (b'{"a":[%s]}' % MANY, "/a"),
        (b'{"a":{"b":[%s]}}' % MANY, "/a/b"),
        (b'{"a":[{"b":[%s]}]}' % MANY, "/a"),
        (b'{"z":1,"a/b~":[%s]}' % MANY, "/a~1b~0"),
        (b'{"a":{%s}}' % b",".join(b'"m%d":0' % each for each in range(50)), "/a"),
        (b"{%s}" % b",".join(b'"m%d":0' % each for each in range(50)), ""),
        (b'{"a":["[","{",",,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,","\\",{}"]}', None),
        (b'{"a":"%s"}' % (b"," * 100), None),
        (b'{"a":"' + b"{," * 100, None),
        (b"[" * 100, None),
        (b"]" * 100 + b"," * 100, ""),
    ],
)
def test_where_there_are_too_many(raw: bytes, place: str | None) -> None:
    assert overflow(raw, 40, 32) == place


# Whatever a scanner could take for something else.
_odd = st.text(st.sampled_from('[]{}"\\/,:ué'), max_size=12)
_json = st.recursive(
    st.none() | _odd,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_odd, inner, max_size=3),
    max_leaves=20,
)


def _depth(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max(map(_depth, value.values()), default=0)
    return 1 + max(map(_depth, value), default=0) if isinstance(value, list) else 0


@given(value=_json, ascii_only=st.booleans(), around=st.integers(-1, 1))
def test_how_deep_a_body_nests(value: object, ascii_only: bool, around: int) -> None:
    raw = json.dumps([value], ensure_ascii=ascii_only).encode()
    depth = _depth([value])
    assert is_deeper(raw, depth + around, 1000) == (around < 0)


@pytest.mark.parametrize(
    ("raw", "is_one"),
    [
        (b"[" * 33, True),
        (b'{"a":' * 33, True),
        (b"[" * 32 + b"]" * 32, False),
        (b"[" * 33 + b'"', True),  # the prefix is as deep, whatever follows
        (b'["' + b"[" * 40 + b'"]', False),
        (b'["\\\\"' + b",[" * 40, True),
        (b'["\\\\\\\\",' + b"[" * 32, True),
        (b'"' * 5000 + b"[" * 40, False),  # no JSON of 1000 values has as many quotes
    ],
)
def test_texts_that_are_too_deep(raw: bytes, is_one: bool) -> None:
    assert is_deeper(raw, 32, 1000) is is_one
