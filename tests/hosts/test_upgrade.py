"""From each release to this version, with the release's own code: two hosts behind HAProxy, clients at work, `guildhall
migrate`, then one host after the other. `make test-upgrade` runs this."""

import asyncio
import os
import subprocess
import time
import tomllib
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import pytest

from api.postgres.engine import PlainConnection
from api.postgres.provision import APP, OWNER
from tests.hosts.test_rolling import DATABASE, HAPROXY, ROOT, Client, Installation
from tests.operation.servers import MEMBER, guildhall_afresh, private_folder, until
from tests.support import cluster
from tests.support.people import ADA, BO, HARBOUR, QUARRY
from tests.support.releases import RELEASES, Release, fill, repeated

pytestmark = [
    pytest.mark.skipif("GUILDHALL_TEST_UPGRADE" not in os.environ, reason="takes minutes: make test-upgrade"),
    pytest.mark.skipif(HAPROXY is None, reason="HAProxy is not installed. On Debian: sudo apt-get install haproxy"),
    pytest.mark.timeout(300),
]

HARBOUR_PATH, QUARRY_PATH = f"/v1/guilds/{HARBOUR}", f"/v1/guilds/{QUARRY}"
CODE = ("api", "tables", "piccolo_migrations", "piccolo_conf", "piccolo_conf.py", "guildhall_server")
BOARD = "/leaderboard?limit=100"
SENT_BETWEEN = 20  # events of each client before and after each step

# What both versions answer about Harbour, which the clients leave alone.
SAME = (
    "", "/settings/leveling", BOARD, "/leaderboard?stat=messages&limit=100", f"/members/{ADA}",
    f"/members/{ADA}/achievements", "/achievements", "/audit-log",
)  # fmt: skip
CHANGES = {"as_of", "next_cursor"}  # they contain the time of the request

ON = [each for each in RELEASES if each.serves_on]
STOPPED = [each for each in RELEASES if not each.serves_on]


def owner() -> dict[str, str]:
    return {"GUILDHALL_OWNER_DATABASE_URL": cluster.url(OWNER, DATABASE)}


@contextmanager
def code_of(release: Release) -> Iterator[Path]:
    """A folder with the release's code."""
    listing = ["git", "ls-tree", "--name-only", release.commit]
    there = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=False)
    if there.returncode:
        pytest.skip(f"This copy of the repository does not go back to {release.commit}: {there.stderr}")
    wanted = [name for name in CODE if name in there.stdout.splitlines()]
    with private_folder() as folder:
        packed = subprocess.run(["git", "archive", release.commit, *wanted], cwd=ROOT, capture_output=True, check=True)
        subprocess.run(["tar", "-x", "-C", str(folder)], input=packed.stdout, check=True)
        _as_if_installed(folder, release)
        yield folder


def _as_if_installed(folder: Path, release: Release) -> None:
    """Its code asks for its version under the name that the package had then."""
    shown = ["git", "show", f"{release.commit}:pyproject.toml"]
    about = tomllib.loads(subprocess.run(shown, cwd=ROOT, capture_output=True, text=True, check=True).stdout)["project"]
    metadata = folder / f"{about['name'].replace('-', '_')}-{about['version']}.dist-info" / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text(f"Metadata-Version: 2.1\nName: {about['name']}\nVersion: {about['version']}\n")


@asynccontextmanager
async def as_superuser(database: str = "postgres") -> AsyncIterator[PlainConnection]:
    connection = await asyncpg.connect(cluster.url("postgres", database))
    try:
        yield connection
    finally:
        await connection.close()


async def prepare() -> None:
    """An empty database and a log-in, as docs/production.md has them."""
    await cluster.clone(DATABASE, template=None)
    async with as_superuser() as root:
        await root.execute(f"DROP ROLE IF EXISTS {MEMBER}")
        await root.execute(f"CREATE ROLE {MEMBER} {cluster.login()}")
        await root.execute(f"GRANT {APP} TO {MEMBER}")


async def fill_database() -> None:
    async with as_superuser(DATABASE) as root:
        await root.execute(f"SET ROLE {OWNER}")
        await fill(root)


async def clean_up() -> None:
    await cluster.drop(DATABASE)
    async with as_superuser() as root:
        await root.execute(f"DROP ROLE {MEMBER}")


