"""Many small guilds in turn: events in guilds that no cache knows, a worker that has nothing to do, and the scheduled
jobs.

`BENCH_GUILDS` guilds (20,000) of `BENCH_GUILD_MEMBERS` members each (40), of whom a seventh was active on each of the
last seven days. 100,000 guilds take two minutes to make, and 5 GB."""

import asyncio
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path

import asyncpg

from api.postgres.embedded.server import EmbeddedPostgres
from benchmarks.cases import FIGURES, OURS, THEIRS, headers
from benchmarks.events import batch, request
from benchmarks.measure import ROUNDS, Case, Lane, Ratio, compare, send
from benchmarks.seed import COUNT_RANKS, FILL_BOARDS, user
from benchmarks.servers import Side, cluster_cpu_seconds, cpu_seconds, memory, yardstick
from benchmarks.yardstick_sql import TABLES

COUNT = int(os.environ.get("BENCH_GUILDS", "20000"))
MEMBERS = int(os.environ.get("BENCH_GUILD_MEMBERS", "40"))
FIRST_GUILD = 381384788765712384
IDLE_SECONDS = 10.0

_GUILDS = """
    INSERT INTO guilds (id, name, changed_xid) SELECT $1::bigint + n, 'Guild ' || n, 1 FROM generate_series(1, $2) AS n
"""
_MEMBERS = """
    INSERT INTO members (guild_id, user_id, xp, messages, voice_seconds, reactions, commands, last_xp_at,
        first_seen_at, last_active_at, streak_from, streak_to, streak_best)
    SELECT $1::bigint + n, $3::bigint + m * $4::bigint, xp, xp / 19 + 1, xp / 3, xp / 90, xp / 300,
        at, now() - interval '1 year', at, at::date, at::date, 1 + m % 20
    FROM generate_series(1, $2::bigint) AS n, generate_series(0, $5::bigint - 1) AS m, LATERAL (
        SELECT 1 + ((n * 2654435761 + m * 40503) % 65536) * 40 / (m + 1) AS xp,
            now() - interval '1 day' * (1 + (n + m) % 7) AS at
    ) AS one
"""
_DAY = """
    INSERT INTO activity_days (guild_id, day, user_id, xp, messages, voice_seconds, reactions, commands, events)
    SELECT guild_id, $1, user_id, 60, 4, 300, 2, 1, 7 FROM members WHERE streak_to = $1
"""
_THEIRS = (
    "INSERT INTO yard_guilds SELECT guild_id, members FROM member_counts",
    """
    INSERT INTO yard_members SELECT guild_id, user_id, xp, messages, voice_seconds, reactions, commands, last_xp_at,
        first_seen_at, last_active_at FROM members
    """,
    "INSERT INTO yard_days SELECT guild_id, day, user_id, xp, messages, voice_seconds, reactions, commands"
    " FROM activity_days",
)
_BLOCKS = "SELECT sum(blks_read + blks_hit), sum(blks_read) FROM pg_stat_database"


def measure_guilds(key: str, guildhall: Side, server: EmbeddedPostgres, folder: Path) -> None:
    """Fills both sides' tables, and prints what was measured."""
    started = time.perf_counter()
    size = asyncio.run(_seed(server.url("postgres", "guildhall"), "guildhall_owner"))
    print(f"{COUNT:,} guilds of {MEMBERS}: {size / 2**30:.1f} GiB, made in {time.perf_counter() - started:.0f} s")
    before = memory(guildhall.pid)
    with yardstick(server, key) as other:
        for case in _cases(key, guildhall, other):
            compare(case)
            for lane in case.lanes:
                _print_blocks(case, lane)
    print(f"memory of the server: {before:.0f} MiB before, {memory(guildhall.pid):.0f} MiB after")
    _print_idle(guildhall)
    _print_jobs(guildhall, folder)


def _cases(key: str, guildhall: Side, other: Side) -> list[Case]:
    def case(name: str, size: int, connections: int) -> Case:
        lanes = [Lane(side.name, side, _in_turn(headers(key), size)) for side in (other, guildhall)]
        ratios = [Ratio(OURS, THEIRS), *(Ratio(OURS, THEIRS, figure=figure) for figure in FIGURES)]
        return Case(name, f"POST activity, {size} events a request, {COUNT:,} guilds", connections, lanes, ratios)

    return [case("guilds1", 1, 64), case("guilds100", 100, 8)]


