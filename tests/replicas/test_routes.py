"""Two hosts, one primary, one replica: what goes to the replica, and that nobody misses what they
wrote."""

import json
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial

import httpx2
import pytest

from api.postgres.embedded.server import EmbeddedPostgres
from api.postgres.engine import PlainConnection
from api.postgres.provision import APP, DATABASE, OWNER
from tests.operation.servers import Server, guildhall, private_folder, serving, until
from tests.replicas.standby import Standby

GUILD, ADA, BO = "81384788765712384", "190320984123768832", "190320984123768833"
SECONDS = 60
HOME = f"/v1/guilds/{GUILD}"

# What the task of a replica is. Each is asked for until the replica has answered it.
ROUTES = (
    f"{HOME}/leaderboard",
    f"{HOME}/leaderboard?around={BO}",
    f"{HOME}/leaderboard?stat=messages",
    f"{HOME}/leaderboard?stat=duels_won",
    f"{HOME}/leaderboard?stat=duels_won&period=day&around={BO}",
    f"{HOME}/leaderboard?period=week",
    f"{HOME}/activity?bucket=day",
    f"{HOME}/activity?bucket=hour",
    f"{HOME}/members/{ADA}/activity",
    f"{HOME}/export",
    f"/v1/users/{ADA}/export",
    f"{HOME}/leaderboard.svg",
    f"{HOME}/members/{ADA}/activity.svg",
    f"/v1/public/guilds/{GUILD}/leaderboard",
    f"/g/{GUILD}",
)


@pytest.fixture(scope="module")
def addresses(server: EmbeddedPostgres, standby: Standby) -> dict[str, str]:
    return {
        "DATABASE_URL": server.url(APP, DATABASE),
        "GUILDHALL_OWNER_DATABASE_URL": server.url(OWNER, DATABASE),
        "GUILDHALL_READ_DATABASE_URL": standby.url(APP, DATABASE),
        "GUILDHALL_POOL_SIZE": "4",
    }


@pytest.fixture(scope="module")
def hosts(addresses: dict[str, str]) -> Iterator[tuple[Server, Server]]:
    with private_folder() as folder, serving(folder, **addresses) as first, serving(folder, **addresses) as second:
        with first.client(first.key) as client:
            assert client.put(HOME, json={"name": "Harbour"}).status_code in (200, 201)
            public = {"leaderboard": "everyone", "stats": ["xp", "messages"]}
            assert client.patch(f"{HOME}/settings/public", json=public).status_code == 200
            client.patch(f"{HOME}/settings/leveling", json={"cooldown_seconds": 0})
        use_the_replica(first, second)
        yield first, second


def state(host: Server) -> str | None:
    found: str | None = host.get("/health/ready").json().get("replica")
    return found


def use_the_replica(*hosts: Server) -> None:
    """Returns when each of these hosts does."""
    for host in hosts:
        until(partial(is_ok, host), SECONDS, partial(state, host))


def is_ok(host: Server) -> bool:
    return state(host) == "ok"


def outcomes(host: Server) -> dict[str, int]:
    """How many reads of a host ended how."""
    found = re.findall(r'guildhall_replica_reads_total\{outcome="(\w+)"\} ([\d.]+)', host.get("/metrics").text)
    return {name: int(float(number)) for name, number in found}


def events(begin: int, count: int, user: str = ADA) -> dict[str, object]:
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    one = {"type": "message", "user_id": user, "channel_id": "1", "occurred_at": now}
    return {"events": [{**one, "id": f"{user}-{number}"} for number in range(begin, begin + count)]}


def messages_of(client: httpx2.Client, user: str = ADA) -> int:
    answer = client.get(f"{HOME}/leaderboard", params={"stat": "messages"})
    assert answer.status_code == 200, answer.text
    return next((int(each["value"]) for each in answer.json()["items"] if each["user_id"] == user), 0)


@pytest.fixture(scope="module", autouse=True)
def people(hosts: tuple[Server, Server]) -> None:
    first, _ = hosts
    with first.client(first.key) as client:
        for user in (ADA, BO):
            assert client.post(f"{HOME}/activity", json=events(0, 5, user)).json()["accepted"] == 5
            now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
            won = {"id": f"won-{user}", "type": "stat", "user_id": user, "stat": "duels_won", "amount": 3}
            won["occurred_at"] = now
            assert client.post(f"{HOME}/activity", json={"events": [won]}).json()["accepted"] == 1


@pytest.mark.parametrize("path", ROUTES)
def test_goes_to_the_replica(hosts: tuple[Server, Server], path: str) -> None:
    first, _ = hosts
    before = outcomes(first).get("replica", 0)
    with first.client(first.key) as client:

        def answered_there() -> bool:
            answer = client.get(path)
            if answer.status_code == 501:
                pytest.skip("pictures are not installed")
            assert answer.status_code == 200, answer.text
            assert answer.content
            return outcomes(first).get("replica", 0) > before

        until(answered_there, SECONDS, lambda: outcomes(first))
    assert outcomes(first).get("failed", 0) == 0


