"""A database with data, of each release: `guildhall migrate` keeps all of it, and holds up nobody who works meanwhile.
`make test-upgrade` does the same with the servers of these releases."""

import asyncio
import time
from collections.abc import AsyncIterator
from itertools import count

import asyncpg
import httpx2
import pytest

import piccolo_conf
from api.postgres.engine import PlainConnection
from api.postgres.lock_retries import WAIT_MS
from api.postgres.migrations import MigrationFailed, applied, known, migrate, roll_back
from api.postgres.provision import APP, OWNER, ROLE_SETTINGS
from tests.operation.servers import PROCESS, guildhall, made_key, private_folder, serving
from tests.support import cluster
from tests.support.people import ADA, BO, HARBOUR, QUARRY
from tests.support.releases import MEMBERS, RELEASES, Release, fill, repeated

NAME = f"upgraded_{PROCESS}"
GUILD = f"/v1/guilds/{HARBOUR}"
EARLIER = [each for each in RELEASES if each.last != known()[-1]]  # from which there is something to migrate
PRODUCTION = {
    "GUILDHALL_ENV": "production",
    "GUILDHALL_PUBLIC_URL": "https://guildhall.test",
    "GUILDHALL_DRAIN_SECONDS": "0",
}

# What a server of any release does for each request and each event, here as statements: reading a member, a page of the
# leaderboard and a rank; changing a member's XP. Only the last is of releases whose servers may serve on.
READS = (
    f"SELECT id, xp, messages, left_at FROM members WHERE guild_id = {HARBOUR} AND user_id = {ADA}",
    f"SELECT user_id, value FROM boards WHERE guild_id = {HARBOUR} AND stat = 0 ORDER BY value DESC, user_id LIMIT 50",
    f"SELECT sum(members) FROM xp_counts WHERE guild_id = {HARBOUR} AND kept = 8 AND low > 4675",
    "SELECT name, version, schema FROM modules",
    "SELECT g.name, s.overrides FROM guilds g LEFT JOIN guild_settings s ON s.guild_id = g.id ORDER BY g.id LIMIT 50",
)
WRITE = f"""
    WITH counted AS (
        INSERT INTO activity_ids (guild_id, week, id)
        SELECT {QUARRY}, date_trunc('week', now())::date, gen_random_uuid() RETURNING guild_id
    ), before AS (
        SELECT id, xp FROM members WHERE guild_id = {QUARRY} AND user_id = {BO} FOR UPDATE
    ), board AS (
        UPDATE boards SET value = value + 1 WHERE guild_id = {QUARRY} AND stat = 0 AND user_id = {BO}
    )
    UPDATE members m SET xp = m.xp + 1 FROM before, counted WHERE m.id = before.id
"""


@pytest.fixture
async def release(request: pytest.FixtureRequest) -> AsyncIterator[Release]:
    """A database with its schema, and with data."""
    made: Release = request.param
    await cluster.clone(NAME, template=None)
    await migrate(piccolo_conf.DB, cluster.url(OWNER, NAME), session_url=cluster.url(APP, NAME))
    if later := [id_ for id_ in known() if id_ > made.last]:
        await roll_back(piccolo_conf.DB, cluster.url(OWNER, NAME), later[0])
    connection = await asyncpg.connect(cluster.url(OWNER, NAME))
    await fill(connection)
    await connection.close()
    yield made
    await cluster.drop(NAME)


class Work:
    """Statements of the application, one after the other, until their end is requested."""

    def __init__(self, *statements: str) -> None:
        self._statements = statements
        self.done = 0
        self.longest = 0.0
        self.ends = False

    async def run(self) -> None:
        connection = await asyncpg.connect(cluster.url(APP, NAME))
        try:
            for number in count():
                if self.ends:
                    return
                began = time.perf_counter()
                await connection.execute(self._statements[number % len(self._statements)])
                self.longest = max(self.longest, time.perf_counter() - began)
                self.done += 1
                await asyncio.sleep(0.005)  # leaves the processor to the migration
        finally:
            await connection.close()


def test_releases_are_in_line() -> None:
    """The last one is what this version may be installed over."""
    lasts = [each.last for each in RELEASES]
    assert lasts == sorted(lasts)
    assert set(lasts) <= set(known())
    assert RELEASES[-1].serves_on


