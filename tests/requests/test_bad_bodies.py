"""No body makes a 500: each is refused with a problem that names the fault, and nothing is stored."""

from collections.abc import AsyncIterator

import httpx2
import pytest
from asyncpg import Record

from api.postgres.engine import PlainConnection
from tests.requests.routes import BODIES, Route

pytestmark = pytest.mark.usefixtures("chatterbox")

JSON = {"Content-Type": "application/json"}

UNREADABLE = {
    "nothing": b"",
    "cut off": b'{"name": "Harb',
    "no JSON": b"name=Harbour",
    "two values": b"{}{}",
    "trailing comma": b'{"name": "x",}',
    "single quotes": b"{'name': 'x'}",
    "not a number": b'{"name": NaN}',
    "infinity": b'{"name": -Infinity}',
    "byte order mark": b"\xef\xbb\xbf{}",
    "UTF-16": '{"name": "x"}'.encode("utf-16"),
    "bad UTF-8": b'{"name": "\xff\xfe"}',
    "bad UTF-8 in a name": b'{"\xc3\x28": 1}',
    "overlong UTF-8": b'{"name": "\xc0\x80"}',
    "surrogates in UTF-8": b'{"name": "\xed\xa0\x80"}',
    "lone surrogate": b'{"name": "\\ud800"}',
    "lone low surrogate": b'{"\\udc00": 1}',
    "bad escape": b'{"name": "\\x41"}',
    "raw control character": b'{"name": "a\nb"}',
    "depth 10,000, arrays": b"[" * 10_000 + b"]" * 10_000,
    "depth 10,000, in a member": b'{"name": ' + b"[" * 10_000 + b"]" * 10_000 + b"}",
    "depth 10,000, objects": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "depth 10,000, never closed": b'{"a":[' * 5_000,
    "an integer of 5,000 digits": b'{"nonsense": ' + b"9" * 5000 + b"}",
    "depth 33": b'{"a":' * 33 + b"1" + b"}" * 33,
}

HALVES = ("lone surrogate", "lone low surrogate")

INVALID = {
    "array": b"[]",
    "text": b'"x"',
    "number": b"1",
    "null": b"null",
    "true": b"true",
    "unknown members": b'{"nonsense": 1, "": 3}',
    "a name with NUL": b'{"\\u0000": 1}',
    "an integer beyond 2^63 in an unknown member": b'{"nonsense": 9223372036854775808}',
    "a huge text": b'{"nonsense": "' + b"x" * 1_000_000 + b'"}',
    "a prototype": b'{"__proto__": {"admin": true}, "constructor": 1}',
}

body_routes = pytest.mark.parametrize("route", BODIES, ids=str)

# One of each kind: the fast path, a merge patch of settings, a schema, a list, a struct.
KINDS = {
    "POST /v1/guilds/{guild_id}/activity",
    "PATCH /v1/guilds/{guild_id}/settings/{module}",
    "PUT /v1/modules/{module}",
    "PUT /v1/guilds/{guild_id}/roles",
    "PATCH /v1/guilds/{guild_id}",
}


async def stored(owner: PlainConnection) -> list[Record]:
    """Everything that a body could have changed."""
    tables = ("guilds", "guild_roles", "guild_channels", "guild_settings", "modules", "api_keys", "audit_log")
    rows = (f"SELECT '{name}' AS of, (to_jsonb({name}) - 'last_used_at')::text AS row FROM {name}" for name in tables)
    return await owner.fetch(" UNION ALL ".join(rows) + " ORDER BY 1, 2")


@pytest.fixture
async def key_id(bot: httpx2.AsyncClient, owner: PlainConnection) -> int:
    """The bot's own key."""
    return int(await owner.fetchval("SELECT max(id) FROM api_keys"))


@body_routes
async def test_unreadable(bot: httpx2.AsyncClient, owner: PlainConnection, key_id: int, route: Route) -> None:
    before, wrong = await stored(owner), {}
    for name, body in UNREADABLE.items():
        if not body and route.policy.optional_body:
            continue  # no body stands for an empty one
        if name in HALVES and route.policy.mends_names:
            continue  # Discord's names may be cut within an emoji
        response = await bot.request(route.method, route.url(key_id=key_id), content=body, headers=JSON)
        if (response.status_code, response.json()["type"]) != (400, "urn:guildhall:problem:unreadable-body"):
            wrong[name] = response.text
    assert not wrong
    assert await stored(owner) == before