@pytest.fixture
def old(request: pytest.FixtureRequest) -> Iterator[Installation]:
    """Two hosts with a release's code, on a database that it has migrated and filled."""
    with ExitStack() as stack:
        code = stack.enter_context(code_of(request.param))
        asyncio.run(prepare())
        stack.callback(lambda: asyncio.run(clean_up()))
        with private_folder() as folder:
            addresses = {"DATABASE_URL": cluster.url(MEMBER, DATABASE), **owner()}
            done = guildhall_afresh(folder, "migrate", cwd=code, **addresses)
            assert done.returncode == 0, done.stderr
        asyncio.run(fill_database())
        yield Installation(stack, code)


def answers(installation: Installation, cursor: str | None = None) -> dict[str, Any]:  # Any: JSON
    """What it answers to the same requests, and the second page of a leaderboard. `cursor`: the other version's."""
    with installation.bot() as bot:
        found = {path: bot.get(HARBOUR_PATH + path) for path in SAME}
        cursor = cursor or found[BOARD].json()["next_cursor"]
        found["second page"] = bot.get(HARBOUR_PATH + BOARD, params={"cursor": cursor})
    assert {path: answer.text for path, answer in found.items() if answer.status_code != 200} == {}
    return {path: answer.json() for path, answer in found.items()}


def kept(before: Any, after: Any) -> Any:  # Any: JSON
    """What the earlier version answered, with this version's values: it may answer more members."""
    if isinstance(before, dict) and isinstance(after, dict):
        return {
            name: value if name in CHANGES else kept(value, after[name])
            for name, value in before.items()
            if name in after
        }
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        return [kept(*each) for each in zip(before, after, strict=True)]
    return after


def nothing_is_lost_or_doubled(now: Installation, clients: list[Client], before: dict[str, Any]) -> None:  # Any: JSON
    after = answers(now, before[BOARD]["next_cursor"])
    assert kept(before, after) == before
    with now.bot() as bot:
        board = bot.get(f"{QUARRY_PATH}/leaderboard", params={"stat": "messages"}).json()["items"]
        counted = {entry["user_id"]: int(entry["value"]) for entry in board}
        assert counted == {str(BO): 9} | {str(1000 + number): each.sent for number, each in enumerate(clients)}
        assert _again(bot, HARBOUR_PATH, repeated()) == 0
        for each in clients:
            assert _again(bot, QUARRY_PATH, [each.event(number) for number in range(each.sent)]) == 0


def _again(bot: httpx2.Client, guild: str, events: list[dict[str, str]]) -> int:
    """Sends events again. Returns how many were counted."""
    counted = 0
    for start in range(0, len(events), 500):
        answer = bot.post(f"{guild}/activity", json={"events": events[start : start + 500]})
        assert answer.status_code == 200, answer.text
        counted += answer.json()["accepted"]
    return counted


def go_on(clients: list[Client]) -> None:
    """Returns when each client has sent some more."""
    wanted = [client.sent + SENT_BETWEEN for client in clients]
    until(
        lambda: all(client.sent >= least for client, least in zip(clients, wanted, strict=True)),
        60,
        lambda: [client.failures[:3] for client in clients],
    )


@pytest.mark.parametrize("old", ON, ids=[each.last for each in ON], indirect=True)
def test_hosts_serve_on_while_they_are_upgraded(old: Installation) -> None:
    before = answers(old)
    with old.load(QUARRY_PATH) as clients:
        go_on(clients)
        code, old.code = old.code, None
        began = time.monotonic()
        old.run("migrate", **owner())
        seconds = time.monotonic() - began
        old.code = code
        old.renew(0)  # an old server, with the new schema
        go_on(clients)
        old.code = None
        for number in range(len(old.hosts)):
            old.renew(number)
            go_on(clients)
    assert [failure for client in clients for failure in client.failures] == []
    nothing_is_lost_or_doubled(old, clients, before)
    print(f"{sum(client.sent for client in clients)} events, 0 failed; migrated in {seconds:.1f} s")


@pytest.mark.parametrize("old", STOPPED, ids=[each.last for each in STOPPED], indirect=True)
def test_hosts_are_stopped_upgraded_and_started(old: Installation) -> None:
    """Where CHANGELOG.md says that the servers cannot go on."""
    before = answers(old)
    with old.load(QUARRY_PATH) as clients:
        go_on(clients)
    assert [failure for client in clients for failure in client.failures] == []
    for host in old.hosts:
        assert host.stop() == 0, host.said
    old.code = None
    old.run("migrate", **owner())
    for number in range(len(old.hosts)):
        old.start(number)
    nothing_is_lost_or_doubled(old, clients, before)
