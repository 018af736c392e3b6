"""Discord over real connections, where it is slow, gone, or somebody else answers in its place."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from api.accounts.discord import Discord, GrantRefused, NotAMember
from api.errors import DiscordAway
from tests.support.discord import API, AUTHORIZE, CLIENT_ID, CLIENT_SECRET
from tests.support.discord import Discord as StandIn
from tests.support.people import ADA, HARBOUR
from tests.support.serving import Application, serve


@asynccontextmanager
async def asking(app: Application) -> AsyncIterator[Discord]:
    """Discord, asked over loopback."""
    async with serve(app) as base:
        discord = Discord(
            api_url=base + API, authorize_url=base + AUTHORIZE, client_id=CLIENT_ID, client_secret=CLIENT_SECRET
        )
        try:
            yield discord
        finally:
            await discord.close()


async def test_every_call_over_a_real_connection() -> None:
    stand_in = StandIn()
    async with asking(stand_in) as discord:
        with pytest.raises(GrantRefused):
            await discord.exchange(code="none", verifier="v", redirect_uri="http://a")
        with pytest.raises(GrantRefused):
            await discord.guilds("none", ADA)
        await discord.revoke("none")
        stand_in.codes["c"] = code = stand_in.granted(ADA, "identify guilds")
        granted = await discord.exchange(code="c", verifier="", redirect_uri=code.redirect_uri)
        assert (await discord.person(granted.access_token)).username == "ada"
        assert [guild.id for guild in await discord.guilds(granted.access_token, ADA)] == [str(HARBOUR)]
        with pytest.raises(NotAMember):  # nobody has allowed that
            await discord.role_ids(granted.access_token, ADA, HARBOUR)
        renewed = await discord.refresh(granted.refresh_token)
        with pytest.raises(GrantRefused):
            await discord.refresh(granted.refresh_token)
        await discord.revoke(renewed.refresh_token)
        with pytest.raises(GrantRefused):
            await discord.person(renewed.access_token)


async def test_nobody_listens() -> None:
    discord = Discord(api_url="http://127.0.0.1:1", authorize_url="", client_id="1", client_secret="s")
    with pytest.raises(DiscordAway):
        await discord.person("t")
    await discord.close()


def answering(status: int, headers: dict[str, str], body: bytes, *, pause: float = 0.0) -> Application:
    """Answers everything alike, a byte at a time where there is a pause."""

    async def app(scope: Any, receive: Any, send: Any) -> None:  # Any: ASGI's own
        if scope["type"] == "lifespan":
            return
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": raw})
        for byte in body if pause else b"":
            await send({"type": "http.response.body", "body": bytes([byte]), "more_body": True})
            await asyncio.sleep(pause)
        await send({"type": "http.response.body", "body": b"" if pause else body})

    return app


async def test_a_trickle_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.accounts.discord.SECONDS", 0.3)
    async with asyncio.timeout(3), asking(answering(200, {}, b" " * 40, pause=0.02)) as discord:
        with pytest.raises(DiscordAway):
            await discord.person("t")


@pytest.mark.parametrize(
    ("headers", "body", "retry_after"),
    [
        ({"retry-after": "40", "content-type": "text/html"}, b"<html>error 1015</html>", "40"),
        ({"retry-after": "9999999"}, b'{"retry_after": 1e300}', "600"),
        ({"retry-after": "soon"}, b'{"retry_after": -5, "global": true}', "1"),
        ({}, b"", "1"),
    ],
)
async def test_whoever_stands_before_discord_is_obeyed_too(
    headers: dict[str, str], body: bytes, retry_after: str
) -> None:
    async with asking(answering(429, headers, body)) as discord:
        discord._monotonic = lambda: 0.0
        with pytest.raises(DiscordAway) as refused:
            await discord.person("t")
    assert refused.value.headers["Retry-After"] in {retry_after, str(int(retry_after) + 1)}


async def test_a_redirect_is_not_followed() -> None:
    async with asking(answering(302, {"location": "http://127.0.0.1:1/"}, b"")) as discord:
        with pytest.raises(DiscordAway):
            await discord.person("t")
        with pytest.raises(DiscordAway):
            await discord.exchange(code="c", verifier="v", redirect_uri="http://a")
