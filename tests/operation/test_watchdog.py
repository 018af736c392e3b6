"""The embedded PostgreSQL ends under a server, which starts it again, or ends too."""

import fcntl
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.postgres.embedded.server import EmbeddedPostgres
from tests.operation.servers import Server, installation, serving, until

GUILD = "/v1/guilds/81384788765712384"
RESTARTED = "the embedded PostgreSQL had stopped and was restarted"
CEILING = 60.0


@pytest.fixture
def folder() -> Iterator[Path]:
    with installation() as made:
        yield made


def ready(server: Server) -> int:
    return server.get("/health/ready").status_code


def kill(postgres: EmbeddedPostgres) -> int:
    pid = postgres.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    return pid


class Writer:
    """Changes a setting again and again; `acknowledged` is the last change that was confirmed."""

    def __init__(self, server: Server, key: str) -> None:
        self.acknowledged = 0
        self._server, self._key = server, key
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Writer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        with self._server.client(self._key) as client:
            value = 0
            while not self._stop.wait(0.005):
                value += 1
                answer = client.patch(f"{GUILD}/settings/leveling", json={"cooldown_seconds": value})
                if answer.status_code == 200:
                    self.acknowledged = value


@pytest.mark.parametrize("workers", ["1", "2"])
def test_killed_it_is_started_again(folder: Path, workers: str) -> None:
    postgres = EmbeddedPostgres(folder / "data" / "postgres")
    with serving(folder, "--workers", workers) as server, server.client(server.key) as client:
        assert client.put(GUILD, json={"name": "Harbour"}).status_code == 201
        with Writer(server, server.key) as writer:
            for _ in range(2):
                before = writer.acknowledged
                until(lambda was=before: writer.acknowledged > was + 5, CEILING)  # type: ignore[misc] # a default
                killed = kill(postgres)
                until(lambda pid=killed: postgres.running and postgres.pid != pid, CEILING, lambda: server.said)  # type: ignore[misc] # the same
                seconds = until(lambda: ready(server) == 200, CEILING, lambda: server.said)
                print(f"ready {seconds:.2f} s after PostgreSQL was")
        found = client.get(f"{GUILD}/settings/leveling").json()
        assert found["values"]["cooldown_seconds"] >= writer.acknowledged
        assert server.stop() == 0
    lines = [line for line in server.log() if line["event"] == RESTARTED]
    assert len(lines) == 2
    print([line["seconds"] for line in lines])
    assert not postgres.running


def test_too_many_tries_end_the_server(folder: Path) -> None:
    postgres = EmbeddedPostgres(folder / "data" / "postgres")
    with serving(folder) as server:
        with (postgres.data_dir / "postgresql.conf").open("a") as stream:
            stream.write("\nthis is no setting\n")
        kill(postgres)
        assert server.process.wait(CEILING) == 1
    assert "PostgreSQL ended as it started on" in server.said
    assert "syntax error" in server.said
    assert "Traceback" not in server.said


def test_a_stop_does_not_wait_for_a_start(folder: Path) -> None:
    postgres = EmbeddedPostgres(folder / "data" / "postgres")
    with serving(folder) as server:
        with (folder / "data" / "postgres.lock").open("r+") as lock:  # as if somebody else were just starting it
            fcntl.flock(lock, fcntl.LOCK_EX)
            kill(postgres)
            until(lambda: ready(server) == 503, CEILING)
            assert server.stop(within=CEILING) == 0
        assert "Traceback" not in server.said
        assert not postgres.running
