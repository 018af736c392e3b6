"""Starts and stops: what is in flight is answered, nothing is lost, and workers share one truth."""

import asyncio
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import httpx2
import pytest

from api.postgres.embedded.server import EmbeddedPostgres
from api.postgres.provision import DATABASE, OWNER
from tests.operation.servers import Server, guildhall, installation, made_key, private_folder, serving, until

GUILD = "81384788765712384"
PATIENCE = 60  # for what comes at once, unless the machine is busy
REVOKED_SECONDS = 15  # until a revoked key is refused everywhere: 5 are promised, the rest is for a busy machine
SETTINGS = f"/v1/guilds/{GUILD}/settings/leveling"


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """One installation, started again and again."""
    with installation() as made:
        with serving(made) as server, server.client(server.key) as client:
            assert client.put(f"/v1/guilds/{GUILD}", json={"name": "Harbour"}).status_code == 201
        yield made


def database(folder: Path) -> EmbeddedPostgres:
    return EmbeddedPostgres(folder / "data" / "postgres")


class RowLock:
    """Holds the guild's row, in a thread, until the block ends: whoever changes its settings waits. `awaited`: somebody
    does."""

    def __init__(self, folder: Path) -> None:
        self.awaited = threading.Event()
        self._held, self._released = threading.Event(), threading.Event()
        self._url = database(folder).url(OWNER, DATABASE)
        self._thread = threading.Thread(target=lambda: asyncio.run(self._hold()))

    def __enter__(self) -> "RowLock":
        self._thread.start()
        assert self._held.wait(60)
        return self

    def __exit__(self, *_: object) -> None:
        self._released.set()
        self._thread.join()

    async def _hold(self) -> None:
        connection = await asyncpg.connect(self._url)
        try:
            async with connection.transaction():
                await connection.execute("SELECT FROM guilds FOR UPDATE")
                await connection.execute("SELECT FROM guild_settings FOR UPDATE")
                self._held.set()
                while not self._released.is_set():
                    if await connection.fetchval("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"):
                        self.awaited.set()
                    await asyncio.sleep(0.01)
        finally:
            await connection.close()


