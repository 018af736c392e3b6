"""Harbour shows its leaderboard to everyone, under `harbour`; Quarry shows nothing."""

import httpx2
import pytest

from tests.activity.test_record import message, record
from tests.support.people import ADA, BO, HARBOUR

SETTINGS = f"/v1/guilds/{HARBOUR}/settings/public"


@pytest.fixture
async def shown(bot: httpx2.AsyncClient) -> None:
    """Ada has more XP than Bo."""
    values = {"leaderboard": "everyone", "slug": "harbour", "stats": ["xp", "messages"]}
    assert (await bot.patch(SETTINGS, json=values)).status_code == 200
    names = [{"user_id": str(ADA), "username": "ada", "display_name": "Ada <b>"}]
    await record(bot, message("m1", ADA), message("m2", BO))
    assert (await bot.post(f"/v1/guilds/{HARBOUR}/members/{ADA}/xp", json={"set": 500})).status_code == 200
    assert (await bot.put(f"/v1/guilds/{HARBOUR}/members/names", json={"items": names})).json()["updated"] == 1
