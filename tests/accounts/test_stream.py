"""The event stream of somebody who is logged in: their guilds', for as long as they are theirs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

import httpx2
import pytest
from litestar import Litestar
from litestar.types import ASGIApp

from api.events import broadcaster
from tests.events.streams import Stream
from tests.support.browsers import Browsers
from tests.support.clock import MovableClock
from tests.support.discord import Discord, Member
from tests.support.discord_answers import broken
from tests.support.people import ADA, HARBOUR, QUARRY
from tests.support.serving import NO_TLS, serve
from tests.support.wiring import services_of


@asynccontextmanager
async def opened(base: str, browser: httpx2.AsyncClient) -> AsyncIterator[Stream]:
    headers = {"Cookie": f"guildhall-session={browser.cookies['guildhall-session']}"}
    async with (
        httpx2.AsyncClient(base_url=base, headers=headers, timeout=20, verify=NO_TLS) as client,
        client.stream("GET", "/v1/events?types=guild.updated") as response,
    ):
        assert response.status_code == 200, await response.aread()
        async with aclosing(Stream(response)) as opened:
            yield opened


async def renamed(bot: httpx2.AsyncClient, name: str) -> None:
    for guild_id in (QUARRY, HARBOUR):
        assert (await bot.patch(f"/v1/guilds/{guild_id}", json={"name": name})).status_code == 200


async def test_a_stream_shows_a_person_s_own_guilds(
    app: ASGIApp,
    litestar_app: Litestar,
    browsers: Browsers,
    bot: httpx2.AsyncClient,
    discord: Discord,
    monkeypatch: pytest.MonkeyPatch,
    clock: MovableClock,
) -> None:
    ada = await browsers.log_in(ADA)
    async with serve(app, lifespan="off") as base:
        async with opened(base, ada) as stream:
            await renamed(bot, "one")
            await renamed(bot, "two")
            assert [message.data["guild_id"] for message in await stream.take(2)] == [str(HARBOUR)] * 2
            monkeypatch.setattr(broadcaster, "RECHECK_SECONDS", 0.0)
            discord.members[HARBOUR][ADA] = Member()
            discord.members[QUARRY][ADA] = Member(owner=True)
            clock.move(seconds=301)
            (followed,) = services_of(litestar_app).broadcaster._streams
            async with asyncio.timeout(4):
                while followed.filter.credential.sees(HARBOUR):  # noqa: ASYNC110 - it asks again within a second
                    await asyncio.sleep(0.02)
            await renamed(bot, "at last")
            assert (await stream.next()).data["guild_id"] == str(QUARRY)
            assert (await ada.post("/auth/logout")).status_code == 204
            with pytest.raises(StopAsyncIteration):
                await stream.next(4)
        ada = await browsers.log_in(ADA)
        async with opened(base, ada) as stream:
            discord.fails("/users/@me/guilds", broken)
            clock.move(seconds=901)
            with pytest.raises(StopAsyncIteration):
                await stream.next(4)
