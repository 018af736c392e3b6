"""Imports that outlive their process, and the commands of the command line."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import httpx2
import pytest

from api.postgres.embedded.server import EmbeddedPostgres
from api.postgres.provision import DATABASE, OWNER
from tests.imports.files import TYPES, Json, event, lines
from tests.operation.servers import environment, guildhall, installation, refusal, serving, until
from tests.support.people import ADA, HARBOUR, NOBODYS, QUARRY

GUILD = f"/v1/guilds/{HARBOUR}"


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """One installation, started again and again."""
    with installation() as made:
        with serving(made) as server, server.client(server.key) as client:
            for guild_id in (HARBOUR, QUARRY):
                assert client.put(f"/v1/guilds/{guild_id}", json={"name": "Harbour"}).status_code == 201
        yield made


def ask(client: httpx2.Client, source: str, content: bytes, **query: object) -> str:
    response = client.post(
        f"{GUILD}/imports",
        params={"source": source} | {name: str(value) for name, value in query.items()},
        content=content,
        headers={"Content-Type": TYPES[source]},
    )
    assert response.status_code == 202, response.text
    return response.headers["Location"]


def wait(client: httpx2.Client, location: str, seconds: float = 60) -> Json:
    found: Json = {}

    def has_ended() -> bool:
        found.update(client.get(location).json())
        return found["status"] in ("finished", "failed")

    until(has_ended, seconds, lambda: found)
    return found


def wait_for(client: httpx2.Client, location: str, progress: float) -> None:
    until(lambda: client.get(location).json()["progress"] >= progress, 60)


def rows(folder: Path, statement: str) -> list[tuple[object, ...]]:
    async def fetch() -> list[tuple[object, ...]]:
        connection = await asyncpg.connect(EmbeddedPostgres(folder / "data" / "postgres").url(OWNER, DATABASE))
        try:
            return [tuple(row) for row in await connection.fetch(statement)]
        finally:
            await connection.close()

    return asyncio.run(fetch())


def standings(count: int, first: int = 1000) -> bytes:
    return b"user_id,xp\n" + b"".join(b"%d,%d\n" % (first + user, user % 97) for user in range(count))


@pytest.mark.parametrize(
    ("source", "first", "count", "kill"), [("csv", 10_000_000, 15_000, 0.4), ("events", 20_000_000, 6_000, 0.3)]
)
def test_killed_in_the_middle_it_is_exact(folder: Path, source: str, first: int, count: int, kill: float) -> None:
    """`add` and events count: a row too many or too few would be seen."""
    file, query = standings(count, first), {"mode": "add"}
    if source == "events":
        moments = (f"2020-01-{1 + n % 28:02}T0{n % 7}:00:00Z" for n in range(count))
        file, query = lines(*(event(n, at, first + n % 3000) for n, at in enumerate(moments))), {}
    with serving(folder) as server, server.client(server.key) as client:
        location = ask(client, source, file, **query)
        wait_for(client, location, kill)
        os.kill(server.process.pid, signal.SIGKILL)
        server.process.wait()
    with serving(folder) as server, server.client(server.key) as client:
        found = wait(client, location)
        assert found["counts"] == {"rows": count, "imported": count, "unchanged": 0, "refused": 0}
        where = f"user_id BETWEEN {first} AND {first + count}"
        if source == "csv":
            assert rows(folder, f"SELECT count(*), sum(xp) FROM members WHERE {where}") == [
                (count, sum(user % 97 for user in range(count)))
            ]
        else:
            assert rows(folder, f"SELECT count(*), sum(messages) FROM members WHERE {where}") == [(3000, count)]
            assert rows(folder, f"SELECT sum(messages), sum(events) FROM activity_days WHERE {where}") == [
                (count, count)
            ]
        left = "SELECT (SELECT count(*) FROM jobs), (SELECT count(*) FROM import_chunks)"
        until(lambda: rows(folder, left) == [(0, 0)], 60)  # swept once it has ended
        assert server.stop() == 0


def test_a_stop_gives_the_job_back_at_once(folder: Path) -> None:
    with serving(folder) as server, server.client(server.key) as client:
        location = ask(client, "csv", standings(30_000, 30_000_000))
        wait_for(client, location, 0.1)
        client.close()
        assert server.stop() == 0
        assert "Traceback" not in server.said
    postgres = EmbeddedPostgres(folder / "data" / "postgres")
    postgres.start()
    assert rows(folder, "SELECT holder FROM jobs") == [(None,)], "nobody can have it before the lease runs out"
    postgres.stop()
    with serving(folder) as server, server.client(server.key) as client:
        assert wait(client, location)["counts"]["imported"] == 30_000


def test_a_server_without_jobs_leaves_them_to_the_worker(folder: Path) -> None:
    with serving(folder, GUILDHALL_JOBS="false") as server, server.client(server.key) as client:
        location = ask(client, "csv", standings(5, 40_000_000))
        time.sleep(1.5)
        assert client.get(location).json()["status"] == "queued"
        worker = subprocess.Popen(
            [sys.executable, "-m", "api", "worker"],
            env=environment(folder),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        try:
            assert wait(client, location)["status"] == "finished"
            worker.send_signal(signal.SIGTERM)
            output, _ = worker.communicate(timeout=60)
        finally:
            worker.kill()
        assert worker.returncode == 0, output
        assert b"Traceback" not in output


@pytest.mark.parametrize("in_thread", [False, True], ids=["alone", "beside a server"])
def test_command_imports_and_exports(folder: Path, in_thread: bool) -> None:
    file, out = folder / "standings.csv", folder / "harbour.ndjson"
    file.write_bytes(standings(2500, 50_000_000) + b"nobody,5\n")

    def transfer() -> None:
        # A guild of its own: what other tests have brought into Harbour would be exported and read each time.
        done = guildhall(folder, "import", str(QUARRY), str(file), "--source", "csv", "--mode", "max")
        assert done.returncode == 0, done.stderr
        assert "2,501 rows" in done.stdout
        assert "1 refused" in done.stdout
        assert "row 2501 at /user_id: is not an id" in done.stdout
        rehearsed = guildhall(folder, "import", str(QUARRY), str(file), "--source", "csv", "--dry-run", "--mode", "add")
        assert "nothing is stored" in rehearsed.stdout
        assert "50000001: 1 XP (level 0) -> 2 XP (level 0)" in rehearsed.stdout
        exported = guildhall(folder, "export", str(QUARRY), str(out))
        assert exported.returncode == 0, exported.stderr
        assert out.read_text().startswith('{"guildhall":1')
        assert guildhall(folder, "export", str(QUARRY)).stdout.splitlines()[1:] == out.read_text().splitlines()[1:]
        # Who runs the server may do everything: also hide somebody, and say who may come in.
        with out.open("ab") as stream:
            stream.write(lines({"member": {"user_id": "5", "xp": 1, "is_hidden": True}}))
            stream.write(lines({"settings": {"module": "privacy", "overrides": {"reader_role_ids": ["7"]}}}))
        back = guildhall(folder, "import", str(QUARRY), str(out), "--source", "guildhall")
        assert back.returncode == 0, back.stdout
        assert "0 refused" in back.stdout

    if in_thread:
        with serving(folder) as server, server.client(server.key) as client:
            transfer()
            assert client.get(f"/v1/guilds/{QUARRY}/members/50000096").json()["xp"] == 96
    else:
        transfer()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["import", str(NOBODYS), "{file}", "--source", "csv"], f"There is no guild {NOBODYS} here yet."),
        (["import", "0", "{file}", "--source", "csv"], "is not an id"),
        (["import", str(HARBOUR), "{file}", "--source", "events", "--mode", "set"], "--mode is not possible with"),
        (["import", str(HARBOUR), "{file}", "--source", "mee6"], "failed: 0 rows"),
        (["import", str(HARBOUR), "nothing.csv", "--source", "csv"], "does not exist"),
        (["export", str(NOBODYS)], f"There is no guild {NOBODYS} here yet."),
    ],
)
def test_commands_refuse_in_a_sentence(folder: Path, arguments: list[str], sentence: str) -> None:
    file = folder / "small.csv"
    file.write_bytes(standings(1))
    assert sentence in refusal(guildhall(folder, *(each.replace("{file}", str(file)) for each in arguments)))


def test_five_million_rows_fit_in_memory(folder: Path) -> None:
    """Few of them here, but 32 MB: what would be kept of each would show."""
    line = b"%d,," + b"x" * 200 + b"\n"
    file = b"user_id,xp,name\n" + b"".join(line % (60_000_000 + user) for user in range(150_000))
    with serving(folder) as server, server.client(server.key) as client:
        ask_small = ask(client, "csv", standings(10, ADA % 1000))
        wait(client, ask_small)
        before = _resident(server.process.pid)
        location = ask(client, "csv", file)
        most = before
        while client.get(location).json()["status"] in ("queued", "running"):
            most = max(most, _resident(server.process.pid))
            time.sleep(0.05)
        assert client.get(location).json()["counts"]["unchanged"] == 150_000
    assert most - before < 25 * 1024, f"{(most - before) / 1024} MiB"


def _resident(pid: int) -> int:
    """KiB."""
    text = Path(f"/proc/{pid}/status").read_text()
    return int(next(line.split()[1] for line in text.splitlines() if line.startswith("VmRSS")))
