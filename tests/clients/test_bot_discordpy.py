"""The example on discord.py, with the library's own objects: only Discord itself is played."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import discord
import httpx2
import pytest
from discord.webhook.async_ import AsyncWebhookAdapter
from litestar import Litestar
from litestar.types import ASGIApp

from examples.bot_discordpy import MODULE, Bot
from guildhall_client import Guildhall
from tests.cards.pictures import image
from tests.clients import gateway
from tests.clients.gateway import ROLE
from tests.members.people import give, leveling, member
from tests.support.clients import Clients
from tests.support.people import ADA, HARBOUR
from tests.support.serving import serve
from tests.support.wiring import services_of


class Played(Bot):
    """The bot, with what it tells Discord."""

    def __init__(self, guildhall: Guildhall) -> None:
        super().__init__(guildhall)
        self.said: list[str] = []
        self.pictures: list[tuple[str, str | None, bytes]] = []  # name, description, bytes
        self.roles: list[int] = []
        self.http.send_message = self._send  # type: ignore[method-assign, assignment] # Discord is not there
        self.http.get_member = self._get_member  # type: ignore[assignment] # the same
        self.http.add_role = self._add_role  # type: ignore[assignment] # the same
        self.http.bulk_upsert_global_commands = self._put_commands  # type: ignore[assignment] # the same
        self.commands: list[str] = []
        self.deferred: list[bool] = []  # of each command: whether only who asked sees the answer

    async def _send(self, _channel_id: Any, *, params: Any) -> Any:  # Any: discord.py's own
        self.said.append(params.payload["content"])
        return gateway.message(1, "", gateway.ME)

    async def _put_commands(self, _application_id: Any, payload: Any) -> Any:  # Any: the same
        self.commands = [each["name"] for each in payload]
        return []

    async def defer(self, *_ids: Any, params: Any, **_more: Any) -> Any:  # Any: the same
        self.deferred.append(bool(params.payload.get("data", {}).get("flags", 0) & 64))
        return {"interaction": {"id": "1", "type": 2}}

    async def answer(self, *_ids: Any, payload: Any = None, files: Any = (), **_more: Any) -> Any:  # Any: the same
        for file in files or ():
            self.pictures.append((file.filename, file.description, file.fp.read()))
        if not files:
            self.said.append(payload["content"])
        return gateway.message(1, "", gateway.ME)

    async def _get_member(self, _guild: Any, _user: Any) -> Any:  # Any: the same
        return {**gateway.MEMBER, "user": gateway.USER}

    async def _add_role(self, _guild: Any, _user: Any, role_id: Any, *, reason: Any = None) -> None:  # Any: the same
        self.roles.append(int(role_id))

    def hear(self, event: str, data: Any) -> None:  # Any: the same
        """An event of the gateway."""
        self._connection.parsers[event](data)

    def write(self, content: str) -> None:
        """Ada writes a message, now."""
        now = datetime.now(UTC)  # which its id tells, too
        self.hear(
            "MESSAGE_CREATE", gateway.message(discord.utils.time_snowflake(now), content, timestamp=now.isoformat())
        )

    def ask(self) -> None:
        """Ada sends `/rank`."""
        self.hear("INTERACTION_CREATE", gateway.command("rank"))


@pytest.fixture
async def played(app: ASGIApp, clients: Clients, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Played]:
    async with serve(app, lifespan="off") as url, Guildhall(url, await clients.key()) as guildhall:
        bot = Played(guildhall)
        await bot._async_setup_hook()
        bot._connection.user = discord.ClientUser(state=bot._connection, data=gateway.ME)  # type: ignore[arg-type] # it is
        bot._connection.application_id = gateway.BOT_USER
        monkeypatch.setattr(AsyncWebhookAdapter, "create_interaction_response", staticmethod(bot.defer))
        monkeypatch.setattr(AsyncWebhookAdapter, "execute_webhook", staticmethod(bot.answer))
        await bot.setup_hook()
        assert bot.commands == ["rank"]
        yield bot
        await bot.close()


async def until(condition: Any) -> None:  # Any: whatever can be asked
    for _ in range(3000):
        if await condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come to pass")


async def test_a_bots_day(played: Played, bot: httpx2.AsyncClient) -> None:
    path = f"/v1/guilds/{HARBOUR}"

    async def named(name: str) -> bool:
        return bool((await bot.get(path)).json().get("name") == name)

    played.hear("GUILD_CREATE", gateway.guild("Haven"))
    await until(lambda: named("Haven"))
    assert (await bot.get(path)).json()["owner_id"] == str(ADA)
    await leveling(bot, xp_per_message={"min": 300, "max": 300}, role_rewards=[{"level": 2, "role_id": str(ROLE)}])

    played.write("hello")
    await until(lambda: _is(len(played.batcher) == 1))
    await played.batcher.flush()
    await until(lambda: _is(played.roles == [ROLE]))
    assert played.said == [f"<@{ADA}> is now level 2!"]

    played.ask()
    await until(lambda: _is(len(played.pictures) == 1))
    name, description, card = played.pictures[0]
    assert (name, description) == ("rank.png", "Level 2, rank 1")
    assert image(card).size == (934, 282)

    await bot.patch(f"{path}/settings/{MODULE}", json={"private": True})
    await until(lambda: _is(HARBOUR not in played.private))
    played.ask()
    await until(lambda: _is(len(played.pictures) == 2))
    assert played.deferred == [False, True]
    assert len(played.said) == 1

    played.hear("GUILD_DELETE", {"id": str(HARBOUR)})
    await until(lambda: _is_gone(bot, path))


@pytest.mark.parametrize("status", [501, 503])
async def test_text_where_there_is_no_card(
    played: Played, bot: httpx2.AsyncClient, litestar_app: Litestar, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    if status == 501:
        monkeypatch.setattr(services_of(litestar_app).renderer, "is_installed", False)
    else:
        monkeypatch.setattr("api.cards.renderer.MOST_WAITING", 0)
    assert (await bot.put(f"/v1/guilds/{HARBOUR}", json={"name": "Harbour"})).is_success
    await give(bot, ADA, 300)
    assert (await bot.get(f"{member(ADA)}/card.png")).status_code == status
    played.hear("GUILD_CREATE", gateway.guild())
    played.ask()
    await until(lambda: _is(len(played.said) == 1))
    assert (played.said, played.pictures) == (["Level 2, rank 1"], [])


async def _is(value: bool) -> bool:
    return value


async def _is_gone(bot: httpx2.AsyncClient, path: str) -> bool:
    return (await bot.get(path)).status_code == 404
