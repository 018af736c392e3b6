"""The TypeScript types are those of the document, and the example on discord.js does what it says."""

from base64 import b64decode
from pathlib import Path

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


async def test_the_bot(app: ASGIApp, clients: Clients, tmp_path: Path) -> None:
    (tmp_path / "node_modules").symlink_to(MODULES)
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
