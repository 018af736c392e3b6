"""The worst body for each route: most and smallest items, deepest nesting, longest strings, most faults."""

import struct
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from itertools import count
from typing import Any

import msgspec

from api.activity.controller import LARGEST_BODY as LARGEST_ACTIVITY
from api.http.policy import LARGEST_BODY
from api.imports.rules import MEDIA_TYPES
from api.lib import snowflakes
from tests.requests.routes import Route
from tests.support.people import ADA

Json = Any  # Any: JSON
Bodies = Iterator[tuple[str, bytes]]

encode = msgspec.json.encode


def full(before: bytes, items: Iterator[bytes], after: bytes, largest: int, most: int = 10**7) -> bytes:
    """As many items, separated by commas, as fit."""
    left = largest - len(before) - len(after)
    found = []
    for item, _ in zip(items, range(most), strict=False):
        left -= len(item) + 1
        if left < 0:
            break
        found.append(item)
    return before + b",".join(found) + after


def same(item: bytes) -> Iterator[bytes]:
    while True:
        yield item


def members() -> Iterator[bytes]:
    return (b'"a%d":0' % number for number in count())


@cache
def of_any(largest: int) -> list[tuple[str, bytes]]:
    """Bodies that fit no route, and that every route must refuse."""
    return list(_of_any(largest))


