"""All that is stored about a person, and nothing of anybody else."""

import httpx2

from api.postgres.engine import PlainConnection
from api.privacy.registry import REGISTRY
from tests.members.people import hide
from tests.privacy.people import USER, live
from tests.support.people import ADA, BO, HARBOUR, QUARRY

PATH = f"{USER}/export"


async def test_everything_of_them(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    await live(bot)
    await hide(owner, ADA)
    response = await bot.get(PATH)
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.headers["cache-control"] == "no-store"
    assert str(BO) not in response.text
    body = response.json()
    stored = body["stored"]
    assert body["user_id"] == str(ADA)
    assert list(stored) == [place.title for place in REGISTRY if place.export is not None]
    assert [(row["guild_id"], row["xp"]) for row in stored["members"]] == [(str(HARBOUR), 400), (str(QUARRY), 700)]
    assert stored["custom_stats"] == [{"guild_id": str(HARBOUR), "stat": "duels", "value": 2}]
    assert {row["guild_id"]: (row["messages"], row["xp"]) for row in stored["activity_days"]} == {
        str(HARBOUR): (2, 400), str(QUARRY): (0, 700),
    }  # fmt: skip
    assert [row["key"] for row in stored["achievement_awards"]] == ["chatterbox"]
    assert stored["activity_hours"][0]["messages"] == 2
    assert stored["custom_stat_days"][0]["value"] == 2
    assert stored["privacy_choices"][0]["hidden_at"] == "2026-11-22T08:00:00Z"
    assert [row["guild_id"] for row in stored["guilds"]] == [str(QUARRY)]
    assert stored["imports"][0]["preview"]["user_id"] == str(ADA)
    entries = {row["action"]: row for row in stored["audit_log"]}
    assert entries["member.xp_adjusted"]["changes"] == {"xp": {"before": 0, "after": 700}}
    assert (entries["guild.updated"]["changes"], entries["guild.updated"]["reason"]) == (None, f"ask {ADA}")
    types = {row["type"] for table in ("outbox", "stream_events") for row in stored[table]}
    assert "member.level_up" in types


async def test_somebody_unknown(bot: httpx2.AsyncClient) -> None:
    stored = (await bot.get(PATH)).json()["stored"]
    assert stored
    assert not any(stored.values())


async def test_with_a_list_of_guilds(
    bot: httpx2.AsyncClient, harbour_bot: httpx2.AsyncClient, owner: PlainConnection
) -> None:
    await live(bot)
    await hide(owner, ADA)
    response = await harbour_bot.get(PATH)
    assert str(QUARRY) not in response.text
    stored = response.json()["stored"]
    assert stored["members"][0]["guild_id"] == str(HARBOUR)
    assert stored["privacy_choices"] == [], "a choice is for all guilds"
