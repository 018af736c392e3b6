"""What is exported and imported elsewhere is the same."""

import asyncio

import httpx2
from hypothesis import given
from hypothesis import strategies as st

from tests.properties.driver import Json, Served, law, set_time
from tests.properties.strategies import SPRING, ZONES, histories, levelings
from tests.support.clock import MovableClock

NDJSON = {"Content-Type": "application/x-ndjson"}


@law(4)
@given(events=histories(users=4), settings=levelings(ranges=True), zone=st.sampled_from(ZONES))
async def test_export_then_import_is_the_identity(
    bot: httpx2.AsyncClient, clock: MovableClock, events: list[Json], settings: Json, zone: str
) -> None:
    set_time(clock, SPRING)
    one, other = await Served.new(bot, settings, zone), await Served.new(bot)
    await one.send(events)
    first = await one.text("/export")
    await one_import(bot, other, first)
    users = sorted({int(event["user_id"]) for event in events})
    assert await other.standings(users) == await one.standings(users)
    assert await other.board() == await one.board()
    settings_of = [await guild.ask("GET", "/settings/leveling") for guild in (one, other)]
    assert settings_of[0]["values"] == settings_of[1]["values"]
    await one_import(bot, other, first)  # a second time changes nothing
    assert await other.standings(users) == await one.standings(users)


async def one_import(bot: httpx2.AsyncClient, guild: Served, text: str) -> Json:
    """Imports the export and waits for its end."""
    answer = await bot.post(f"{guild.path}/imports?source=guildhall", content=text.encode(), headers=NDJSON)
    assert answer.status_code == 202, answer.text
    for _ in range(500):
        job: Json = (await bot.get(answer.headers["Location"])).json()
        if job["status"] in ("finished", "failed"):
            break
        await asyncio.sleep(0.02)
    assert (job["status"], job["refused"]) == ("finished", [])
    return job