def _of_any(largest: int) -> Bodies:
    yield "an array of objects", full(b"[", same(b"{}"), b"]", largest)
    yield "members", full(b"{", members(), b"}", largest)
    yield "depth", b'{"a":' + b"[" * (largest - 5)
    yield "32 deep, over and over", full(b'{"a":[', same(b"[" * 29 + b"]" * 29), b"]}", largest)
    yield "a name", b'{"%s":0}' % (b"\\u0001" * (largest // 6 - 2))
    yield "digits in a name", b'{"%s.":0}' % (b"1" * (largest - 7))
    yield "no end of a text", b'{"a":"' + b'\\"' * (largest // 2 - 4)


def of_struct(kind: type, largest: int) -> Bodies:
    """The worst bodies of a struct's own members."""
    schema = msgspec.json.schema(kind, schema_hook=snowflakes.schema)
    definitions = schema["$defs"]
    own = definitions[kind.__name__]["properties"]
    for name, said in own.items():
        before, text = b'{"%s":' % name.encode(), encode(said)
        if b'"array"' in text:
            yield f"{name}: objects", full(before + b"[", same(b"{}"), b"]}", largest)
            for number, wrong in enumerate(_wrong_items(said, definitions)):
                yield f"{name}: wrong items {number}", full(before + b"[", same(wrong), b"]}", largest, 1000)
        elif b'"#/$defs/' in text or b'"object"' in text:
            yield f"{name}: members", full(before + b"{", members(), b"}}", largest)
        elif b'"string"' in text:
            yield f"{name}: a text", before + b'"%s"}' % (b"\\u0001" * (largest // 6 - 9))
            yield f"{name}: marks", before + b'"%s"}' % ("\u0301\u0323".encode() * (largest // 4 - 9))
        else:
            yield f"{name}: a number", before + b"1" * (largest - 30) + b"}"


def _wrong_items(said: Json, definitions: Json) -> Iterator[bytes]:
    """For each kind of item, one with every member, each of them invalid."""
    items = said.get("items", {})
    for kind in [items, *items.get("anyOf", ())]:
        named = definitions[kind["$ref"].rpartition("/")[2]].get("properties") if "$ref" in kind else None
        if named is not None:
            tags = {name: member["enum"][0] for name, member in named.items() if len(member.get("enum", ())) == 1}
            yield encode({name: tags.get(name, []) for name in named} | {f"unknown{number}": 0 for number in range(9)})


def nothing() -> Bodies:
    yield from ()


def activity() -> Bodies:
    event = {"type": "message", "user_id": str(ADA), "occurred_at": "2026-11-22T18:07:03Z"}
    roles = [str(10**17 + number) for number in range(250)]
    wrong_roles: list[Json] = [{} for _ in range(250)]
    for name, role_ids in (("too many roles", roles * 2), ("wrong roles", wrong_roles)):
        events = [encode({**event, "id": str(number), "role_ids": role_ids}) for number in range(1000)]
        yield name, full(b'{"events":[', iter(events), b"]}", LARGEST_ACTIVITY)
    unknown = encode(event)[:-1] + b"," + full(b"", members(), b"}", 6000)
    yield "unknown members", full(b'{"events":[', same(unknown), b"]}", LARGEST_ACTIVITY)
    yield "an id of objects", full(b'{"events":[{"user_id":[', same(b"{}"), b"]}]}", LARGEST_ACTIVITY)


def settings() -> Bodies:
    """Bodies for `leveling`."""
    largest = 64 * 1024
    for size in (largest, LARGEST_BODY):
        of = f"of {size} bytes"
        yield f"multipliers {of}", full(b'{"role_multipliers":[', same(b"{}"), b"]}", size)
        yield (
            f"thresholds {of}",
            full(b'{"curve":{"kind":"table","thresholds":[', (b"%d" % each for each in count(1)), b"]}}", size),
        )
        yield f"unknown members {of}", full(b"{", members(), b"}", size)
        yield f"a text {of}", b'{"announce":{"template":"%s"}}' % (b"\\u0001" * (size // 6 - 10))
        yield f"marks {of}", b'{"announce":{"template":"%s"}}' % ("\u0301\u0323".encode() * (size // 4 - 10))
        yield f"placeholders {of}", b'{"announce":{"template":"%s"}}' % (b"{" * (size - 40))
    multiplier = b'{"role_id":"%d","factor":1.5}'
    yield (
        "multipliers that there may be",
        full(b'{"role_multipliers":[', (multiplier % each for each in count(10**17)), b"]}", largest, 250),
    )
    yield "9,900 values", full(b'{"role_multipliers":[', same(b"{}"), b"]}", largest, 9_900)


def wide() -> Json:
    """A module with a union of as many alternatives as are allowed, each of which a value may mean."""
    options = [
        {"type": "object", "required": ["k"], "properties": {"k": {"const": f"k{number}"}}} for number in range(240)
    ]
    recursive = {"type": ["array", "null"], "items": {"anyOf": [{"$ref": "#/$defs/tree"}, {"const": "leaf"}]}}
    return {
        "type": "object",
        "properties": {
            "union": {"type": "array", "default": [], "items": {"anyOf": options}},
            "numbers": {"type": "array", "default": [], "items": {"enum": list(range(3000))}},
            "map": {
                "type": "object",
                "default": {},
                "additionalProperties": False,
                "patternProperties": {"^(a+)+$": {"type": "string"}},
            },
            "text": {"type": "string", "default": "", "pattern": "^(a|a)*$"},
            "tree": {"default": None, "$ref": "#/$defs/tree"},
        },
        "$defs": {"tree": recursive},
    }


def settings_of_wide() -> Bodies:
    largest = 64 * 1024
    for number, most in enumerate((20, 800, 9000)):
        yield f"union {number}", full(b'{"union":[', same(b'{"k":"k239"}'), b"]}", largest, most)
        yield f"union of none {number}", full(b'{"union":[', same(b'{"k":""}'), b"]}", largest, most)
    yield "the last of 3,000", full(b'{"numbers":[', same(b"2999"), b"]}", largest, 9000)
    yield "none of 3,000", full(b'{"numbers":[', same(b"-1"), b"]}", largest, 9000)
    yield "a map", full(b'{"map":{', (b'"%s":0' % (b"a" * each) for each in count(1)), b"}}", largest)
    yield "a long name", b'{"map":{"%s!":""}}' % (b"a" * 60_000)
    yield "a long text", b'{"text":"%s!"}' % (b"a" * 60_000)
    yield "a tree", full(b'{"tree":[', same(b"[" * 29 + b"]" * 29), b"]}", largest, 300)


def modules() -> Bodies:
    def of(properties: Json, **more: Json) -> bytes:
        return encode({"schema": {"type": "object", "properties": properties, **more}})

    def union(options: list[Json]) -> Json:
        return {"a": {"default": 0, "anyOf": options}}

    tree = {"anyOf": [{"properties": {"x": {"$ref": "#/$defs/a"}, "y": {"const": each}}} for each in range(3)]}
    chain: Json = {
        f"n{level}": {"anyOf": [{"properties": {"x": {"$ref": f"#/$defs/n{level + 1}"}}}], "properties": {"z": {}}}
        for level in range(30)
    }
    yield (
        "alternatives of alternatives",
        of({}, **{"$defs": {"a": {"anyOf": [{}] * 12_000}, "b": {"anyOf": [{"$ref": "#/$defs/a"}] * 700}}}),
    )
    yield (
        "as many as are taken",
        of({}, **{"$defs": {"a": {"anyOf": [{}] * 100}, "b": {"anyOf": [{"$ref": "#/$defs/a"}] * 190}}}),
    )
    yield "alternatives", of(union([{}] * 9_000))
    yield "4,900 alternatives", of(union([{}] * 4_900))
    yield "properties", of({f"p{number}": {"default": 0} for number in range(2_000)})
    yield "500 properties", of({f"p{number}": {"default": 0, "type": "integer"} for number in range(500)})
    yield "patterns", of(union([{"pattern": f"a{{{number}}}"} for number in range(1_500)]))
    yield "100 patterns", of(union([{"pattern": "(\\w{1,99}){20}"}] * 99))
    yield "a tree of alternatives", of(union([{"$ref": "#/$defs/a"}]), **{"$defs": {"a": tree}})
    yield "a chain", of(union([{"$ref": "#/$defs/n0"}]), **{"$defs": {**chain, "n30": {}}})
    yield "wrong keywords", of({f"p{number}": {"default": 0, "type": 1, "minimum": ""} for number in range(1_500)})
    yield "what must not repeat", of({"a": {"default": list(range(9_000)), "uniqueItems": True}})
    yield (
        "what must not repeat, as objects",
        of({"a": {"default": [{"x": each} for each in range(4_000)], "uniqueItems": True}}),
    )


def achievements() -> Bodies:
    draft = {"key": "worst", "name": "Worst"}
    leaf = {"stat": "messages", "gte": 1}
    yield "comparisons", encode({**draft, "condition": {"all": [{"any": [leaf] * 1000}] * 10}})
    yield "empty groups", encode({**draft, "condition": {"all": [{}] * 40_000}})
    deep: Json = leaf
    for _ in range(28):
        deep = {"all": [deep] * (1 if len(encode(deep)) > 20_000 else 3)}
    yield "groups in groups", encode({**draft, "condition": deep})
    yield "prerequisites", encode({**draft, "condition": leaf, "prerequisites": ["a"] * 40_000})


def guild_items() -> Bodies:
    item = {"id": "1", "name": "x", "position": 0, "color": 0}
    yield "items", full(b'{"items":[', same(encode(item)), b"]}", LARGEST_BODY)
    yield "a thousand items", full(b'{"items":[', same(encode(item)), b"]}", LARGEST_BODY, 1000)


def names() -> Bodies:
    marks = "a" + "\u0301" * 240
    items = [{"user_id": str(n + 1), "username": marks, "display_name": marks} for n in range(1000)]
    yield "marks", encode({"items": items})[:LARGEST_BODY]
    yield "a long name", encode({"items": [{"user_id": "1", "username": "\u0301" * (LARGEST_BODY // 2 - 100)}]})


def imports() -> Bodies:
    largest = 8 * 1024 * 1024
    yield "a row", b'{"kind":"' + b"x" * largest
    yield "rows", b"{}\n" * (largest // 3)
    yield "members", full(b"{", members(), b"}", largest)
    yield "depth", b"[" * largest


def pictures() -> Bodies:
    largest = 4 * 1024 * 1024
    yield "rubbish", b"\x89PNG\r\n\x1a\n" + b"x" * (largest - 8)
    yield "a picture of its largest size", png(4096, 4096, lines=4096)
    yield "a picture that says to be larger", png(60_000, 60_000, lines=16)


def png(width: int, height: int, *, lines: int) -> bytes:
    """A black PNG that says to have this size, and has so many lines."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    pixels = zlib.compress(bytes(1 + width) * lines, 1)
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


# The worst bodies of each route besides those of its body's struct. A new route needs a row here.
ROWS: dict[str, list[Callable[[], Bodies]]] = {
    "PUT /v1/guilds/{guild_id}": [],
    "PATCH /v1/guilds/{guild_id}": [],
    "POST /v1/guilds/{guild_id}/restore": [nothing],
    "PUT /v1/guilds/{guild_id}/roles": [guild_items],
    "PUT /v1/guilds/{guild_id}/channels": [guild_items],
    "PATCH /v1/guilds/{guild_id}/settings/{module}": [settings, settings_of_wide],
    "PUT /v1/guilds/{guild_id}/settings/{module}": [],  # judged by the result of a patch
    "POST /v1/guilds/{guild_id}/settings/{module}/revisions/{revision}/restore": [nothing],
    "POST /v1/guilds/{guild_id}/level-curve/preview": [],
    "PUT /v1/modules/{module}": [modules],
    "POST /v1/guilds/{guild_id}/activity": [activity],
    "POST /v1/guilds/{guild_id}/activity/explain": [],  # parsed like those of `activity`
    "PUT /v1/guilds/{guild_id}/members/names": [names],
    "PATCH /v1/guilds/{guild_id}/members/{user_id}": [],
    "POST /v1/guilds/{guild_id}/members/{user_id}/xp": [],
    "POST /v1/guilds/{guild_id}/members/{user_id}/card-link": [nothing],
    "PUT /v1/guilds/{guild_id}/card-background": [pictures],
    "PUT /v1/guilds/{guild_id}/members/{user_id}/card": [],
    "POST /v1/guilds/{guild_id}/imports": [imports],
    "POST /v1/achievements": [],
    "POST /v1/achievements/simulate": [],
    "PATCH /v1/achievements/{achievement}": [],
    "POST /v1/achievements/{achievement}/restore": [nothing],
    "POST /v1/guilds/{guild_id}/achievements": [achievements],
    "POST /v1/guilds/{guild_id}/achievements/simulate": [],  # a draft is parsed like a definition
    "PATCH /v1/guilds/{guild_id}/achievements/{achievement}": [achievements],
    "POST /v1/guilds/{guild_id}/achievements/{achievement}/restore": [nothing],
    "PUT /v1/guilds/{guild_id}/members/{user_id}/achievements/{achievement}": [nothing],
    "POST /v1/guilds/{guild_id}/webhooks": [],
    "PATCH /v1/guilds/{guild_id}/webhooks/{webhook_id}": [],
    "POST /v1/guilds/{guild_id}/webhooks/{webhook_id}/test": [nothing],
    "POST /v1/guilds/{guild_id}/webhooks/{webhook_id}/deliveries/{delivery}/resend": [nothing],
    "POST /v1/guilds/{guild_id}/keys": [],
    "POST /v1/keys": [],
    "POST /v1/keys/{key_id}/rotate": [],
    "PUT /v1/users/{user_id}/privacy": [],
    "POST /auth/logout": [nothing],
}


def bodies_of(route: Route) -> Bodies:
    """Each body with its name."""
    for row in ROWS[str(route)]:
        yield from row()
    if route.has_body:
        # All routes check the same bounds before decoding. So each route gets two of these six, and each of the six
        # goes to a third of the routes.
        place = list(ROWS).index(str(route))
        yield from (each for number, each in enumerate(of_any(route.largest_body)) if number % 3 == place % 3)
        if route.kind is not None and issubclass(route.kind, msgspec.Struct):
            yield from of_struct(route.kind, route.largest_body)
    elif str(route).endswith("/restore"):
        yield "what nobody reads", b"[" * (1024 * 1024)


def addresses(route: Route) -> list[str]:
    """Two addresses for settings: of a built-in module, and of a bot's module."""
    if "{module" in route.path and route.method != "POST" and "guild_id" in route.path:
        return [route.url(), route.url(module="wide")]
    if route.path.endswith("/imports"):
        return [f"{route.url()}?source={source}" for source in MEDIA_TYPES]
    return [route.url(module="worst")]


def media_type(address: str) -> str:
    """The media type that the address accepts."""
    if address.endswith("/card-background"):
        return "image/png"
    source = next((source for source in MEDIA_TYPES if address.endswith(f"source={source}")), None)
    return "application/json" if source is None else MEDIA_TYPES[source][0]
