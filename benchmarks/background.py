"""Work in the background beside live events in the same guild: backfills of an achievement, imports, leaderboards of a
month: how fast each is, and how long live events wait beside it.

`BENCH_BACKGROUND_MEMBERS` members (100,000), of whom half meet the achievements. Live events come at 60 a second, each
of a random member."""

import asyncio
import contextlib
import os
import random
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count

import asyncpg
import msgspec

from api.postgres.embedded.server import EmbeddedPostgres
from benchmarks.cases import headers
from benchmarks.crowd import Crowd, Tally, start, tally
from benchmarks.events import batch
from benchmarks.events import request as posted
from benchmarks.load import NUMBER
from benchmarks.seed import COUNT_RANKS, FILL_BOARDS, user
from benchmarks.servers import Side, call

GUILD = 281384788765711000
MEMBERS = int(os.environ.get("BENCH_BACKGROUND_MEMBERS", "100000"))
ROWS = MEMBERS  # of an import
RATE = 60
SECONDS = 300  # at most
ALONE_SECONDS = 10

_MEMBERS = """
    INSERT INTO members (guild_id, user_id, xp, messages)
    SELECT $1, $2::bigint + n * $3::bigint, n % 7919, 1 + n % 2 FROM generate_series(0, $4::bigint - 1) AS n
"""

Step = Callable[[], None]

_taken = count()  # event ids are made of a number that no request of this run has had


class _Backfill(msgspec.Struct):
    status: str
    awarded: int


class _Achievement(msgspec.Struct):
    awarding: _Backfill


class _Import(msgspec.Struct):
    status: str


class _Queued(msgspec.Struct):
    id: str


def measure_background(key: str, guildhall: Side, server: EmbeddedPostgres) -> None:
    """Prints what was measured. The guild must be there."""
    asyncio.run(_seed(server.url("postgres", "guildhall")))
    print(f"a guild of {MEMBERS:,}; {RATE} live events a second beside each", flush=True)
    with _live(key, guildhall, ALONE_SECONDS) as alone:
        time.sleep(ALONE_SECONDS)
    print(f"  {'nothing':<34}{'':16} {_waits(alone[0])}", flush=True)
    work: list[tuple[str, int, Step]] = [
        ("backfill", MEMBERS, lambda: _fill(key, guildhall, "plain", 0)),
        ("backfill with XP", MEMBERS, lambda: _fill(key, guildhall, "paid", 50)),
        ("import of standings, CSV", ROWS, lambda: _import(key, guildhall, "csv", "text/csv", _csv())),
        ("import of events", ROWS, lambda: _import(key, guildhall, "events", "application/x-ndjson", _events())),
        ("leaderboards of a month, in a loop", 0, lambda: _boards(key, guildhall)),
    ]
    for name, size, step in work:
        with _live(key, guildhall, SECONDS) as beside:
            began = time.perf_counter()
            step()
            took = time.perf_counter() - began
        speed = f"{size / took:8,.0f} a second" if size else ""
        print(
            f"  {name:<34}{speed:>17} {_waits(beside[0])}, {beside[0].p99 / alone[0].p99:.1f} times that alone",
            flush=True,
        )


def _waits(tally_: Tally) -> str:
    wrong = sum(count for status, count in tally_.statuses.items() if status != 200) + tally_.unsent + tally_.cut
    return f"live p50 {tally_.p50:6.1f} ms, p99 {tally_.p99:7.1f} ms, {wrong} not answered"


@contextlib.contextmanager
def _live(key: str, guildhall: Side, seconds: float) -> Iterator[list[Tally]]:
    """Sends live events until the end of the block. Then the list has their tally."""
    dice, head = random.Random(7), headers(key)  # noqa: S311
    now = datetime.now(UTC)
    path = f"/v1/guilds/{GUILD}/activity"
    requests = [
        posted(path, head, batch(dice, now, 1, _anybody).replace(NUMBER, f"{next(_taken):015}"))
        for _ in range(int(seconds * RATE))
    ]
    found: list[Tally] = []
    process = start(Crowd(guildhall.port, 64, seconds, requests, rate=RATE))
    try:
        yield found
    finally:
        process.terminate()
        found.append(tally(process))


def _anybody(dice: random.Random) -> int:
    return dice.randrange(MEMBERS)


def _fill(key: str, guildhall: Side, name: str, xp: int) -> None:
    path = f"/v1/guilds/{GUILD}/achievements"
    condition = {"stat": "messages", "gte": 2}
    made = {"key": name, "name": name, "condition": condition, "retroactive": True, "rewards": {"xp": xp}}
    call(guildhall, key, "POST", path, msgspec.json.encode(made))
    while True:
        time.sleep(0.2)
        seen = msgspec.json.decode(call(guildhall, key, "GET", f"{path}/{name}"), type=_Achievement).awarding
        assert seen.status != "failed"
        if seen.status == "finished":
            assert seen.awarded > MEMBERS * 0.4, seen
            return


def _import(key: str, guildhall: Side, source: str, media: str, content: bytes) -> None:
    path = f"/v1/guilds/{GUILD}/imports?source={source}"
    queued = msgspec.json.decode(call(guildhall, key, "POST", path, content, media=media), type=_Queued)
    while True:
        time.sleep(0.2)
        status = msgspec.json.decode(call(guildhall, key, "GET", f"/v1/imports/{queued.id}"), type=_Import).status
        assert status != "failed"
        if status == "finished":
            return


def _csv() -> bytes:
    return b"user_id,xp\n" + b"".join(b"%d,%d\n" % (user(number), number % 9973) for number in range(ROWS))


def _events() -> bytes:
    now, encode = datetime.now(UTC) - timedelta(days=3), msgspec.json.encode
    return b"".join(
        encode(
            {
                "id": f"import-{number}",
                "type": "message",
                "user_id": str(user(number * 7919 % MEMBERS)),
                "occurred_at": (now - timedelta(seconds=number)).isoformat(),
            }
        )
        + b"\n"
        for number in range(ROWS)
    )


def _boards(key: str, guildhall: Side) -> None:
    today = datetime.now(UTC).date()
    ends = time.monotonic() + ALONE_SECONDS
    ago = 0
    while time.monotonic() < ends:  # each of another window, so that none is shared
        first, last = today - timedelta(days=29 + ago), today - timedelta(days=ago)
        call(guildhall, key, "GET", f"/v1/guilds/{GUILD}/leaderboard?stat=messages&from={first}&to={last}")
        ago += 1


async def _seed(superuser_url: str) -> None:
    connection = await asyncpg.connect(superuser_url)
    try:
        # Without triggers: counters are made at the end, at once.
        await connection.execute("SET session_replication_role = replica; SET maintenance_work_mem = '256MB'")
        await connection.execute(_MEMBERS, GUILD, user(0), user(1) - user(0), MEMBERS)
        await connection.execute("INSERT INTO member_counts (guild_id, members) VALUES ($1, $2)", GUILD, MEMBERS)
        for statement in (COUNT_RANKS, FILL_BOARDS):
            await connection.execute(statement)
        await connection.execute("VACUUM (ANALYZE) members, boards, xp_counts")
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()
