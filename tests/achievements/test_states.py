"""What is remembered of a member is forgotten with whatever it was worked out from: the definitions, the guild's rules,
and what an import did to the guild. Siblings: definitions of the installation and of the guild."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, time, timedelta

import httpx2
import pytest

from tests.achievements.support import OF_ALL, OF_HARBOUR, define, draft, earned, keys
from tests.activity.test_record import message, record
from tests.support.clock import MovableClock
from tests.support.people import ADA, HARBOUR

SETTINGS = f"/v1/guilds/{HARBOUR}/settings/leveling"
Change = Callable[[httpx2.AsyncClient], Awaitable[httpx2.Response]]


async def _curve(bot: httpx2.AsyncClient) -> httpx2.Response:
    return await bot.patch(SETTINGS, json={"curve": {"kind": "table", "thresholds": [1, 2, 3, 4, 5, 6]}})


async def _top(bot: httpx2.AsyncClient) -> httpx2.Response:
    return await bot.patch(SETTINGS, json={"max_level": None})


async def _import(bot: httpx2.AsyncClient) -> httpx2.Response:
    body = f"user_id,xp\n{ADA},100000\n"
    begun = await bot.post(
        f"/v1/guilds/{HARBOUR}/imports?source=csv", content=body, headers={"Content-Type": "text/csv"}
    )
    while (found := await bot.get(begun.headers["location"])).json()["status"] in {"queued", "running"}:  # noqa: ASYNC110 - what is awaited is in the database
        await asyncio.sleep(0.02)
    return found


@pytest.mark.parametrize("at", [OF_ALL, OF_HARBOUR], ids=["installation", "guild"])
@pytest.mark.parametrize("change", [_curve, _top, _import], ids=["curve", "highest level", "import"])
async def test_what_changed_the_level_awards_with_the_next_event(
    bot: httpx2.AsyncClient, change: Change, at: str
) -> None:
    await define(bot, draft("sixth", "level", 6, retroactive=False), at=at)
    await bot.patch(SETTINGS, json={"cooldown_seconds": 0, "max_level": 5, "xp_per_message": {"min": 500, "max": 500}})
    if change is not _top:
        await bot.patch(SETTINGS, json={"max_level": None, "curve": {"kind": "cost", "coefficients": [5000]}})
    for number in range(8):
        await record(bot, message(str(number)))
    assert await earned(bot, ADA) == set()
    changed = await change(bot)
    assert changed.status_code == 200, changed.text
    await record(bot, message("next"))
    assert await earned(bot, ADA) == {"sixth"}


async def test_what_lies_on_tomorrow_counts_in_tomorrows_window(bot: httpx2.AsyncClient, clock: MovableClock) -> None:
    """A clock that is ahead brings an event of the guild's next day; what was seen of the window then is no bound for
    what it has on that day."""
    await define(bot, draft("busy", condition={"stat": "messages", "gte": 2, "within": "1d"}))
    midnight = datetime.combine(clock.now().date() + timedelta(days=1), time(), UTC)
    clock.put(midnight - timedelta(minutes=2))
    await record(bot, message("early", at=midnight + timedelta(minutes=2)))
    clock.move(minutes=10)
    answer = await record(bot, message("next", at=midnight + timedelta(minutes=3)))
    assert keys(answer) == ["busy"]
