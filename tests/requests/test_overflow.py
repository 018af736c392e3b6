"""How many values a body brings is told before it is decoded, and where most of them are."""

import pytest

from api.lib.bounds import overflow

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
