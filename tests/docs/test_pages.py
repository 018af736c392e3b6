"""What README and the guide show works as it stands there."""

import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import httpx2
import msgspec
import pytest
from litestar import Litestar
from litestar.routes import HTTPRoute
from litestar.types import ASGIApp

from api.__main__ import main
from api.config import Settings, variable
from tests.docs.fake_discord import DISCORD_JS, GUILD_ID, Client, discord_py, guild
from tests.docs.shown import differences
from tests.docs.snippets import DOCS, PAGES, README, ROOT, as_request, block, blocks, calls, environment, prose, title
from tests.support.browsers import Browsers
from tests.support.clients import Clients
from tests.support.clock import MovableClock
from tests.support.node import run_with_node
from tests.support.people import ADA
from tests.support.serving import serve

Json = dict[str, Any]  # Any: any JSON
CLIENTS = DOCS / "clients.md"

# A browser's, for a page of the same origin: relative addresses, and the cookie with each request.
_BROWSER = """
globalThis.location = {};
const plain = fetch;
globalThis.fetch = (path, init = {}) =>
  plain(process.env.GUILDHALL_URL + path, { ...init, headers: { ...init.headers, Cookie: process.env.COOKIE } });
"""


@pytest.fixture
async def given(app: ASGIApp, clients: Clients) -> AsyncIterator[dict[str, str]]:
    """The environment of a reader whose server runs."""
    async with serve(app, lifespan="off") as base_url:
        yield environment(base_url, await clients.key())


async def run_calls(page: Path, given: dict[str, str], clock: MovableClock) -> list[Json]:
    """Sends what the page's calls send, one after the other; each has to be answered as the page shows it, else with
    success. The answers; of a stream its beginning alone, and of a picture nothing."""
    answers = []
    async with httpx2.AsyncClient() as client:
        for call in calls(page):
            request = as_request(call.command, given, clock.now())
            response = await client.send(request, stream=True)
            is_stream = response.headers.get("Content-Type", "").startswith(("text/event-stream", "image/"))
            answer = {} if is_stream else msgspec.json.decode(await response.aread() or b"{}")
            await response.aclose()
            shown = msgspec.json.decode(call.shown or "{}")
            if "status" in shown:
                assert response.status_code == shown["status"], call.command
                assert response.headers["Content-Type"] == "application/problem+json"
            else:
                assert response.is_success, (call.command, answer)
            assert differences(shown, answer) == [], call.command
            answers.append(answer)
    return answers


# Those with loops and files are run by a shell: test_leave_mee6.py.
@pytest.mark.parametrize("page", [page for page in PAGES if calls(page) and page.name != "leave-mee6.md"], ids=title)
async def test_calls(page: Path, given: dict[str, str], movable_clock: MovableClock) -> None:
    if page != README:
        await run_calls(README, given, movable_clock)  # where the guide's reader comes from
    await run_calls(page, given, movable_clock)


def test_the_first_calls_end_in_a_level_up_and_its_card() -> None:
    *_, level_up, card = calls(README)
    assert len(calls(README)) == 6
    assert level_up.shown is not None
    assert msgspec.json.decode(level_up.shown)["level_ups"][0]["to_level"] == 1
    assert "/card.png" in card.command


async def test_the_module(given: dict[str, str], movable_clock: MovableClock) -> None:
    await run_calls(README, given, movable_clock)
    *_, registered, patched = await run_calls(DOCS / "modules.md", given, movable_clock)
    assert registered["defaults"] == {"enabled": False, "channel_id": None, "text": "Welcome, {mention}!"}
    assert patched["overridden"] == ["channel_id", "enabled"]


async def test_a_dashboard_of_your_own(
    given: dict[str, str], browsers: Browsers, movable_clock: MovableClock, tmp_path: Path
) -> None:
    await run_calls(README, given, movable_clock)
    ada = await browsers.log_in(ADA)
    cookie = "; ".join(f"{each}={value}" for each, value in ada.cookies.items())
    await ada.aclose()
    (tmp_path / "page.mjs").write_text(_BROWSER + block(DOCS / "dashboard.md", "js", "A dashboard of your own"))
    assert await run_with_node("node", "page.mjs", cwd=tmp_path, **given, COOKIE=cookie) == (0, "", "")
    async with httpx2.AsyncClient(headers={"Authorization": f"Bearer {given['GUILDHALL_KEY']}"}) as client:
        settings = await client.get(f"{given['GUILDHALL_URL']}/v1/guilds/81384788765712384/settings/leveling")
    assert settings.json()["values"]["cooldown_seconds"] == 30


