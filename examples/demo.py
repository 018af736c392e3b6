"""`make demo`: imports what 1,400 people really did in five open-source communities. Prints leaderboards and
achievements, and draws one leaderboard as a picture.

`communities.ndjson.gz` has 38,464 events taken from public version-control histories: a change is a message, the
folder it touches first its channel; people and channels are hashes made into ids. They stand in the order of
delivery, in which times run backwards here and there. The names of people are invented."""

import asyncio
import gzip
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

import asyncpg
import click
import msgspec

import piccolo_conf
from api.auth.actors import system
from api.cards.dtos import BoardPictureQuery
from api.cli.setup import make_first, opened
from api.cli.terminal import located
from api.config import Settings
from api.errors import PicturesBusy, PicturesNotInstalled
from api.leaderboards.dtos import BoardEntry, LeaderboardQuery, LeaderboardView
from api.members.names import folded
from api.postgres.database import Database
from api.postgres.migrations import migrate
from api.services import Services

FILE = Path(__file__).with_name("communities.ndjson.gz")
FIRST_GUILD = 700000000000000001

_decode = msgspec.json.Decoder(dict[str, object]).decode

_MAKE_GUILD = """
    INSERT INTO guilds (id, name, timezone) VALUES ($1, $2, 'UTC')
    ON CONFLICT (id) DO UPDATE SET name = EXCLUDED.name, deleted_at = NULL
"""
_BUSIEST = """
    SELECT guild_id FROM activity_days WHERE guild_id = ANY($1)
    GROUP BY 1 ORDER BY sum(messages) DESC, 1 LIMIT 1
"""
_YEAR = """
    SELECT extract(year FROM day)::int AS year, sum(messages) AS messages FROM activity_days
    WHERE guild_id = $1 AND user_id = $2 GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 1
"""
_MONTHS = """
    SELECT extract(month FROM day)::int AS month, sum(messages)::int AS messages FROM activity_days
    WHERE guild_id = $1 AND user_id = $2 AND day BETWEEN $3 AND $4 GROUP BY 1
"""
# Of each achievement how many have it, and those with the most XP among them.
_EARNED = """
    SELECT a.name, a.icon, count(*) AS awarded,
        (SELECT sum(c.members) FROM member_counts c WHERE c.guild_id = ANY($1))::bigint AS members,
        (array_agg(m.guild_id ORDER BY m.xp DESC))[:3] AS guilds,
        (array_agg(coalesce(n.display_name, m.user_id::text) ORDER BY m.xp DESC))[:3] AS names
    FROM achievements a JOIN achievement_awards w ON w.achievement_id = a.id AND w.revoked_at IS NULL
    JOIN members m ON m.id = w.member_id
    LEFT JOIN member_names n ON (n.guild_id, n.user_id) = (m.guild_id, m.user_id)
    WHERE w.guild_id = ANY($1) GROUP BY a.id ORDER BY awarded, a.id
"""
SHOWN = 3

_FIRST_NAMES = (
    "Ada Amara Anton Ayşe Bo Bruno Chloé Dario Élodie Emeka Farid Freya Giulia Hana Ibrahim Inés Jonas "
    "Kaja Leila Łukasz Mateo Mila Nadia Noor Olga Owen Priya Quentin Rosa Sana Søren Tariq Thảo Uma "
    "Viggo Wren Ximena Yuki Zoë Zuri"
)
_LAST_NAMES = (
    "Abara Bergström Castellanos Dvořák Eriksen Fontaine Grünwald Haddad Ishikawa Jankowski Kowalczyk "
    "Lindqvist Mbeki Nakamura Okafor Petrov Quiroga Rahman Santos Tremblay Ueda Vasquez Weiß Xu Yildiz "
    "Zimmermann Ávila Brandt Calloway Dube Estrada Ferreira Gallo Hartley Ivers Jovanović Kaur Larsen"
)


def main() -> None:
    """Imports the communities, each as a guild, and prints their leaderboards."""
    started = time.monotonic()
    settings, found = located(founding=True)
    asyncio.run(migrate(piccolo_conf.DB, found.owner_url))
    asyncio.run(make_first(settings, click.echo))
    with tempfile.TemporaryDirectory(prefix="guildhall-demo-") as folder:
        files = split(Path(folder))
        guilds = {FIRST_GUILD + number: name for number, name in enumerate(files)}
        asyncio.run(make_guilds(settings, guilds))
        guildhall("achievements", "install", "starter")
        for guild_id, name in guilds.items():
            click.echo(f"\n{name}")
            guildhall("import", str(guild_id), str(files[name]), "--source", "events")
    asyncio.run(_show(settings, guilds))
    click.echo(f"\nThat took {time.monotonic() - started:.0f} s. To see it, run `make run`, then:")
    base = settings.public_url or f"http://{settings.host}:{settings.port}"
    click.echo(f"  curl -H 'Authorization: Bearer gh_…' {base}/v1/guilds/{FIRST_GUILD}/leaderboard")
    if settings.admin:
        click.echo(f"  {base}/admin/#/named_members")


