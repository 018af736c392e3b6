"""Codes are exchanged at Discord for everybody: a crowd from one address keeps nobody else out."""

import asyncio
from urllib.parse import urlsplit

import httpx2
import pytest
from litestar.types import ASGIApp

from api.accounts.exchanges import PLACES
from api.lib.fair_places import MOST_WAITING, FairPlaces
from tests.accounts.test_log_in import LOGIN, began, refused
from tests.support.browsers import Browsers
from tests.support.clients import BASE_URL
from tests.support.discord import Discord
from tests.support.discord_answers import Answer, Call
from tests.support.people import BO
from tests.support.serving import in_process

TOKEN = "/oauth2/token"


async def test_a_crowd_of_bogus_codes_keeps_nobody_out(app: ASGIApp, browsers: Browsers, discord: Discord) -> None:
    may_answer, under_way, most = asyncio.Event(), 0, 0

    async def slow(call: Call) -> Answer | None:
        nonlocal under_way, most
        if call.form["code"] == "bogus":
            under_way += 1
            most = max(most, under_way)
            await may_answer.wait()
            under_way -= 1
        return None

    discord.fails(TOKEN, slow)
    async with in_process(app, BASE_URL, "203.0.113.7") as mallory, in_process(app, BASE_URL, "198.51.100.9") as bo:
        crowd = []
        for _ in range(2 * PLACES):
            begun = await mallory.get("/auth/discord/login")
            state = httpx2.URL(begun.headers["location"]).params["state"]
            cookie = {"Cookie": f"{LOGIN}={mallory.cookies[LOGIN]}"}
            path = "/auth/discord/callback"
            asked = mallory.get(path, params={"state": state, "code": "bogus"}, headers=cookie)
            crowd.append(asyncio.create_task(asked))
        await browsers.log_in(BO, bo)
        assert 0 < most <= PLACES // 2
        may_answer.set()
        answers = await asyncio.gather(*crowd)
    # Those who did not wait too long were asked about; nobody was let in, and nothing failed.
    assert {answer.status_code for answer in answers} <= {400, 503}
    assert most <= PLACES // 2


async def test_a_state_is_exchanged_once(browsers: Browsers, discord: Discord) -> None:
    """Also by many requests at once, and not again where Discord refused its code."""
    ada = browsers.fresh()
    back = await began(ada, browsers)
    cookie = {"Cookie": f"{LOGIN}={ada.cookies[LOGIN]}"}
    answers = await asyncio.gather(*(ada.get(back, headers=cookie) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [303] + [400] * 7
    assert discord.calls[TOKEN] == 1
    back = await began(ada, browsers)
    cookie = {"Cookie": f"{LOGIN}={ada.cookies[LOGIN]}"}
    discord.codes.clear()
    for _ in range(3):
        assert refused(await ada.get(back, headers=cookie), 400, "login-failed")
    assert discord.calls[TOKEN] == 2


async def test_a_state_that_is_none_of_ours_never_reaches_discord(browsers: Browsers, discord: Discord) -> None:
    ada, mallory = browsers.fresh(), browsers.fresh()
    parts = urlsplit(await began(ada, browsers))
    await mallory.get("/auth/discord/login")
    for browser, query in (
        (ada, "state=abc&code=abc"),
        (ada, parts.query.replace("state=gAAAA", "state=gAAAB")),
        (mallory, parts.query),
        (browsers.fresh(), parts.query),
    ):
        assert refused(await browser.get(f"{parts.path}?{query}"), 400, "login-failed")
    assert discord.calls[TOKEN] == 0


async def test_who_found_discord_away_may_try_again(browsers: Browsers, discord: Discord) -> None:
    async def away(_call: Call) -> Answer:
        return 500, {}, b""

    ada = browsers.fresh()
    back = await began(ada, browsers)
    cookie = {"Cookie": f"{LOGIN}={ada.cookies[LOGIN]}"}
    discord.fails(TOKEN, away)
    assert refused(await ada.get(back, headers=cookie), 503, "discord-away")
    discord.faults.clear()
    assert (await ada.get(back, headers=cookie)).status_code == 303


async def test_places_are_fair() -> None:
    places, held, free = FairPlaces(4, 60), list[str](), asyncio.Event()

    async def use(name: str) -> None:
        async with places.hold(name):
            held.append(name)
            await free.wait()

    async def settled() -> None:
        for _ in range(10):
            await asyncio.sleep(0)

    crowd = [asyncio.create_task(use("crowd")) for _ in range(MOST_WAITING)]
    await settled()
    assert held == ["crowd"] * 2
    others = [asyncio.create_task(use(name)) for name in ("ada", "bo")]
    await settled()
    assert held == ["crowd"] * 2 + ["ada", "bo"]
    for task in crowd[5:]:  # some give up
        task.cancel()
    await settled()
    free.set()
    await asyncio.gather(*crowd[:5], *others)
    assert sorted(held) == ["ada", "bo"] + ["crowd"] * 5
    free.clear()
    again = asyncio.create_task(use("crowd"))
    await settled()
    assert held[-1] == "crowd", "what was held and what was given up is free"
    free.set()
    await again


async def test_who_waits_too_long_gets_a_time_out() -> None:
    places = FairPlaces(2, 0.01)
    async with places.hold("ada"):
        with pytest.raises(TimeoutError):
            async with places.hold("ada"):
                raise AssertionError("there was no place")
        async with places.hold("bo"):
            pass
    async with places.hold("ada"):
        pass