async def test_python(given: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "discord", discord_py())
    for name in ("GUILDHALL_URL", "GUILDHALL_KEY", "DISCORD_TOKEN"):
        monkeypatch.setenv(name, given[name])
    bot: Json = {}
    exec(compile(block(CLIENTS, "python", "Python"), CLIENTS, "exec"), bot)  # noqa: S102 - our own page
    assert Client.made.token == "a token"
    async with bot["guildhall"] as guildhall:
        await _play_discord(Client.made, guildhall)


async def _play_discord(bot: Any, guildhall: httpx2.AsyncClient) -> None:  # Any: the snippet's own class
    statuses: list[int] = []

    async def note(response: httpx2.Response) -> None:
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
    (tmp_path / "bot.mjs").write_text(block(CLIENTS, "js", "JavaScript"))
    assert await run_with_node("node", "bot.mjs", cwd=tmp_path, **given) == (0, "60 s\n", "")
    async with httpx2.AsyncClient(headers={"Authorization": f"Bearer {given['GUILDHALL_KEY']}"}) as client:
        stored = (await client.get(f"{given['GUILDHALL_URL']}/v1/guilds/{GUILD_ID}")).json()
    assert (stored["name"], stored["locale"]) == ("Discord Testers", "en-GB")
    assert stored["owner_id"] == "73193882359173120"


def test_every_address_is_served(litestar_app: Litestar) -> None:
    routes = [
        re.compile(re.sub(r"{\w+}", "[^/]+", route.path_format)).fullmatch
        for route in litestar_app.routes
        if isinstance(route, HTTPRoute)
    ]
    pages = [page for page in PAGES if page.name != "CONTRIBUTING.md"]  # its example is a route that is not there
    whole = "".join(re.sub(r"\$?\{[^}]*\}", "1", page.read_text(encoding="utf-8")) for page in pages)
    found = re.findall(r"(?<![\w.])/(?:v1|health|metrics|schema)\b[\w/.-]*", whole)
    named = {path.rstrip(".") for path in found} - {"/v1"}
    assert len(named) > 20
    assert [path for path in sorted(named) if not any(route(path) for route in routes)] == []


def test_every_command_is_there() -> None:
    lines = [
        line for page in PAGES for each in blocks(page) if each.language == "sh" for line in each.text.splitlines()
    ]
    inline = [line for page in PAGES for line in re.findall(r"`(guildhall [a-z][^`]*)`", prose(page))]
    commands = [line for line in lines if line.startswith("guildhall ")] + inline
    assert len(commands) > 20
    for line in commands:
        command: click.Command = main
        for word in line.split("#")[0].split()[1:]:
            if isinstance(command, click.Group):
                command = command.commands[word]
            elif word.startswith("--"):
                assert any(word in parameter.opts for parameter in command.params), line


def test_every_target_is_there() -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    whole = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    named = set(re.findall(r"(?:^|`)make ([a-z0-9-]+)", whole, re.MULTILINE))
    assert {"run", "check"} <= named
    assert named <= targets


def test_every_variable_is_read() -> None:
    whole = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    known = {variable(field) for field in Settings.__struct_fields__}
    ours = {"GUILDHALL_URL", "GUILDHALL_KEY"}  # the reader's own
    named = {found.removesuffix("_FILE") for found in re.findall(r"\b(?:GUILDHALL_[A-Z_]+|DATABASE_URL)\b", whole)}
    assert named - ours <= known


@pytest.mark.parametrize("page", PAGES, ids=title)
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^):]+)\)", prose(page)):
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), link
        if anchor:
            headings = re.findall(r"^#+ (.+)$", prose(target), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}, link


@pytest.mark.parametrize("page", PAGES, ids=title)
def test_every_file_that_is_named_is_there(page: Path) -> None:
    made = {"tests/notes/test_notes.py", "tests/members/test_member_count.py", "tables/notes.py"}  # by CONTRIBUTING
    named = set(
        re.findall(r"`((?:api|tables|tests|bin|benchmarks|docs|clients|examples)/[\w./-]+)(?:::\w+)?`", prose(page))
    )
    assert sorted(path for path in named - made if not (ROOT / path).exists()) == []


def test_the_index_names_every_page() -> None:
    index = (DOCS / "README.md").read_text(encoding="utf-8")
    assert [page.name for page in DOCS.glob("*.md") if page.name != "README.md" and f"({page.name})" not in index] == []
