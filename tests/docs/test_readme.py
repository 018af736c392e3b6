"""What the README shows works as it stands there."""

import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import httpx
import msgspec
import pytest
from litestar import Litestar
from litestar.routes import HTTPRoute
from litestar.types import ASGIApp

from api.__main__ import main
from api.config import Settings, variable
from tests.docs.fake_discord import DISCORD_JS, GUILD_ID, Client, discord_py, guild
from tests.docs.snippets import README, as_request, block, blocks, curl_commands, environment
from tests.support.clients import Clients
from tests.support.node import run_with_node
from tests.support.serving import serve

Json = dict[str, Any]  # Any: any JSON


@pytest.fixture
async def given(app: ASGIApp, clients: Clients) -> AsyncIterator[dict[str, str]]:
    """The environment of the README's reader, whose server runs."""
    async with serve(app, lifespan="off") as base_url:
        yield environment(base_url, await clients.key())


async def run_curls(given: dict[str, str], heading: str) -> list[httpx.Response]:
    """Sends what the curl commands under a heading send."""
    async with httpx.AsyncClient() as client:
        return [
            await client.send(as_request(command, given))
            for each in blocks("sh")
            if each.heading == heading
            for command in curl_commands(each.text)
        ]


async def test_curl(given: dict[str, str]) -> None:
    put, patch, get = await run_curls(given, "curl")
    assert put.status_code == 201, put.text
    assert patch.status_code == get.status_code == 200, patch.text
    shown = msgspec.json.decode(block("json", "curl"))
    answer: Json = get.json()
    assert shown["values"].items() <= answer["values"].items()
    assert shown | {"values": 0, "updated_at": 0} == answer | {"values": 0, "updated_at": 0}


async def test_the_module(given: dict[str, str]) -> None:
    await run_curls(given, "curl")
    registered, patched = await run_curls(given, "A module of your own")
    assert registered.status_code == 201, registered.text
    assert registered.json()["defaults"] == {"enabled": False, "channel_id": None, "text": "Welcome, {mention}!"}
    assert patched.status_code == 200, patched.text
    assert patched.json()["overridden"] == ["channel_id", "enabled"]


async def test_the_error(given: dict[str, str]) -> None:
    await run_curls(given, "curl")
    (refused,) = await run_curls(given, "Errors")
    shown = msgspec.json.decode(block("json", "Errors"))
    assert refused.status_code == shown["status"]
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert refused.json() | {"request_id": ""} == shown | {"request_id": ""}


async def test_python(given: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "discord", discord_py())
    for name in ("GUILDHALL_URL", "GUILDHALL_KEY", "DISCORD_TOKEN"):
        monkeypatch.setenv(name, given[name])
    bot: Json = {}
    exec(compile(block("python", "Python"), "README.md", "exec"), bot)  # noqa: S102 - our own page
    assert Client.made.token == "a token"
    async with bot["guildhall"] as guildhall:
        await _play_discord(Client.made, guildhall)


async def _play_discord(bot: Any, guildhall: httpx.AsyncClient) -> None:  # Any: the snippet's own class
    statuses: list[int] = []

    async def note(response: httpx.Response) -> None:
        statuses.append(response.status_code)

    guildhall.event_hooks["response"].append(note)
    said: list[str] = []

    async def send(text: str) -> None:
        said.append(text)

    question = SimpleNamespace(guild=guild(), content="!cooldown", channel=SimpleNamespace(send=send))
    await bot.on_guild_join(guild("Old name"))
    await bot.on_guild_update(guild("Old name"), guild())
    bot.guilds.append(guild())
    await bot.on_ready()
    await bot.on_message(question)
    await bot.on_message(question)
    stored = (await guildhall.get(f"/v1/guilds/{GUILD_ID}")).json()
    await bot.on_guild_remove(guild())
    assert statuses == [201, 200, 200, 200, 304, 200, 204]
    assert said == ["60 s", "60 s"]
    assert (stored["name"], stored["locale"]) == ("Discord Testers", "en-GB")
    assert stored["owner_id"] == "73193882359173120"


async def test_java_script(given: dict[str, str], tmp_path: Path) -> None:
    package = tmp_path / "node_modules" / "discord.js"
    package.mkdir(parents=True)
    (package / "package.json").write_text('{"type": "module", "main": "index.js"}')
    (package / "index.js").write_text(DISCORD_JS)
    (tmp_path / "bot.mjs").write_text(block("js", "JavaScript"))
    assert await run_with_node("node", "bot.mjs", cwd=tmp_path, **given) == (0, "60 s\n", "")
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {given['GUILDHALL_KEY']}"}) as client:
        stored = (await client.get(f"{given['GUILDHALL_URL']}/v1/guilds/{GUILD_ID}")).json()
    assert (stored["name"], stored["locale"]) == ("Discord Testers", "en-GB")
    assert stored["owner_id"] == "73193882359173120"


def test_every_address_is_served(litestar_app: Litestar) -> None:
    routes = [
        re.compile(re.sub(r"{\w+}", "[^/]+", route.path_format)).fullmatch
        for route in litestar_app.routes
        if isinstance(route, HTTPRoute)
    ]
    whole = re.sub(r"\$?\{[^}]*\}", "1", README.read_text(encoding="utf-8"))
    named = set(re.findall(r"/(?:v1|health|metrics|schema)\b[\w/-]*", whole))
    assert len(named) > 8
    assert [path for path in sorted(named) if not any(route(path) for route in routes)] == []


def test_every_command_is_there() -> None:
    lines = [line for each in blocks("sh") for line in each.text.splitlines() if line.startswith("guildhall ")]
    assert len(lines) >= 8
    for line in lines:
        command: click.Command = main
        for word in line.split("#")[0].split()[1:]:
            if isinstance(command, click.Group):
                command = command.commands[word]
            elif word.startswith("--"):
                assert any(word in parameter.opts for parameter in command.params), line


def test_every_variable_is_read() -> None:
    whole = README.read_text(encoding="utf-8")
    known = {variable(field) for field in Settings.__struct_fields__}
    ours = {"GUILDHALL_URL", "GUILDHALL_KEY"}  # the reader's own
    assert set(re.findall(r"\b(?:GUILDHALL_[A-Z_]+|DATABASE_URL)\b", whole)) - ours <= known


def test_every_file_is_there() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", README.read_text(encoding="utf-8"))
    assert links
    assert [link for link in links if not (README.parent / link).exists()] == []
