"""kill -9 while eight clients send: nothing acknowledged is missing, nothing counts twice."""

import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from api.postgres.embedded.server import EmbeddedPostgres
from tests.activity.recorder import CLIENTS, Sender, Target, assert_exact
from tests.operation.servers import Server, guildhall, installation, made_key, serving, until

KILLS = 4
SEED = 20_261_124


@pytest.fixture
def folder() -> Iterator[Path]:
    with installation() as made:
        yield made


def prepared(folder: Path, server: Server) -> Target:
    """A key that no limit stops, and a guild."""
    made = guildhall(folder, "keys", "create", "eight clients", "--no-rate-limit")
    target = Target(made_key(made.stdout)["secret"])
    target.prepare(server)
    return target


@contextmanager
def senders(target: Target) -> Iterator[list[Sender]]:
    """Eight clients, until the block ends; what went wrong in one is raised."""
    stop = threading.Event()
    running = [Sender(number, SEED, target, stop) for number in range(CLIENTS)]
    for sender in running:
        sender.start()
    try:
        yield running
    finally:
        stop.set()
        for sender in running:
            sender.join(20)
    assert not any(sender.is_alive() for sender in running)
    failures = [sender.failure for sender in running if sender.failure is not None]
    if failures:
        raise failures[0]


def test_server_is_killed(folder: Path) -> None:
    """PostgreSQL stays; the next server finds it."""
    with ExitStack() as stack:
        server = stack.enter_context(serving(folder))
        target = prepared(folder, server)
        with senders(target) as running:
            for moment in moments():
                work(running, moment)
                os.kill(server.process.pid, signal.SIGKILL)
                server.process.wait()
                server = stack.enter_context(serving(folder))
                target.base_url = server.base_url
            work(running, 0.2)
        assert_exact(target, [sender.recorder for sender in running])
        assert "Traceback" not in server.said


def test_postgresql_is_killed(folder: Path) -> None:
    """By turns all of it, and one of its processes: then it restarts itself, and drops every connection."""
    dice = random.Random(SEED)  # noqa: S311 # a victim, no secret
    with serving(folder) as server:
        target = prepared(folder, server)
        postgres = EmbeddedPostgres(folder / "data" / "postgres")
        try:
            with senders(target) as running:
                for number, moment in enumerate(moments()):
                    work(running, moment)
                    postmaster = postgres.pid
                    assert postmaster is not None
                    backends = busy(postmaster)
                    kill(dice.choice(backends) if number % 2 else postmaster, *(() if number % 2 else backends))
                    if number % 2:  # it ends the others in a moment; until then some are still answered
                        until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in backends), 60)  # noqa: B023
                    else:
                        until(lambda: not postgres.running, 60)
                        postgres.start()
                work(running, 0.2)
            assert_exact(target, [sender.recorder for sender in running])
        finally:
            postgres.stop()


def moments() -> list[float]:
    """How long it works before each kill."""
    print(f"seed {SEED}, {KILLS} kills")
    dice = random.Random(SEED)  # noqa: S311 # moments, no secret
    return [dice.uniform(0, 1.2) for _ in range(KILLS)]


def work(running: list[Sender], seconds: float) -> None:
    """Until every client has been answered again, and so much longer."""
    before = [sender.recorder.answers["200"] for sender in running]

    def all_answered() -> bool:
        return all(sender.recorder.answers["200"] > was for sender, was in zip(running, before, strict=True))

    until(all_answered, 60, lambda: [sender.recorder.answers for sender in running])
    time.sleep(seconds)


def busy(postmaster: int) -> list[int]:
    """PostgreSQL's processes that serve the application."""
    children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
    named = {int(child): Path(f"/proc/{child}/cmdline") for child in children}
    return [pid for pid, line in named.items() if line.exists() and "guildhall_app" in line.read_text()]


def kill(*pids: int) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
