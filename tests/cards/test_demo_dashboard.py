"""What `make demo-dashboard` puts into its guild."""

import json
from datetime import datetime, timedelta
from pathlib import Path

import httpx2

from examples.demo import split
from examples.demo_dashboard import COMMUNITY, FASTER, furniture, recent
from tests.imports.files import imported, lines
from tests.support.clock import CLOCK
from tests.support.people import HARBOUR


async def test_a_guild_is_full_of_people(bot: httpx2.AsyncClient, tmp_path: Path) -> None:
    events = [json.loads(line) for line in split(tmp_path)[COMMUNITY].read_bytes().splitlines()[:30]]
    found = await imported(bot, "guildhall", lines(*furniture(events)))
    assert (found["status"], found["refused"]) == ("finished", [])
    now = CLOCK.now()
    moved = recent(events, now)
    found = await imported(bot, "events", lines(*moved))
    assert (found["status"], found["counts"]["imported"]) == ("finished", len(events))
    times, before = ([datetime.fromisoformat(str(each["occurred_at"])) for each in of] for of in (moved, events))
    assert max(times) == now
    assert abs((max(before) - min(before)) / FASTER - (max(times) - min(times))) < timedelta(seconds=1)
    page = await bot.get("/g/lantern")
    assert page.status_code == 200
    people = (await bot.get(f"/v1/guilds/{HARBOUR}/members")).json()["items"]
    assert len(people) == len({event["user_id"] for event in events})
    assert all(each["display_name"] for each in people)
