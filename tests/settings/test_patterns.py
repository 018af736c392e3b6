"""Patterns of modules take linear time, whatever they are and whatever they are held against; others are refused."""

import time

import httpx2
import pytest

from tests.support.people import HARBOUR

# With an engine that goes back on its steps each of these takes longer than anybody lives.
SLOW = ["^(a+)+$", "^(a|a)*$", "^(a|aa)+$", "(.*a){25}$", "^(([a-z])+.)+[A-Z]([a-z])+$", r"^(\w+\s?)*$"]
TEXT = "a" * 50_000 + "!"
REFUSED = [
    r"(?=a)",
    r"(?!a)",
    r"(?<=a)b",
    r"(?<!a)b",
    r"(a)\1",
    r"(?P<x>a)(?P=x)",
    r"(?>a+)b",
    r"(?R)",
    "(a{1,1000}){1000}",
]
MOST_SECONDS = 2.0


@pytest.mark.parametrize("place", ["pattern", "patternProperties", "propertyNames"])
async def test_no_pattern_is_slow(bot: httpx2.AsyncClient, place: str) -> None:
    text = {"type": "string", "default": ""}
    for number, pattern in enumerate(SLOW):
        said = {
            "pattern": {**text, "pattern": f"{pattern}|^$"},
            "patternProperties": {"type": "object", "default": {}, "patternProperties": {pattern: {"type": "null"}}},
            "propertyNames": {"type": "object", "default": {}, "propertyNames": {"pattern": pattern}},
        }[place]
        name = f"slow_{place.lower()}_{number}"
        schema = {"type": "object", "properties": {"x": said}}
        assert (await bot.put(f"/v1/modules/{name}", json={"schema": schema})).status_code == 201
        began = time.process_time()
        data = {"x": TEXT if place == "pattern" else {TEXT: 1}}
        answer = await bot.patch(f"/v1/guilds/{HARBOUR}/settings/{name}", json=data)
        assert time.process_time() - began < MOST_SECONDS, (pattern, answer.text[:300])
        assert answer.status_code in {200, 422}


@pytest.mark.parametrize("place", ["pattern", "patternProperties"])
async def test_what_cannot_be_linear_is_refused(bot: httpx2.AsyncClient, place: str) -> None:
    for pattern in REFUSED:
        said: dict[str, object] = (
            {"type": "string", "default": "", "pattern": pattern}
            if place == "pattern"
            else {"type": "object", "default": {}, "patternProperties": {pattern: {}}}
        )
        answer = await bot.put("/v1/modules/refused", json={"schema": {"type": "object", "properties": {"x": said}}})
        assert answer.status_code == 422, pattern
        assert answer.json()["errors"][0]["pointer"].startswith(f"/schema/properties/x/{place}"), answer.text
