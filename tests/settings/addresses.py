"""Addresses and schemas that the tests of settings over HTTP share."""

from typing import Any

import httpx2

from api.lib.json import JsonObject
from tests.support.people import HARBOUR

WELCOME: JsonObject = {
    "type": "object",
    "properties": {
        "enabled": {"type": "boolean", "default": False},
        "limit": {"type": "integer", "minimum": 0, "default": 5},
        "text": {"type": "string", "maxLength": 20, "default": "Hello"},
        "role_id": {"type": ["string", "null"], "format": "snowflake", "x-ref": "role", "default": None},
        "friend_id": {"type": ["string", "null"], "format": "snowflake", "x-ref": "user", "default": None},
        "card": {
            "type": "object",
            "properties": {
                "colour": {"type": "string", "default": "red"},
                "channel_id": {"type": ["string", "null"], "format": "snowflake", "x-ref": "channel", "default": None},
            },
        },
        "rows": {
            "type": "array",
            "default": [],
            "items": {
                "type": "object",
                "required": ["role_id"],
                "properties": {
                    "role_id": {"type": "string", "format": "snowflake", "x-ref": "role"},
                    "n": {"type": "number"},
                },
            },
        },
        "free": {"type": "object", "additionalProperties": True, "default": {}},
    },
}
WELCOME_DEFAULTS: JsonObject = {
    "enabled": False,
    "limit": 5,
    "text": "Hello",
    "role_id": None,
    "friend_id": None,
    "card": {"colour": "red", "channel_id": None},
    "rows": [],
    "free": {},
}


def settings_of(module: str = "leveling", guild_id: object = HARBOUR) -> str:
    return f"/v1/guilds/{guild_id}/settings/{module}"


def with_property(**properties: object) -> JsonObject:
    """The schema of `welcome` with these properties in place of its own; None takes one away."""
    given: Any = WELCOME["properties"]  # Any: the schema's own members
    kept = {name: member for name, member in (given | properties).items() if member is not None}
    return {"type": "object", "properties": kept}


async def register(
    bot: httpx2.AsyncClient, schema: JsonObject | None = None, name: str = "welcome", **query: str
) -> httpx2.Response:
    return await bot.put(f"/v1/modules/{name}", json={"schema": schema or WELCOME}, params=query)


def faults(response: httpx2.Response) -> list[str]:
    """The pointers of a 422."""
    assert response.status_code == 422, response.text
    assert response.headers["content-type"] == "application/problem+json"
    return [fault["pointer"] for fault in response.json()["errors"]]


async def entries(bot: httpx2.AsyncClient, action: str = "settings.updated") -> list[dict[str, Any]]:
    """The audit log's entries of this kind, newest first.  Any: JSON."""
    response = await bot.get(f"/v1/guilds/{HARBOUR}/audit-log", params={"action": action, "limit": 100})
    return list(response.json()["items"])