@pytest.mark.parametrize("release", EARLIER, ids=[each.last for each in EARLIER], indirect=True)
async def test_data_is_kept_and_work_goes_on(release: Release) -> None:
    reads, writes = Work(*READS), Work(*([WRITE] if release.serves_on else READS))
    addresses = {"DATABASE_URL": cluster.url(APP, NAME), **PRODUCTION}
    with private_folder() as folder:
        async with asyncio.TaskGroup() as group:
            for each in (reads, writes):
                group.create_task(each.run())
            owner = {"GUILDHALL_OWNER_DATABASE_URL": cluster.url(OWNER, NAME), **addresses}
            done = await asyncio.to_thread(guildhall, folder, "migrate", **owner)
            assert done.returncode == 0, done.stderr
            reads.ends = writes.ends = True
        made = made_key((await asyncio.to_thread(guildhall, folder, "keys", "create", "bot", **addresses)).stdout)
        with serving(folder, **addresses) as server, server.client(made["secret"]) as bot:
            _has_everything(bot)
            standing = bot.get(f"/v1/guilds/{QUARRY}/members/{BO}").json()
            assert int(standing["xp"]) == 255 + (writes.done if release.serves_on else 0)
    assert min(reads.done, writes.done) > 20
    print(f"{reads.done} reads, {writes.done} writes, the longest {1000 * max(reads.longest, writes.longest):.0f} ms")


def _has_everything(bot: httpx2.Client) -> None:
    """What `fill` wrote, as this version answers it."""
    assert bot.get(GUILD).json()["timezone"] == "Europe/Berlin"
    assert bot.get(f"{GUILD}/settings/leveling").json()["values"]["cooldown_seconds"] == 0
    assert bot.get("/v1/modules/greeter").json()["title"] == "Greeter"
    board = bot.get(f"{GUILD}/leaderboard", params={"limit": 100}).json()["items"]
    assert [int(each["value"]) for each in board] == [100 * n for n in range(MEMBERS, MEMBERS - 100, -1)]
    ada = bot.get(f"{GUILD}/members/{ADA}").json()
    assert (int(ada["xp"]), ada["level"], ada["rank"]) == (4675, 10, MEMBERS - 46 + 1)
    awards = bot.get(f"{GUILD}/members/{ADA}/achievements").json()["items"]
    assert [each["achievement"] for each in awards if each["awarded_at"]] == ["chatterbox"]
    answer = bot.post(f"{GUILD}/activity", json={"events": repeated()}).json()
    assert (answer["accepted"], answer["duplicates"]) == (0, len(repeated()))


@pytest.mark.parametrize("release", RELEASES[:1], ids=["first"], indirect=True)
async def test_who_reads_long_delays_only_the_migration(release: Release) -> None:
    """A backup or an export holds a table; whoever waits for it alone makes all others wait behind."""
    reader = await asyncpg.connect(cluster.url(OWNER, NAME))
    work = Work(*READS)
    async with asyncio.TaskGroup() as group:
        async with reader.transaction():
            await reader.execute("LOCK TABLE members, modules, activity_ids IN ACCESS SHARE MODE")
            migrating = group.create_task(migrate(piccolo_conf.DB, cluster.url(OWNER, NAME)))
            group.create_task(work.run())
            # Time and again; and for longer than a statement waits for a lock before it fails.
            for waits in (True, False) * 3:
                await _until_one_waits(reader, waits=waits)
        await migrating
        work.ends = True
    assert await applied(reader) == set(known())
    await reader.close()
    assert work.longest < 1.0


async def _until_one_waits(connection: PlainConnection, *, waits: bool) -> None:
    waiting = """
        SELECT exists(SELECT FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock') FROM pg_sleep(0.02)
    """
    async with asyncio.timeout(30):
        while await connection.fetchval(waiting) is not waits:
            pass


@pytest.mark.parametrize("release", RELEASES[:1], ids=["first"], indirect=True)
async def test_who_reads_too_long_ends_the_migration(release: Release, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.postgres.lock_retries.SECONDS", 0.5)
    reader = await asyncpg.connect(cluster.url(OWNER, NAME))
    async with reader.transaction():
        await reader.execute("LOCK TABLE members, modules, activity_ids IN ACCESS SHARE MODE")
        with pytest.raises(MigrationFailed, match=r"gave way to them\. Run it again when that has ended"):
            await migrate(piccolo_conf.DB, cluster.url(OWNER, NAME))
    await reader.close()


def test_migrations_wait_shorter_than_requests() -> None:
    assert ROLE_SETTINGS[APP]["lock_timeout"] == "1s"
    assert WAIT_MS < 1000 / 2