def refuses(server: Server) -> bool:
    """Whether its port is closed."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", server.port)) != 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_what_is_in_flight_is_answered(folder: Path, number: signal.Signals) -> None:
    answers: list[httpx2.Response] = []
    value = 100 + number  # another than it has: what changes nothing waits for nobody

    def patch() -> None:
        with server.client(server.key) as client:
            answers.append(client.patch(SETTINGS, json={"cooldown_seconds": value}))

    with (
        serving(folder) as server,
        server.client(server.key) as client,
        client.stream("GET", "/v1/events") as opened,
    ):
        lines = opened.iter_lines()
        assert next(lines).startswith(":")
        client.patch(SETTINGS, json={"cooldown_seconds": 1})
        with RowLock(folder) as lock:
            asking = threading.Thread(target=patch)
            asking.start()
            assert lock.awaited.wait(60)
            server.process.send_signal(number)
            began = time.monotonic()  # whoever waits for a lock gives up after a second
            while not refuses(server) and time.monotonic() - began < 0.5:
                time.sleep(0.01)
        asking.join()
        list(lines)  # a stream ends as an answer ends: one that is cut off raises
        assert server.process.wait(timeout=60) == 0, server.said
        assert [answer.status_code for answer in answers] == [200]
        assert answers[0].json()["values"]["cooldown_seconds"] == value
        assert "Traceback" not in server.said
    until(lambda: not database(folder).running, PATIENCE)


def test_not_ready_before_it_closes(folder: Path) -> None:
    """What a load balancer sees: 503 for as long as GUILDHALL_DRAIN_SECONDS says, and service meanwhile."""
    with serving(folder, GUILDHALL_DRAIN_SECONDS="2") as server, server.client(server.key) as client:
        server.process.send_signal(signal.SIGTERM)
        until(lambda: client.get("/health/ready").status_code == 503, PATIENCE)
        assert client.get("/health/ready").json()["checks"]["accepting"] == "draining"
        assert client.get("/health/live").status_code == 200
        assert client.patch(SETTINGS, json={"cooldown_seconds": 77}).status_code == 200
        client.close()
        assert server.process.wait(timeout=PATIENCE) == 0


def test_impatience(folder: Path) -> None:
    """A second SIGTERM skips the rest of the wait."""
    with serving(folder, GUILDHALL_DRAIN_SECONDS="60") as server:
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        assert server.process.poll() is None
        assert server.stop(within=5) == 0


def test_killed_server_starts_again_and_has_everything(folder: Path) -> None:
    with serving(folder) as server, server.client(server.key) as client:
        assert client.patch(SETTINGS, json={"cooldown_seconds": 123}).status_code == 200
        os.kill(server.process.pid, signal.SIGKILL)
        server.process.wait()
    with serving(folder) as server, server.client(server.key) as client:
        assert client.get(SETTINGS).json()["values"]["cooldown_seconds"] == 123
        assert "First key" not in server.said
        assert server.stop() == 0
    until(lambda: not database(folder).running, PATIENCE)


def test_start_killed_half_way_is_finished_by_the_next(folder: Path) -> None:
    """The roles are there, the database is not."""
    with private_folder() as other:
        postgres = EmbeddedPostgres(other / "data" / "postgres")
        postgres.start()
        asyncio.run(_make_role(postgres.url("postgres", "postgres")))
        postgres.stop()
        assert guildhall(other, "migrate").returncode == 0


async def _make_role(url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(f"CREATE ROLE {OWNER} LOGIN")
    await connection.close()


def test_two_workers(folder: Path) -> None:
    with serving(folder, "--workers", "2") as server:
        seen: set[int] = set()

        def both_answered() -> bool:
            with server.client(server.key) as client:
                assert client.get(SETTINGS).status_code == 200
            seen.update(_busy(server))
            return len(seen) == 2

        until(both_answered, PATIENCE)
        _metrics_are_added_up(server)
        _change_is_seen_by_both(server)
        _revoked_key_is_refused_by_both(folder, server)
        assert server.stop(within=PATIENCE) == 0, server.said
        assert "Traceback" not in server.said
    until(lambda: not database(folder).running, PATIENCE)


def _busy(server: Server) -> set[int]:
    """The workers that hold a metrics file with requests in it."""
    found = set()
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
    for child in children:
        environ = Path(f"/proc/{child}/environ").read_bytes().decode().split("\0")
        folder = next((line.partition("=")[2] for line in environ if line.startswith("PROMETHEUS_MULTIPROC_DIR")), None)
        if folder and (file := Path(folder) / f"counter_{child}.db").exists() and b"{module}" in file.read_bytes():
            found.add(int(child))
    return found


def _requests(server: Server) -> float:
    text = server.get("/metrics").text
    lines = (line for line in text.splitlines() if line.startswith("guildhall_requests_total{"))
    return sum(float(line.split()[-1]) for line in lines if 'method="GET"' in line and "/settings/" in line)


def _metrics_are_added_up(server: Server) -> None:
    before = _requests(server)
    for _ in range(20):
        with server.client(server.key) as client:
            client.get(SETTINGS)
    assert [_requests(server) for _ in range(5)] == [before + 20] * 5


def _change_is_seen_by_both(server: Server) -> None:
    with server.client(server.key) as client:
        assert client.patch(SETTINGS, json={"cooldown_seconds": 31}).status_code == 200
    time.sleep(1)
    for _ in range(20):
        with server.client(server.key) as client:
            assert client.get(SETTINGS).json()["values"]["cooldown_seconds"] == 31


def _revoked_key_is_refused_by_both(folder: Path, server: Server) -> None:
    made = guildhall(folder, "keys", "create", "doomed", "--scope", "settings:read")
    words = made_key(made.stdout)
    for _ in range(10):
        with server.client(words["secret"]) as client:
            assert client.get(SETTINGS).status_code == 200
    assert guildhall(folder, "keys", "revoke", words["id"]).returncode == 0

    def refused() -> bool:
        codes = []
        for _ in range(12):
            with server.client(words["secret"]) as client:
                codes.append(client.get(SETTINGS).status_code)
        return set(codes) == {401}

    until(refused, REVOKED_SECONDS)