def _in_turn(head: str, size: int) -> Callable[[int], list[str]]:
    """Requests, each to another guild, with events of its members."""

    @lru_cache(1)  # both sides get the same
    def make(number: int) -> list[str]:
        dice = random.Random(size * 1000 + number)  # noqa: S311
        now = datetime.now(UTC)
        chosen = dice.sample(range(COUNT), min(COUNT, 20_000 if size == 1 else 2_000))
        return [
            request(f"/v1/guilds/{FIRST_GUILD + 1 + guild}/activity", head, batch(dice, now, size, _member))
            for guild in chosen
        ]

    return make


def _member(dice: random.Random) -> int:
    return dice.randrange(MEMBERS)


def _print_blocks(case: Case, lane: Lane) -> None:
    """Blocks of 8 KiB that a request uses."""
    used, read = asyncio.run(_blocks(lane.side.database))
    answers = send(case, lane, ROUNDS + 1).answers
    used_after, read_after = asyncio.run(_blocks(lane.side.database))
    print(
        f"  {lane.name}: {(used_after - used) / answers:.0f} blocks a request,"
        f" {(read_after - read) / answers:.1f} of them not in PostgreSQL's memory",
        flush=True,
    )


def _print_idle(guildhall: Side) -> None:
    """What a worker costs that nobody asks for anything."""
    before, database_before = cpu_seconds(guildhall.pid), cluster_cpu_seconds(guildhall.postmaster)
    time.sleep(IDLE_SECONDS)
    ours = (cpu_seconds(guildhall.pid) - before) / IDLE_SECONDS * 1000
    theirs = (cluster_cpu_seconds(guildhall.postmaster) - database_before) / IDLE_SECONDS * 1000
    print(f"idle: {ours:.1f} ms of CPU a second, PostgreSQL {theirs:.1f} ms", flush=True)


def _print_jobs(guildhall: Side, folder: Path) -> None:
    """What a worker process costs that starts and runs each scheduled job once."""
    database_before = cluster_cpu_seconds(guildhall.postmaster)
    environment = {**os.environ, "GUILDHALL_DATA_DIR": str(folder), "GUILDHALL_LOG_FORMAT": "json"}
    environment.pop("DATABASE_URL", None)
    process = subprocess.Popen(
        [sys.executable, "-m", "api", "worker"], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        time.sleep(IDLE_SECONDS)
        ours, theirs = cpu_seconds(process.pid), cluster_cpu_seconds(guildhall.postmaster) - database_before
    finally:
        process.terminate()
        process.wait(30)
    print(f"a worker's first {IDLE_SECONDS:.0f} s: {ours:.2f} s of CPU, PostgreSQL {theirs:.2f} s", flush=True)


async def _blocks(superuser_url: str) -> tuple[int, int]:
    """Blocks that PostgreSQL has used since it started, and those that were not in its memory. Its processes report
    them within ten seconds."""
    await asyncio.sleep(11)
    connection = await asyncpg.connect(superuser_url)
    try:
        row = await connection.fetchrow(_BLOCKS)
        assert row is not None
        return int(row[0]), int(row[1])
    finally:
        await connection.close()


async def _seed(superuser_url: str, yardstick_owner: str) -> int:
    """Returns the size of the database, without the yardstick's tables."""
    connection = await asyncpg.connect(superuser_url)
    step = user(1) - user(0)
    try:
        # Without triggers: counters are made at the end, at once.
        await connection.execute("SET session_replication_role = replica; SET maintenance_work_mem = '256MB'")
        await connection.execute(_GUILDS, FIRST_GUILD, COUNT)
        await connection.execute(_MEMBERS, FIRST_GUILD, COUNT, user(0), step, MEMBERS)
        await connection.execute(
            "INSERT INTO member_counts (guild_id, members) SELECT guild_id, count(*) FROM members GROUP BY guild_id"
        )
        for statement in (COUNT_RANKS, FILL_BOARDS):
            await connection.execute(statement)
        today = datetime.now(UTC).date()
        for day in (today - timedelta(days=ago) for ago in range(1, 8)):
            await connection.execute("SELECT guildhall_create_partition('activity_days', $1)", day)
            await connection.execute(_DAY, day)
        await connection.execute("VACUUM (ANALYZE)")
        size = int(await connection.fetchval("SELECT pg_database_size(current_database())"))
        await connection.execute(f"SET ROLE {yardstick_owner}; {TABLES}; RESET ROLE")
        for statement in _THEIRS:
            await connection.execute(statement)
        await connection.execute("VACUUM (ANALYZE) yard_guilds, yard_members, yard_days")
        await connection.execute("CHECKPOINT")
        return size
    finally:
        await connection.close()
