"""PostgreSQL is killed and comes back while eight clients read and change settings."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx2
import pytest

from api.postgres.embedded.server import EmbeddedPostgres
from api.postgres.provision import APP, DATABASE, OWNER
from tests.operation.servers import Server, installation, serving, until

GUILD = "81384788765712384"
CLIENTS = 8

# A busy machine is no fault. Who waited for a database that says nothing would wait longer than all of these.
PATIENCE = 60
AN_ANSWER = 20
# Until it is 503. Half a second is usual for readiness, and 7 s for a change: 5 s for its statement, 2 s to clean up.
# So 10 s have room for a busy machine, and are less than the 15 s after which any request ends.
NOTICED = 10
NO_WAIT = 5


class Load:
    """One client, until it is told to stop. `acknowledged` is the last change that was confirmed."""

    def __init__(self, server: Server, key: str, number: int, stop: threading.Event) -> None:
        self.guild = str(int(GUILD) + number)
        self.acknowledged = 0
        self.answers: list[tuple[float, float, httpx2.Response]] = []  # when it came, seconds, what it was
        self._server = server
        self._key = key
        self._stop = stop
        self.thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        path = f"/v1/guilds/{self.guild}/settings/leveling"
        with self._server.client(self._key) as client:
            value = 0
            while not self._stop.is_set():
                value += 1
                if self._ask(client, "PATCH", path, {"cooldown_seconds": value}).status_code == 200:
                    self.acknowledged = value
                self._ask(client, "GET", path, None)
                time.sleep(0.01)

    def _ask(self, client: httpx2.Client, method: str, path: str, body: object) -> httpx2.Response:
        started = time.monotonic()
        response = client.request(method, path, json=body)
        self.answers.append((time.monotonic(), time.monotonic() - started, response))
        return response


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with installation() as made:
        yield made


@pytest.fixture
def key(server: Server) -> str:
    return server.key


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    """Of a database that is the operator's own: nobody starts that again but they."""
    postgres = EmbeddedPostgres(folder / "data" / "postgres")
    postgres.start()
    urls = {"DATABASE_URL": postgres.url(APP, DATABASE), "GUILDHALL_OWNER_DATABASE_URL": postgres.url(OWNER, DATABASE)}
    try:
        with serving(folder, **urls) as running:
            with running.client(running.key) as client:
                for number in range(CLIENTS):
                    path = f"/v1/guilds/{int(GUILD) + number}"
                    assert client.put(path, json={"name": "Harbour"}).status_code == 201
            yield running
    finally:
        postgres.stop()


def ready(server: Server) -> int:
    return server.get("/health/ready", timeout=AN_ANSWER).status_code


def live(server: Server) -> int:
    return server.get("/health/live", timeout=NO_WAIT).status_code


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT], ids=["killed", "stopped"])
def test_database_goes_and_comes_back(folder: Path, server: Server, key: str, how: signal.Signals) -> None:
    postgres = EmbeddedPostgres(folder / "data" / "postgres")
    stop = threading.Event()
    loads = [Load(server, key, number, stop) for number in range(CLIENTS)]
    for load in loads:
        load.thread.start()
    try:
        until(lambda: all(load.acknowledged > 2 for load in loads), PATIENCE)
        _end(postgres, how)
        gone = time.monotonic()
        until(lambda: ready(server) == 503, NOTICED)
        assert live(server) == 200
        time.sleep(1)
        assert live(server) == 200
        before = [load.acknowledged for load in loads]
        postgres.start()
        until(lambda: ready(server) == 200, PATIENCE)
        until(lambda: all(load.acknowledged > was for load, was in zip(loads, before, strict=True)), PATIENCE)
    finally:
        stop.set()
        for load in loads:
            load.thread.join(PATIENCE)
        postgres.stop()
    for load in loads:
        statuses = {answer.status_code for _, _, answer in load.answers}
        assert statuses == {200, 503}, [line for line in server.log() if line["level"] == "error"][:1]
        for at, seconds, answer in load.answers:
            assert seconds < AN_ANSWER
            if answer.status_code == 503:
                assert at > gone - 1
                assert int(answer.headers["Retry-After"]) >= 1
                assert answer.headers["Content-Type"] == "application/problem+json"
        with server.client(key) as client:
            settings = client.get(f"/v1/guilds/{load.guild}/settings/leveling").json()
        assert settings["values"]["cooldown_seconds"] >= load.acknowledged
    assert server.process.poll() is None


def _end(postgres: EmbeddedPostgres, how: signal.Signals) -> None:
    assert postgres.pid is not None
    with suppress(ProcessLookupError):
        os.kill(postgres.pid, how)
    until(lambda: not postgres.running, PATIENCE)


def test_database_that_does_not_answer(folder: Path, server: Server, key: str) -> None:
    """A machine that hangs closes no connection: nothing but our own time-outs ends the wait."""
    postgres = EmbeddedPostgres(folder / "data" / "postgres")
    assert postgres.pid is not None
    stopped = _processes(postgres.pid)
    with server.client(key) as client:
        try:
            for pid in stopped:
                with suppress(ProcessLookupError):  # one of an autovacuum, which has ended meanwhile
                    os.kill(pid, signal.SIGSTOP)
            started = time.monotonic()
            assert ready(server) == 503
            assert time.monotonic() - started < NOTICED
            assert live(server) == 200
            time.sleep(1.2)
            started = time.monotonic()
            answer = client.patch(f"/v1/guilds/{GUILD}/settings/leveling", json={"cooldown_seconds": 1})
            assert answer.status_code == 503, answer.text
            assert time.monotonic() - started < NOTICED
        finally:
            for pid in stopped:
                with suppress(ProcessLookupError):  # it was an autovacuum's, or had been cut
                    os.kill(pid, signal.SIGCONT)
        until(lambda: ready(server) == 200, PATIENCE)
        assert client.get(f"/v1/guilds/{GUILD}/settings/leveling").status_code == 200


def _processes(postmaster: int) -> list[int]:
    children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
    return [postmaster, *map(int, children)]
