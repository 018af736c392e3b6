"""Random operations of several clients against a server of two workers, whose connections are cut and whose workers are
killed. What was acknowledged counts once, and all that is derived is what it is derived of.

`make soak SEED=… MINUTES=…` repeats the operations of a seed, and goes on for as long."""

import asyncio
import os
import random
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import msgspec
import pytest

from api.postgres.embedded.server import EmbeddedPostgres
from api.postgres.engine import PlainConnection
from tests.operation.servers import Server, guildhall, made_key, private_folder, serving
from tests.soak.awards import assert_awards
from tests.soak.checks import assert_derived, assert_known, assert_stream
from tests.soak.clients import SoakClient
from tests.soak.readers import Follower, Mishaps, superuser
from tests.soak.world import CLIENTS, DEFINITIONS, GUILDS, LEVELING, OF_ALL, guild
from tests.support.serving import NO_TLS

OPERATIONS = int(os.environ.get("GUILDHALL_SOAK_OPERATIONS", "40"))  # of each client in a round
MINUTES = float(os.environ.get("GUILDHALL_SOAK_MINUTES") or 0)
SEED = int(os.environ.get("GUILDHALL_SOAK_SEED") or random.SystemRandom().randrange(10**9))
FOLLOWERS = 2
REST_SECONDS = 120


async def prepare(http: httpx2.AsyncClient) -> None:
    """Guilds with rules by which XP can be added up, and what can be earned."""
    made = [await http.post("/v1/achievements", json=OF_ALL)]
    for guild_id, on_leave in GUILDS.items():
        made.append(await http.put(guild(guild_id), json={"name": str(guild_id)}))
        made.append(await http.patch(f"{guild(guild_id)}/settings/leveling", json=LEVELING | {"on_leave": on_leave}))
        made += [await http.post(f"{guild(guild_id)}/achievements", json=each) for each in DEFINITIONS]
    assert all(answer.is_success for answer in made), [answer.text for answer in made]


@asynccontextmanager
async def watching(postgres: EmbeddedPostgres) -> AsyncIterator[PlainConnection]:
    """A connection that sees all."""
    connection = await superuser(postgres)
    await connection.set_type_codec("jsonb", encoder=str, decoder=msgspec.json.decode, schema="pg_catalog")
    try:
        yield connection
    finally:
        await connection.close()


async def rest(owner: PlainConnection, clients: list[SoakClient], followers: list[Follower]) -> None:
    """Until nothing is under way: imports, awards, events to be numbered or read."""
    waiting = {
        "imports": "SELECT count(*) FROM imports WHERE status IN ('queued', 'running')",
        "awards": "SELECT count(*) FROM jobs",
        "events": "SELECT count(*) FROM outbox",
    }
    async with asyncio.timeout(REST_SECONDS):
        for statement in waiting.values():
            while await owner.fetchval(statement):  # noqa: ASYNC110 - nothing signals it
                await asyncio.sleep(0.1)
        newest = await owner.fetchval("SELECT max(position) FROM stream_events")
        while any(not follower.ids or follower.ids[-1] < newest for follower in followers):  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    asked = {location.rpartition("/")[2] for client in clients for location in client.imports}
    finished = {str(row[0]) for row in await owner.fetch("SELECT id FROM imports WHERE status = 'finished'")}
    assert asked <= finished
    for client in clients:
        client.imports.clear()


async def assert_all(owner: PlainConnection, clients: list[SoakClient], followers: list[Follower]) -> None:
    models = [client.planner.model for client in clients]
    await rest(owner, clients, followers)
    await assert_derived(owner)
    await assert_known(owner, models)
    await assert_awards(owner, models)
    await assert_stream(owner, models, [follower.ids for follower in followers])


async def soak(server: Server, key: str) -> str:
    """Rounds of operations, each with its mishaps and an audit at rest; gives what there was."""
    done = 0

    def went() -> None:
        nonlocal done
        done += 1

    headers = {"Authorization": f"Bearer {key}"}
    async with httpx2.AsyncClient(base_url=server.base_url, headers=headers, timeout=30, verify=NO_TLS) as http:
        await prepare(http)
    clients = [SoakClient(SEED, number, server.base_url, headers, went) for number in range(CLIENTS)]
    followers = [Follower(number, SEED, server.base_url, key) for number in range(FOLLOWERS)]
    following = [asyncio.create_task(follower.follow()) for follower in followers]
    until, rounds = time.monotonic() + 60 * MINUTES, 0
    postgres = EmbeddedPostgres(server.folder / "data" / "postgres")
    mishaps = Mishaps(SEED, postgres, server.process.pid)
    try:
        while not rounds or time.monotonic() < until:
            began, of_all = done, CLIENTS * OPERATIONS
            async with asyncio.TaskGroup() as group:
                for client in clients:
                    group.create_task(client.work(OPERATIONS))
                group.create_task(mishaps.happen(lambda began=began, of_all=of_all: (done - began) / of_all))  # type: ignore[misc] # mypy does not follow defaults
            async with watching(postgres) as owner:
                await assert_all(owner, clients, followers)
            rounds += 1
    except BaseException:
        print("\n".join(line for client in clients for line in client.log))
        raise
    finally:
        for task in following:
            task.cancel()
        for ended in await asyncio.gather(*following, return_exceptions=True):
            if isinstance(ended, Exception):
                raise ended
        for client in clients:
            await client.close()
    answers = dict(sum((client.answers for client in clients), Counter[str]()))
    return (
        f"seed {SEED}: {rounds} rounds, {done} operations, answers {answers}, {mishaps.cuts} connections cut, "
        f"{mishaps.kills} workers and {mishaps.outages} times PostgreSQL killed, "
        f"{len(followers[0].ids)} events followed over {[follower.connects for follower in followers]} connections"
    )


@pytest.mark.timeout(600 + 120 * MINUTES)
async def test_what_was_acknowledged_counts_once() -> None:
    print(f"seed {SEED}: `make soak SEED={SEED}` does the same operations")
    with private_folder() as folder, serving(folder, "--workers", "2", GUILDHALL_REQUEST_TIMEOUT_SECONDS="5") as server:
        made = guildhall(folder, "keys", "create", "soak", "--no-rate-limit")
        print(await soak(server, made_key(made.stdout)["secret"]))
        assert "Traceback" not in server.said, server.said[-5000:]
