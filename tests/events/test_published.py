"""Each change tells the stream of itself, once, in its own transaction."""

from typing import Any

import httpx2
import msgspec

from api.events.types import TYPES
from api.postgres.engine import PlainConnection
from tests.activity.test_record import message, record
from tests.support.people import ADA, HARBOUR

GUILD = f"/v1/guilds/{HARBOUR}"

OutboxEvent = list[tuple[int | None, str, dict[str, Any]]]  # Any: an event's own data


async def published(owner: PlainConnection) -> OutboxEvent:
    """The events since the guilds were made."""
    await owner.fetchval("SELECT guildhall_number_events(1000)")
    rows = await owner.fetch(
        "SELECT guild_id, type, data::text FROM stream_events WHERE type <> 'guild.created' ORDER BY position"
    )
    assert {row[1] for row in rows} <= set(TYPES), "clients may ask for each of them"
    return [(row[0], row[1], msgspec.json.decode(row[2])) for row in rows]


async def test_settings(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    for value in (5, 5, 7):
        assert (await bot.patch(f"{GUILD}/settings/leveling", json={"cooldown_seconds": value})).is_success
    await bot.delete(f"{GUILD}/settings/leveling")
    assert await published(owner) == [
        (HARBOUR, "settings.updated", {"module": "leveling", "revision": n, "values": {"cooldown_seconds": value}})
        for n, value in ((1, 5), (2, 7), (3, 60))
    ]


async def test_guilds_and_modules(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    for _ in range(2):
        await bot.patch(GUILD, json={"locale": "de"})
    await bot.delete(GUILD)
    await bot.post(f"{GUILD}/restore")
    schema = {"type": "object", "properties": {"size": {"type": "integer", "default": 1}}}
    for _ in range(2):
        assert (await bot.put("/v1/modules/welcome", json={"schema": schema})).is_success
    found = await published(owner)
    assert [(guild, kind) for guild, kind, _ in found] == [
        (HARBOUR, "guild.updated"), (HARBOUR, "guild.deleted"), (HARBOUR, "guild.restored"), (None, "module.updated"),
    ]  # fmt: skip
    assert found[0][2] == {"name": "Harbour", "icon": None, "locale": "de", "timezone": "UTC", "changed": ["locale"]}
    assert found[3][2] == {"module": "welcome", "version": 1}


async def test_levels(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    await bot.patch(f"{GUILD}/settings/leveling", json={"xp_per_message": {"min": 150, "max": 150}})
    answer = await record(bot, message("1"))
    again = await record(bot, message("1"))
    assert [len(each["level_ups"]) for each in (answer, again)] == [1, 0]
    by_hand = (await bot.post(f"{GUILD}/members/{ADA}/xp", json={"amount": 200})).json()
    for amount in (1, -300):
        await bot.post(f"{GUILD}/members/{ADA}/xp", json={"amount": amount})
    await bot.delete(f"{GUILD}/members/{ADA}")
    ada = {"user_id": str(ADA), "username": None, "display_name": None, "avatar_url": None}
    assert (await published(owner))[1:] == [
        (HARBOUR, "member.level_up", answer["level_ups"][0]),
        (HARBOUR, "member.level_up", by_hand["level_up"]),
        (HARBOUR, "member.level_changed", {**ada, "from_level": 2, "to_level": 0, "xp": 51}),
        (HARBOUR, "member.left", ada),
    ]


async def test_edits_by_hand(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    """As Piccolo Admin makes them, or psql."""
    await bot.patch(f"{GUILD}/settings/leveling", json={"cooldown_seconds": 5})
    await owner.execute("UPDATE guild_settings SET overrides = '{}'")
    await owner.execute("UPDATE guilds SET name = 'Port' WHERE id = $1", HARBOUR)
    found = (await published(owner))[1:]
    assert [kind for _, kind, _ in found] == ["settings.updated", "guild.updated"]
    assert found[0][2] == {"module": "leveling", "revision": 1, "values": None}