@body_routes
async def test_invalid(bot: httpx2.AsyncClient, owner: PlainConnection, key_id: int, route: Route) -> None:
    before, wrong = await stored(owner), {}
    for name, body in INVALID.items():
        response = await bot.request(route.method, route.url(key_id=key_id), content=body, headers=JSON)
        faults = response.json().get("errors")
        if response.status_code != 422 or not faults or any(f.keys() != {"pointer", "message"} for f in faults):
            wrong[name] = response.text
    assert not wrong
    assert await stored(owner) == before


@body_routes
async def test_unknown_members_are_named(bot: httpx2.AsyncClient, key_id: int, route: Route) -> None:
    response = await bot.request(route.method, route.url(key_id=key_id), json={"nonsense": 1, "a/b~c": 2})
    assert response.status_code == 422
    assert {"/nonsense", "/a~1b~0c"} <= {fault["pointer"] for fault in response.json()["errors"]}


def test_the_kinds_are_routes() -> None:
    assert {str(route) for route in BODIES} >= KINDS


@pytest.mark.parametrize("route", [route for route in BODIES if str(route) in KINDS], ids=str)
async def test_neither_hostile_brackets_nor_faults_take_long(
    bot: httpx2.AsyncClient, key_id: int, route: Route
) -> None:
    """A quadratic search, or a million listed faults, would stop everybody else's requests too. How long they take on
    every route is measured with the worst bodies."""
    url = route.url(key_id=key_id)
    open_text = b'{"a": "' + b"[]" * 40 + b'\\"' * 500_000
    response = await bot.request(route.method, url, content=open_text, headers=JSON)
    assert response.status_code == 400
    many = b'{"items": [' + b"{}," * 340_000 + b"{}]}"
    response = await bot.request(route.method, url, content=many, headers=JSON)
    assert response.status_code == 422
    assert 1 <= len(response.json()["errors"]) <= 1000
    unknown = b"{" + b",".join(b'"%x":0' % number for number in range(100_000)) + b"}"
    response = await bot.request(route.method, url, content=unknown, headers=JSON)
    assert response.status_code == 422
    assert 1 <= len(response.json()["errors"]) <= 1000


@body_routes
async def test_other_media_types(bot: httpx2.AsyncClient, key_id: int, route: Route) -> None:
    header = "accept-patch" if route.method == "PATCH" else "accept"
    for media_type in (None, "text/plain", "application/json; charset=utf-16", "json", ";;;", "é", "application/JSONP"):
        headers = {} if media_type is None else {b"Content-Type": media_type.encode()}
        response = await bot.request(route.method, route.url(key_id=key_id), content=b"{}", headers=headers)
        assert response.status_code == 415, media_type
        assert response.json()["type"] == "urn:guildhall:problem:unsupported-media-type"
        assert "application/json" in response.headers[header]


@body_routes
async def test_compressed_bodies(bot: httpx2.AsyncClient, key_id: int, route: Route) -> None:
    """What one grows to, nobody has bounded. The ways that are shortened know of it too."""
    for encoding, status in (("gzip", 415), ("br, gzip", 415), ("Identity", None)):
        headers = JSON | {"Content-Encoding": encoding}
        response = await bot.request(route.method, route.url(key_id=key_id), content=b"{}", headers=headers)
        assert (response.status_code == 415) is (status == 415), encoding
        assert status is None or "Content-Encoding" in response.json()["detail"]


@body_routes
@pytest.mark.parametrize("is_announced", [True, False], ids=["announced", "in chunks"])
async def test_ten_mebibytes(bot: httpx2.AsyncClient, key_id: int, route: Route, *, is_announced: bool) -> None:
    size, sent = 10 * 1024 * 1024, 0

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(size // 65536):
            sent += 65536
            yield b" " * 65536

    content = b" " * size if is_announced else chunks()
    response = await bot.request(route.method, route.url(key_id=key_id), content=content, headers=JSON)
    assert response.status_code == 413
    assert response.json()["type"] == "urn:guildhall:problem:body-too-large"
    assert sent <= route.policy.largest_body + 1024 * 1024
