"""Boards of days in a large guild: what the first who asks waits for, and those who ask within ten seconds.

`BENCH_BOARD_MEMBERS` members (60,000) of whom about a sixth does something on each of `BENCH_BOARD_DAYS` days (40), by
Zipf's law. 600,000 and 365 take ten minutes to make, and 7 GB."""

import asyncio
import os
import statistics
import time
from datetime import UTC, date, datetime, timedelta

import asyncpg
import msgspec

from api.postgres.embedded.server import EmbeddedPostgres
from benchmarks.servers import Side, call

GUILD = 281384788765712000
MEMBERS = int(os.environ.get("BENCH_BOARD_MEMBERS", "60000"))
DAYS = int(os.environ.get("BENCH_BOARD_DAYS", "40"))
WARM = 200

# Without triggers: counters are made at the end, at once.
_MEMBERS = """
    INSERT INTO members (guild_id, user_id)
    SELECT $1, 181384788765712384 + (n * 2654435761 % 4294967296) * 1000003 FROM generate_series(1, $2::bigint) AS n
"""
_DAY = """
    INSERT INTO activity_days (guild_id, day, user_id, xp, messages, voice_seconds, reactions, commands, events)
    SELECT $1, $2, user_id, m * 20, m, m % 5 * 300, m % 7, m % 3, m FROM (
        SELECT user_id, 1 + floor(-ln(1 - random()) * (2 + 60000 / (place + 1000)))::bigint AS m
        FROM (SELECT user_id, row_number() OVER (ORDER BY id) AS place FROM members WHERE guild_id = $1) AS one
        WHERE random() < least(0.9, $3::float8 / place)
    ) AS active
"""


class _Board(msgspec.Struct):
    member_count: int
    as_of: datetime | None
    next_cursor: str | None


def measure_boards(key: str, guildhall: Side, server: EmbeddedPostgres) -> None:
    """Prints what was measured. The guild must be there."""
    today = datetime.now(UTC).date()
    asyncio.run(_seed(server.url("postgres", "guildhall"), today))
    print(f"boards of days: {MEMBERS:,} members, {DAYS} days, one after the other", flush=True)
    first = today - timedelta(days=DAYS - 1)
    windows = {"day": today, "week": today - timedelta(days=6), "30 days": today - timedelta(days=29), "all": first}
    for name, begins in windows.items():
        path = f"/v1/guilds/{GUILD}/leaderboard?stat=messages&from={begins}&to={today}"
        cold, page = _asked(key, guildhall, path)
        warm = [_asked(key, guildhall, f"{path}&cursor={page.next_cursor}")[0] for _ in range(WARM)]
        warm.sort()
        print(
            f"  {name:<10} {page.member_count:9,} members   first {cold:7.0f} ms   "
            f"then p50 {statistics.median(warm):6.2f} ms   p99 {warm[WARM * 99 // 100 - 1]:6.2f} ms",
            flush=True,
        )


def _asked(key: str, guildhall: Side, path: str) -> tuple[float, _Board]:
    """Milliseconds, and the answer."""
    started = time.perf_counter()
    answer = call(guildhall, key, "GET", path)
    return (time.perf_counter() - started) * 1000, msgspec.json.decode(answer, type=_Board)


async def _seed(superuser_url: str, today: date) -> None:
    connection = await asyncpg.connect(superuser_url)
    try:
        await connection.execute("SET session_replication_role = replica; SET work_mem = '256MB'")
        await connection.execute(_MEMBERS, GUILD, MEMBERS)
        await connection.execute("INSERT INTO member_counts (guild_id, members) VALUES ($1, $2)", GUILD, MEMBERS)
        for ago in range(DAYS):
            day = today - timedelta(days=ago)
            await connection.execute("SELECT guildhall_create_partition('activity_days', $1)", day)
            await connection.execute(_DAY, GUILD, day, MEMBERS / 25)
        await connection.execute("VACUUM (ANALYZE) members, activity_days")
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()
