"""Shorthands of these tests."""

from typing import Any

import httpx2

from api.postgres.engine import PlainConnection
from tests.support.people import HARBOUR

Json = dict[str, Any]  # Any: what JSON holds

OF_HARBOUR = f"/v1/guilds/{HARBOUR}/achievements"
OF_ALL = "/v1/achievements"


def draft(key: str = "chatterbox", stat: str = "messages", gte: int = 2, **more: Any) -> Json:  # Any: JSON
    """A definition with one comparison, or what `more` says."""
    return {"key": key, "name": key.capitalize(), "condition": {"stat": stat, "gte": gte}, **more}


async def define(bot: httpx2.AsyncClient, *drafts: Json, at: str = OF_HARBOUR) -> None:
    """Makes them."""
    for each in drafts:
        made = await bot.post(at, json=each)
        assert made.status_code == 201, made.text


async def mine(bot: httpx2.AsyncClient, user_id: int, guild_id: int = HARBOUR) -> dict[str, Json]:
    """A member's achievements, by key."""
    found = await bot.get(f"/v1/guilds/{guild_id}/members/{user_id}/achievements")
    assert found.status_code == 200, found.text
    return {item["achievement"]: item for item in found.json()["items"]}


async def earned(bot: httpx2.AsyncClient, user_id: int, guild_id: int = HARBOUR) -> set[str]:
    """The keys of what a member has."""
    return {key for key, item in (await mine(bot, user_id, guild_id)).items() if item["awarded_at"] is not None}


def keys(answer: Json) -> list[str]:
    """What an answer says was unlocked."""
    return [each["achievement"] for each in answer["achievements_unlocked"]]


async def event_types_of(owner: PlainConnection, *users: int) -> list[str]:
    """The types of the events about these people."""
    await owner.fetchval("SELECT guildhall_number_events(1000)")
    rows = await owner.fetch("SELECT type FROM stream_events WHERE user_id = ANY($1) ORDER BY position", users)
    return [row["type"] for row in rows]
