"""Members as these tests need them."""

from datetime import UTC, datetime
from typing import Any

import httpx2

from api.members.visibility import set_hidden
from api.postgres.engine import PlainConnection
from tests.support.people import ADA, HARBOUR

MORNING = datetime(2026, 11, 22, 8, tzinfo=UTC)

Json = dict[str, Any]  # Any: what JSON holds


def member(user_id: object = ADA, guild_id: object = HARBOUR) -> str:
    """A member's address."""
    return f"/v1/guilds/{guild_id}/members/{user_id}"


async def give(bot: httpx2.AsyncClient, user_id: int, xp: int, guild_id: int = HARBOUR) -> Json:
    """Has the member have so much XP; gives the answer."""
    response = await bot.post(f"{member(user_id, guild_id)}/xp", json={"set": xp})
    assert response.status_code == 200, response.text
    found: Json = response.json()
    return found


async def profile(client: httpx2.AsyncClient, user_id: int = ADA, guild_id: int = HARBOUR) -> Json:
    """The member's profile."""
    response = await client.get(member(user_id, guild_id))
    assert response.status_code == 200, response.text
    found: Json = response.json()
    return found


async def leveling(bot: httpx2.AsyncClient, guild_id: int = HARBOUR, **overrides: object) -> None:
    """Changes the guild's settings of XP and levels."""
    response = await bot.patch(f"/v1/guilds/{guild_id}/settings/leveling", json=overrides)
    assert response.status_code == 200, response.text


async def hide(owner: PlainConnection, *user_ids: int, at: datetime | None = MORNING) -> None:
    """Hides these people, or (None) shows them again."""
    async with owner.transaction():
        await set_hidden(owner, user_ids, at)  # type: ignore[arg-type] # it is a connection, though of no pool
