"""`make demo-dashboard`: a guild full of people, and a dashboard in which everybody who logs in manages it.

The people and what they wrote come from the smallest community of `examples.demo` that is still active. Its five years
become ten months that end now, so that the dashboard's days and weeks have something to show. Roles, channels and
settings are invented. A stand-in for Discord runs beside the server: it asks for no password, and only this machine
reaches it."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec
import uvicorn

import piccolo_conf
from api.cli.setup import make_first
from api.cli.terminal import located
from api.postgres.migrations import migrate
from examples.demo import guildhall, make_guilds, split
from tests.support.discord import API, AUTHORIZE, CLIENT_ID, CLIENT_SECRET, MANAGE_GUILD, Discord, Member

GUILD, NAME = 700000000000000100, "Lantern Harbour"
COMMUNITY, FASTER = "litestar", 6

_ROLES = (("Newcomer", 0x95A5A6), ("Regular", 0x2ECC71), ("Deckhand", 0x3498DB), ("Navigator", 0x9B59B6))
_LEVELS = (1, 5, 10, 20)
_CHANNELS = ("general", "help", "showcase", "off-topic", "ideas", "reviews", "releases", "docs")


def main() -> None:
    """Makes the guild if need be, then serves until it is stopped."""
    settings, found = located(founding=True)
    asyncio.run(migrate(piccolo_conf.DB, found.owner_url))
    asyncio.run(make_first(settings, click.echo))
    asyncio.run(make_guilds(settings, {GUILD: NAME}))
    guildhall("achievements", "install", "starter")
    with tempfile.TemporaryDirectory(prefix="guildhall-demo-") as folder:
        written = split(Path(folder))[COMMUNITY].read_bytes().splitlines()
        events = [msgspec.json.decode(line, type=dict[str, object]) for line in written]
        for name, lines, source in (
            ("guild", furniture(events), "guildhall"),
            ("events", recent(events, datetime.now(UTC)), "events"),
        ):
            file = Path(folder, f"{name}.ndjson")
            file.write_bytes(b"\n".join(map(msgspec.json.encode, lines)))
            guildhall("import", str(GUILD), str(file), "--source", source)
    port = start_stand_in()
    base = settings.public_url or f"http://{settings.host}:{settings.port}"
    click.echo(f"\nOpen {base}/dashboard/ and log in as anybody: everybody manages {NAME}.")
    click.echo(f"Its public page: {base}/g/lantern\n")
    serve(port)


def serve(port: int) -> None:
    """Runs `guildhall serve` until it ends. `port`: the stand-in's."""
    child = subprocess.Popen([sys.executable, "-m", "api", "serve"], env=os.environ | discord_variables(port))
    signal.signal(signal.SIGINT, lambda *_: None)  # the terminal sends it to the server, too
    signal.signal(signal.SIGTERM, lambda *_: child.terminate())
    sys.exit(child.wait())


def start_stand_in() -> int:
    """Starts the stand-in for Discord, as whose people everybody manages the guild. Returns its port."""
    discord = Discord()
    discord.guilds = {GUILD: NAME}
    discord.members = {GUILD: {user_id: Member(permissions=MANAGE_GUILD) for user_id in discord.people}}
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(discord, log_level="warning"))
    threading.Thread(target=server.run, args=([listening],), daemon=True).start()
    return int(listening.getsockname()[1])


def discord_variables(port: int) -> dict[str, str]:
    """The environment in which Guildhall takes the stand-in for Discord."""
    here = f"http://127.0.0.1:{port}"
    return {
        "GUILDHALL_DISCORD_CLIENT_ID": CLIENT_ID,
        "GUILDHALL_DISCORD_CLIENT_SECRET": CLIENT_SECRET,
        "GUILDHALL_DISCORD_API_URL": f"{here}{API}",
        "GUILDHALL_DISCORD_AUTHORIZE_URL": f"{here}{AUTHORIZE}",
    }


def furniture(events: list[dict[str, object]]) -> list[Mapping[str, object]]:
    """The guild's roles, settings, and busiest channels, as lines of an export."""
    roles = [
        {"id": str(GUILD + n), "name": name, "position": n, "color": color} for n, (name, color) in enumerate(_ROLES, 1)
    ]
    busiest = Counter(str(event["channel_id"]) for event in events).most_common(len(_CHANNELS))
    channels = [
        {"id": id_, "name": name, "position": n}
        for n, ((id_, _), name) in enumerate(zip(busiest, _CHANNELS, strict=False))
    ]
    rewards = [{"level": level, "role_id": role["id"]} for level, role in zip(_LEVELS, roles, strict=True)]
    public = {"leaderboard": "everyone", "slug": "lantern", "stats": ["xp", "messages"]}
    return [
        {"guildhall": 1},
        {"roles": {"items": roles}},
        {"channels": {"items": channels}},
        {"settings": {"module": "leveling", "overrides": {"role_rewards": rewards}}},
        {"settings": {"module": "public", "overrides": public}},
    ]


def recent(events: list[dict[str, object]], now: datetime) -> list[Mapping[str, object]]:
    """The events, the last of them now and the time between them shorter."""
    times = [datetime.fromisoformat(str(event["occurred_at"])) for event in events]
    last = max(times)
    return [
        event | {"occurred_at": (now - (last - at) / FASTER).isoformat()}
        for event, at in zip(events, times, strict=True)
    ]


if __name__ == "__main__":
    main()