def guildhall(*arguments: str) -> None:
    """Runs the command `guildhall`."""
    subprocess.run([sys.executable, "-m", "api", *arguments], check=True)  # noqa: S603 - our own command


def split(folder: Path) -> dict[str, Path]:
    """A file of events for each community, in the order of delivery."""
    lines: dict[str, list[bytes]] = {}
    people: dict[object, int] = {}
    named: set[tuple[str, object]] = set()
    with gzip.open(FILE) as file:
        for line in file:
            event = _decode(line)
            guild, user_id = str(event.pop("guild")), event["user_id"]
            if (guild, user_id) not in named:
                named.add((guild, user_id))
                event["user"] = invented(people.setdefault(user_id, len(people)))
            lines.setdefault(guild, []).append(msgspec.json.encode(event))
    files = {}
    for name, events in sorted(lines.items()):
        files[name] = folder / f"{name}.ndjson"
        files[name].write_bytes(b"\n".join(events))
    return files


def invented(number: int) -> dict[str, str]:
    """The names of the person with this number: no two of 1,520 share them."""
    firsts, lasts = _FIRST_NAMES.split(), _LAST_NAMES.split()
    first = firsts[number % len(firsts)]
    last = lasts[(number + number // len(firsts)) % len(lasts)]
    return {"username": folded(f"{first}.{last}"), "display_name": f"{first} {last}"}


async def make_guilds(settings: Settings, guilds: dict[int, str]) -> None:
    """Makes the guilds, by their ids and names, or brings them back."""
    async with opened(settings) as services, services.database.transaction() as connection:
        await connection.executemany(_MAKE_GUILD, list(guilds.items()))


async def _show(settings: Settings, guilds: dict[int, str]) -> None:
    async with opened(settings) as services:
        best: tuple[BoardEntry, int] | None = None
        for guild_id, name in guilds.items():
            board = await services.leaderboards.read(system(), guild_id, LeaderboardQuery(limit=5))
            click.echo(f"\n{name}: {board.member_count} members\n{table(board)}")
            if board.items and (best is None or board.items[0].value > best[0].value):
                best = board.items[0], guild_id
        await show_earned(services.database, guilds)
        if best is not None:
            await _show_year(services.database, best[1], best[0], guilds[best[1]])
        click.echo(await picture(services, list(guilds), settings.data_path / "demo"))


def table(board: LeaderboardView) -> str:
    """A board as lines of text."""
    return "\n".join(
        f"  {entry.rank:>3}.  {entry.display_name or '':<20}  {entry.user_id:>20}  level {entry.level:>3}"
        f"  {entry.value:>9,} XP"
        for entry in board.items
    )


async def show_earned(database: Database, guilds: dict[int, str]) -> None:
    """Who earned what, rarest first."""
    async with database.connection() as connection:
        rows = await connection.fetch(_EARNED, list(guilds))
    click.echo("\nAchievements, rarest first")
    for row in rows:
        first = zip(row["names"], row["guilds"], strict=True)
        who = ", ".join(f"{name} ({guilds[guild_id]})" for name, guild_id in first)
        more = "" if row["awarded"] <= SHOWN else f" and {row['awarded'] - SHOWN:,} more"
        click.echo(f"  {row['awarded'] / row['members']:>6.1%}  {row['icon']} {row['name']}: {who}{more}")


async def _show_year(database: Database, guild_id: int, member: BoardEntry, name: str) -> None:
    user_id = int(member.user_id)
    async with database.connection() as connection:
        busiest: asyncpg.Record | None = await connection.fetchrow(_YEAR, guild_id, user_id)
        if busiest is None:
            return
        year: int = busiest["year"]
        rows = await connection.fetch(_MONTHS, guild_id, user_id, date(year, 1, 1), date(year, 12, 31))
    months = {row["month"]: row["messages"] for row in rows}
    click.echo(f"\nThe year {year} of {member.display_name or user_id} in {name}, in messages")
    click.echo(chart([months.get(month, 0) for month in range(1, 13)]))


async def picture(services: Services, guild_ids: list[int], folder: Path) -> str:
    """Writes the board of the community with the most messages to the folder, as a picture. Returns a sentence that
    says where it is, or why there is none."""
    async with services.database.connection() as connection:
        busiest = await connection.fetchval(_BUSIEST, guild_ids)
    if busiest is None:
        return "\nNo picture: nobody wrote anything."
    try:
        drawn = await services.pictures.leaderboard(system(), busiest, BoardPictureQuery(), "png", None)
    except (PicturesNotInstalled, PicturesBusy) as error:
        return f"\nNo picture: {error}"
    return f"\nThe board of the busiest community, as a picture: {_stored(folder, drawn.body or b'')}"


def _stored(folder: Path, content: bytes) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "leaderboard.png"
    file.write_bytes(content)
    return file


def chart(months: list[int]) -> str:
    """Twelve bars."""
    most = max(*months, 1)
    return "\n".join(
        f"  {date(2000, month, 1):%b}  {'█' * round(40 * count / most):<40}  {count:>5}"
        for month, count in enumerate(months, 1)
    )


if __name__ == "__main__":
    main()
