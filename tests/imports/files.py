"""Files as other bots give them, and what asks for their import."""

import asyncio
import json
from typing import Any

import httpx2

from tests.support.people import ADA, HARBOUR

Json = dict[str, Any]  # Any: what JSON holds

TYPES = {"csv": "text/csv", "guildhall": "application/x-ndjson", "events": "application/x-ndjson"}


def mee6_page(*players: Json, **more: object) -> Json:
    """One answer of MEE6's leaderboard."""
    return {
        "admin": False,
        "guild": {"id": str(HARBOUR), "name": "Harbour", "icon": "", "premium": False},
        "page": 0,
        "players": list(players),
        "role_rewards": [],
        "xp_per_message": [15, 25],
        "xp_rate": 1.0,
        **more,
    }


def mee6_player(user_id: object = ADA, xp: object = 1000, **more: object) -> Json:
    return {
        "avatar": "d3b0",
        "detailed_xp": [130, 255, xp],
        "discriminator": "0",
        "guild_id": str(HARBOUR),
        "id": user_id if isinstance(user_id, str) else str(user_id),
        "level": 4,
        "message_count": 57,
        "username": 'ada "the [first]" {\\',
        "xp": xp,
        **more,
    }


def event(number: int, at: str, user_id: int = ADA, **more: object) -> Json:
    return {"id": f"e{number}", "type": "message", "user_id": str(user_id), "occurred_at": at} | more


def lines(*items: object) -> bytes:
    return b"".join(json.dumps(item).encode() + b"\n" for item in items)


async def send(
    bot: httpx2.AsyncClient, source: str, content: object, guild_id: int = HARBOUR, **query: object
) -> httpx2.Response:
    """Asks for an import."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    given = {"source": source} | {name: str(value).lower() for name, value in query.items()}
    headers = {"Content-Type": TYPES.get(source, "application/json")}
    return await bot.post(f"/v1/guilds/{guild_id}/imports", params=given, content=body, headers=headers)


async def ended(bot: httpx2.AsyncClient, location: str) -> Json:
    """Waits for the end of an import; how it stands then."""
    for _ in range(1500):
        response = await bot.get(location)
        assert response.status_code == 200, response.text
        found: Json = response.json()
        if found["status"] in ("finished", "failed"):
            return found
        await asyncio.sleep(0.02)
    raise AssertionError(f"not ended: {found}")


async def imported(
    bot: httpx2.AsyncClient, source: str, content: object, guild_id: int = HARBOUR, **query: object
) -> Json:
    """Asks for an import and waits for its end."""
    response = await send(bot, source, content, guild_id, **query)
    assert response.status_code == 202, response.text
    return await ended(bot, response.headers["Location"])


def counts(rows: int, imported: int, unchanged: int = 0, refused: int = 0) -> Json:
    return {"rows": rows, "imported": imported, "unchanged": unchanged, "refused": refused}


async def member(bot: httpx2.AsyncClient, user_id: int = ADA, guild_id: int = HARBOUR) -> Json:
    response = await bot.get(f"/v1/guilds/{guild_id}/members/{user_id}")
    assert response.status_code == 200, response.text
    found: Json = response.json()
    return found
