"""The TypeScript client and the example on discord.js do what they say, and the types are those of the document."""

import shutil
from base64 import b64decode
from pathlib import Path

import httpx2
import msgspec
from litestar.types import ASGIApp

from tests.cards.pictures import image
from tests.clients import gateway
from tests.support.clients import Clients
from tests.support.node import MODULES, ROOT, TYPES, run_with_node
from tests.support.people import ADA
from tests.support.serving import serve


async def test_types_are_current(tmp_path: Path) -> None:
    written = tmp_path / "schema.d.ts"
    document = ROOT / "tests" / "architecture" / "openapi.json"
    tool = MODULES / "openapi-typescript" / "bin" / "cli.js"
    options = ("--default-non-nullable=false", "-o", str(written))
    assert (await run_with_node("node", str(tool), str(document), *options, cwd=TYPES))[0] == 0
    same = written.read_text() == (TYPES / "src" / "schema.d.ts").read_text()
    assert same, "make them anew: make document"


async def test_the_client(bot: httpx2.AsyncClient, app: ASGIApp, clients: Clients) -> None:
    """From its source, against the server: `clients/typescript/test` has what it does."""
    async with serve(app, lifespan="off") as url:
        code, out, err = await run_with_node(
            *("node", "--test", "--test-isolation=none", "test/server.test.ts"),
            cwd=TYPES,
            GUILDHALL_URL=url,
            GUILDHALL_KEY=await clients.key(),
        )
    assert code == 0, out + err


async def install_client(folder: Path) -> None:
    """As npm would: the built package. It is built again where its source is newer."""
    built = TYPES / "dist" / "index.js"
    changed = max(file.stat().st_mtime for file in [*TYPES.glob("src/*.ts"), *TYPES.glob("*.json")])
    if not built.exists() or built.stat().st_mtime < changed:
        code, out, err = await run_with_node("npm", "run", "--silent", "build", cwd=TYPES)
        assert code == 0, out + err
    shutil.copytree(TYPES / "dist", folder / "dist")
    shutil.copy(TYPES / "package.json", folder)


async def test_the_bot(app: ASGIApp, clients: Clients, tmp_path: Path) -> None:
    """In a folder where the client is installed as it is built: as JavaScript."""
    await install_client(tmp_path / "node_modules" / "guildhall-client")
    (tmp_path / "node_modules" / "discord.js").symlink_to(MODULES / "discord.js")
    for file in (ROOT / "examples" / "bot_discordjs.mjs", Path(__file__).with_name("play_discord.mjs")):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    play = {
        "guild": gateway.guild(),
        "me": gateway.ME,
        "message": gateway.message(1, ""),
        "command": gateway.command("rank"),
    }
    async with serve(app, lifespan="off") as url:
        done = await run_with_node(
            *("node", "--import", "./play_discord.mjs", "bot_discordjs.mjs"),
            cwd=tmp_path,
            GUILDHALL_URL=url,
            GUILDHALL_KEY=await clients.key(),
            DISCORD_TOKEN="a token",
            PLAY=msgspec.json.encode(play).decode(),
        )
    code, out, err = done
    assert (code, err) == (0, ""), done
    printed = msgspec.json.decode(out)
    assert printed["commands"] == ["rank"]
    assert printed["said"] == [f"<@{ADA}> is now level 2!", "Level 2, rank 1", "Level 2, rank 1"]
    ((name, card, description),) = printed["pictures"]
    assert (name, description) == ("rank.png", "Level 2, rank 1")
    assert image(b64decode(card)).size == (934, 282)
    assert str(gateway.ROLE) in printed["roles"]