async def test_the_replica_counts_them(
    hosts: tuple[Server, Server], server: EmbeddedPostgres, on_standby: PlainConnection
) -> None:
    """Not only we do: the index of leaderboards is read there."""
    scans = "SELECT idx_scan FROM pg_stat_user_indexes WHERE relname = 'boards'"
    before = await on_standby.fetchval(scans) or 0
    first, _ = hosts
    with first.client(first.key) as client:
        for _ in range(30):
            messages_of(client)
    ends = time.monotonic() + SECONDS
    while (await on_standby.fetchval(scans) or 0) <= before:
        assert time.monotonic() < ends
        await on_standby.execute("SELECT pg_sleep(0.2)")


def test_own_writes_through_any_host(hosts: tuple[Server, Server]) -> None:
    first, second = hosts
    with first.client(first.key) as one, second.client(first.key) as other:
        before, was = messages_of(one), outcomes(second).get("replica", 0)
        for number in range(1, 101):
            writing, reading = (one, other) if number % 2 else (other, one)
            assert writing.post(f"{HOME}/activity", json=events(1000 + number, 1)).json()["accepted"] == 1
            assert messages_of(reading) == before + number
        assert outcomes(second).get("replica", 0) > was


async def test_own_writes_while_the_replica_stands_still(
    hosts: tuple[Server, Server], on_standby: PlainConnection
) -> None:
    first, second = hosts
    await on_standby.execute("SELECT pg_wal_replay_pause()")
    try:
        with first.client(first.key) as one, second.client(first.key) as other:
            before = messages_of(one)
            for number in range(1, 11):
                assert one.post(f"{HOME}/activity", json=events(2000 + number, 1)).json()["accepted"] == 1
                assert messages_of(other) == messages_of(one) == before + number
            # Somebody who hides is gone for everybody, at once.
            assert (
                one.put(f"/v1/users/{BO}/privacy", json={"visibility": "hidden", "opt_out": False}).status_code == 200
            )
            for path in (
                f"{HOME}/leaderboard",
                f"/v1/public/guilds/{GUILD}/leaderboard",
                f"{HOME}/leaderboard?period=day",
            ):
                assert BO not in other.get(path).text
            until(lambda: state(second) == "more than 5 s behind", SECONDS, lambda: state(second))
            assert second.get("/health/ready").status_code == 200
            assert other.get(f"{HOME}/leaderboard").status_code == 200
    finally:
        await on_standby.execute("SELECT pg_wal_replay_resume()")
        with first.client(first.key) as one:
            one.put(f"/v1/users/{BO}/privacy", json={"visibility": "public", "opt_out": False})
    use_the_replica(*hosts)


def test_killed_and_back(hosts: tuple[Server, Server], standby: Standby) -> None:
    first, second = hosts
    standby.kill()
    try:
        with first.client(first.key) as client:
            for path in ROUTES:
                assert client.get(path).status_code in (200, 501)
        until(lambda: str(state(first)).startswith("away"), SECONDS, lambda: state(first))
        ready = first.get("/health/ready")
        assert ready.status_code == 200
        assert ready.json()["status"] == "ok"
    finally:
        standby.start()
    use_the_replica(first, second)
    before = outcomes(first).get("replica", 0)
    with first.client(first.key) as client:
        until(lambda: messages_of(client) > 0 and outcomes(first).get("replica", 0) > before, SECONDS)


def test_nothing_changes_without_it(hosts: tuple[Server, Server], addresses: dict[str, str]) -> None:
    first, _ = hosts
    without = {name: value for name, value in addresses.items() if "READ" not in name}
    with serving(first.folder, **without) as host, host.client(first.key) as client:
        for path in ROUTES:
            assert client.get(path).status_code in (200, 501)
        assert "replica" not in host.get("/health/ready").json()
        assert outcomes(host) == {}


def test_doctor(hosts: tuple[Server, Server], addresses: dict[str, str]) -> None:
    first, _ = hosts
    done = guildhall(first.folder, "doctor", **addresses)
    assert "ok   replica" in done.stdout, done.stdout
    nowhere = addresses | {"GUILDHALL_READ_DATABASE_URL": "postgresql://ada:hunter2@127.0.0.1:1/guildhall"}
    done = guildhall(first.folder, "doctor", **nowhere)
    assert "BAD  replica" in done.stdout
    assert "hunter2" not in done.stdout + done.stderr


def test_plain_address_of_another_machine(hosts: tuple[Server, Server], addresses: dict[str, str]) -> None:
    far = addresses | {"GUILDHALL_READ_DATABASE_URL": "postgresql://ada:hunter2@db.example.org/guildhall"}
    done = guildhall(hosts[0].folder, "doctor", **far)
    assert done.returncode != 0
    assert "GUILDHALL_READ_DATABASE_URL leads to another machine" in done.stdout + done.stderr
    assert json.dumps("hunter2") not in done.stdout + done.stderr
