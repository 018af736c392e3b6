"""The page about leaving MEE6: its commands are run as they stand, by a shell. Only MEE6 is played."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx2
from litestar.types import ASGIApp

from api.config import Settings
from tests.docs.snippets import DOCS, blocks
from tests.imports.files import mee6_page, mee6_player
from tests.support.clients import Clients
from tests.support.people import ADA, BO, HARBOUR
from tests.support.serving import serve

PAGE = DOCS / "leave-mee6.md"

# What a reader has set, and MEE6 at another address.
_BEFORE = """
set -e
curl() {
  local each words=()
  for each; do words+=("${each/#https:\\/\\/mee6.xyz/$MEE6_URL}"); done
  command curl "${words[@]}"
}
sleep() { :; }
"""


async def mee6(scope: Any, _receive: Any, send: Any) -> None:  # Any: ASGI
    """A page with two members, then an empty one."""
    assert scope["path"] == f"/api/plugins/levels/leaderboard/{HARBOUR}"
    page = int(parse_qs(scope["query_string"].decode())["page"][0])
    players = [[mee6_player(ADA, 4675, username="ada"), mee6_player(BO, 255, username="bo")], []][page]
    rewards = [{"rank": 2, "role": {"id": "77", "name": "Regular"}}]
    body = json.dumps(mee6_page(*players, page=page, role_rewards=rewards)).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def test_the_page(
    bot: httpx2.AsyncClient, app: ASGIApp, clients: Clients, settings: Settings, tmp_path: Path
) -> None:
    prepared, *commands = [each.text for each in blocks(PAGE) if each.language == "sh"]
    assert "export GUILD=" in prepared
    assert len(commands) == 5
    async with serve(app, lifespan="off") as url, serve(mee6, lifespan="off") as mee6_url:
        environment = {
            **os.environ,
            "DATABASE_URL": settings.database_url or "",
            "GUILDHALL_DATA_DIR": str(tmp_path),
            "GUILDHALL_SECRET": settings.secret or "",
            "GUILDHALL_KEY": await clients.key(),
            "GUILDHALL_URL": url,
            "GUILD": str(HARBOUR),
            "MEE6_URL": mee6_url,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        }
        shell = await asyncio.create_subprocess_exec(
            *("bash", "-c", _BEFORE + "".join(commands)), cwd=tmp_path, env=environment, stdout=PIPE, stderr=STDOUT
        )
        printed = (await shell.communicate())[0].decode()
    assert shell.returncode == 0, printed
    assert f"{ADA}: 0 XP (level 0) -> 4,675 XP (level 10)" in printed
    found = (await bot.get(f"/v1/guilds/{HARBOUR}/leaderboard")).json()["items"]
    assert [(each["user_id"], each["xp"], each["level"], each["username"]) for each in found] == [
        (str(ADA), 4675, 10, "ada"),
        (str(BO), 255, 2, "bo"),
    ]
    leveling = (await bot.get(f"/v1/guilds/{HARBOUR}/settings/leveling")).json()["values"]
    assert leveling["role_rewards"] == [{"level": 2, "role_id": "77"}]
