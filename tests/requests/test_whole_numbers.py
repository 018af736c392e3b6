"""300, 300.0 and 3e2 are one number, wherever an integer is taken; an id is no floating point number."""

import json
from collections.abc import Iterator

import httpx2
import msgspec
import pytest

from api.activity.dtos import RecordActivity
from api.http.bodies import BodyReader
from api.imports.lines import Line
from api.lib import snowflakes
from api.lib.json import JsonObject, JsonValue, as_object
from api.lib.whole_numbers import _Place, decoder
from tests.activity.test_http import EXPLAIN, pointers
from tests.activity.test_record import PATH, message
from tests.members.people import member, profile
from tests.requests.routes import BODIES
from tests.support.people import HARBOUR

KINDS = sorted({route.kind for route in BODIES if route.kind is not None} | {Line}, key=str)
Way = tuple[str | None, ...]


def integers(schema: JsonObject, root: JsonObject, way: Way = ()) -> Iterator[Way]:
    """The ways to all integers that are no ids: names of members, None for items."""
    if len(way) > 8:
        return
    if isinstance(reference := schema.get("$ref"), str):
        yield from integers(as_object(as_object(root["$defs"])[reference.removeprefix("#/$defs/")]), root, way)
    several = schema.get("anyOf")
    if isinstance(several, list) and not any(as_object(each).get("format") == "snowflake" for each in several):
        for each in several:
            yield from integers(as_object(each), root, way)
    if schema.get("type") == "integer":
        yield way
    for name, said in as_object(schema.get("properties", {})).items():
        yield from integers(as_object(said), root, (*way, name))
    if isinstance(said := schema.get("additionalProperties"), dict):
        yield from integers(said, root, (*way, "any"))
    if isinstance(said := schema.get("items"), dict):
        yield from integers(said, root, (*way, None))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_integer_of_every_body(kind: type) -> None:
    schema = msgspec.json.schema(kind, schema_hook=snowflakes.schema)
    place = _Place([schema], schema)
    for way in integers(schema, schema):
        value: JsonValue = 300.0
        expected: object = 300
        for step in reversed(way):
            value = [value] if step is None else {step: value}
            expected = [expected] if step is None else {step: expected}
        assert json.dumps(place.of(value)) == json.dumps(expected), way


def test_some_are_there() -> None:
    schema = msgspec.json.schema(RecordActivity, schema_hook=snowflakes.schema)
    assert set(integers(schema, schema)) == {("events", None, "seconds"), ("events", None, "amount")}


async def test_events(bot: httpx2.AsyncClient) -> None:
    body = json.dumps({"events": [message("1", type="voice", seconds=0), message("2", type="voice", seconds=1)]})
    written = body.replace('"seconds": 0', '"seconds": 3e2').replace('"seconds": 1', '"seconds": 60.0')
    headers = {"Content-Type": "application/json"}
    explained = await bot.post(EXPLAIN, content=written, headers=headers)
    assert explained.status_code == 200, explained.text
    answer = await bot.post(PATH, content=written, headers=headers)
    assert answer.json()["accepted"] == 2, answer.text
    assert (await profile(bot))["stats"]["voice_seconds"] == 360


async def test_other_routes(bot: httpx2.AsyncClient) -> None:
    headers = {"Content-Type": "application/json"}
    given = await bot.post(f"{member()}/xp", content=b'{"set": 1e3}', headers=headers)
    assert given.json()["member"]["xp"] == 1000, given.text
    roles = b'{"items": [{"id": "1", "name": "x", "position": 2.0, "color": 0.0}]}'
    listed = await bot.put(f"/v1/guilds/{HARBOUR}/roles", content=roles, headers=headers)
    assert listed.json()["items"][0]["position"] == 2, listed.text


async def test_what_is_no_whole_number_is_reported_at_its_place(bot: httpx2.AsyncClient) -> None:
    voice = {"type": "voice", "seconds": 0.5}
    events = [
        message("1") | voice,
        message("2") | voice | {"user_id": 81384788765712384.0},
        message("3") | voice | {"seconds": 300.0, "role_ids": ["1", 2.0], "channel_id": 5.0},
    ]
    expected = ["/events/0/seconds", "/events/1/seconds", "/events/1/user_id", "/events/2/channel_id"]
    answer = await bot.post(PATH, json={"events": events})
    assert sorted(pointers(answer)) == [*expected, "/events/2/role_ids/1"]


def test_ids_alone_are_refused() -> None:
    with pytest.raises(msgspec.ValidationError):
        decoder(RecordActivity)(json.dumps({"events": [message("1") | {"user_id": 5.0}]}).encode())
    assert BodyReader(RecordActivity).read(json.dumps({"events": [message("1")]}).encode())
