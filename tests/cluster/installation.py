"""An installation of two hosts on the cluster, with clients that use it while something happens."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from itertools import pairwise

import asyncpg
import httpx2

from tests.cluster.clients import GUILD, Chatter, Reader, Renamer, Worker, is_named, is_ready
from tests.cluster.network import Host, host, networks
from tests.cluster.servers import PASSWORD, Servers, servers
from tests.operation.servers import environment, guildhall, made_key, private_folder, until
from tests.support.serving import NO_TLS

CHATTERS = 6
DATABASE = "guildhall"
PORT = 8000
READY_SECONDS = 90
GO_ON_SECONDS = 120
SEEN_SECONDS = 2.0  # a change is known within half a second; a busy machine is no fault


class Installation:
    def __init__(self, stack: ExitStack, database: Servers) -> None:
        self.database = database
        self.folder = stack.enter_context(private_folder())
        self.environ = environment(
            self.folder,
            DATABASE_URL=database.url("guildhall:app", DATABASE),
            GUILDHALL_ENV="production",
            GUILDHALL_PUBLIC_URL="https://guildhall.test",
            GUILDHALL_DATABASE_PLAINTEXT="true",
            GUILDHALL_HOST="0.0.0.0",  # noqa: S104 - within a namespace
            GUILDHALL_PORT=str(PORT),
            GUILDHALL_DRAIN_SECONDS="0",
        )
        values = {name: text for name, text in self.environ.items() if name.startswith(("GUILDHALL_", "DATABASE_"))}
        owner = {"GUILDHALL_OWNER_DATABASE_URL": database.url("guildhall_owner:owner", DATABASE)}
        done = guildhall(self.folder, "migrate", **values, **owner)
        assert done.returncode == 0, done.stdout + done.stderr
        made = guildhall(self.folder, "keys", "create", "bot", "--rate-limit", "1000000", **values)
        self.key = made_key(made.stdout)["secret"]
        self.hosts = [stack.enter_context(host(f"api{number}", 21 + number)) for number in range(2)]
        self.addresses = [f"http://{each.address()}:{PORT}" for each in self.hosts]
        for each in self.hosts:
            self.serve(each)
        for address in self.addresses:
            until(partial(is_ready, address), READY_SECONDS, self.said)
        with self.client(0) as client:
            assert client.put(GUILD, json={"name": "Harbour"}).status_code == 201
        self._loads = 0

    def serve(self, on: Host) -> None:
        with (self.folder / f"{on.name}.log").open("ab") as log:
            on.run([sys.executable, "-m", "api", "serve"], log=log, environ=self.environ)

    def said(self) -> str:
        return "\n".join(file.read_text()[-3000:] for file in sorted(self.folder.glob("*.log")))

    def client(self, number: int) -> httpx2.Client:
        headers = {"Authorization": f"Bearer {self.key}"}
        return httpx2.Client(base_url=self.addresses[number], headers=headers, timeout=30, verify=NO_TLS)

    @contextmanager
    def load(self, about: str) -> Iterator["Load"]:
        """Clients that work while something happens; afterwards, all that was acknowledged must be true."""
        self._loads += 1
        load = Load(self, self._loads)
        load.start()
        try:
            yield load
            load.go_on()
        finally:
            load.end()
        load.check()
        print(f"\n{about}: {load.summary()}")


class Load:
    """Six clients that send events, one that renames the guild, one that reads the stream."""

    def __init__(self, installation: Installation, number: int) -> None:
        self._installation = installation
        addresses, key, prefix = installation.addresses, installation.key, f"Load {number},"
        self.chatters = [Chatter(addresses, key, 1000 * number + each) for each in range(CHATTERS)]
        self.renamer = Renamer(addresses, key, prefix)
        self.reader = Reader(addresses, key, prefix)

    @property
    def _all(self) -> list[Worker]:
        return [*self.chatters, self.renamer, self.reader]

    def start(self) -> None:
        for each in self._all:
            each.start()
        self.go_on()

    def go_on(self) -> None:
        """Returns when each client has got further."""
        before = [len(each.acknowledged_at) for each in self.chatters], len(self.renamer.names)

        def is_further() -> bool:
            further = (len(each.acknowledged_at) >= was + 5 for each, was in zip(self.chatters, before[0], strict=True))
            return all(further) and len(self.renamer.names) >= before[1] + 3

        until(is_further, GO_ON_SECONDS, self._installation.said)

    def end(self) -> None:
        for each in (*self.chatters, self.renamer):
            each.end()
        for each in (*self.chatters, self.renamer):
            each.join(GO_ON_SECONDS)
            assert not each.is_alive(), self._installation.said()
        with suppress(AssertionError):  # `check` says more
            until(lambda: self.reader.names[-1:] == self.renamer.names[-1:], READY_SECONDS)
        self.reader.end()

    def check(self) -> None:
        """Nothing lost, nothing doubled, no gap and no repeat, and what is cached is right."""
        assert [refusal for each in self._all for refusal in each.refusals] == []
        assert self.reader.names == self.renamer.names
        assert self.reader.positions == sorted({*self.reader.positions})
        acknowledged = {each.user: len(each.acknowledged_at) for each in self.chatters}
        for number in range(len(self._installation.hosts)):
            with self._installation.client(number) as client:
                board = _board(client)
            assert {user: board.get(user) for user in acknowledged} == acknowledged
        self._check_caches()

    def _check_caches(self) -> None:
        with self._installation.client(0) as here, self._installation.client(1) as there:
            for asked, other in ((here, there), (there, here)):
                name = f"{self.renamer.prefix} as {asked.base_url}"
                assert other.get(GUILD).status_code == 200  # remembered there
                assert asked.patch(GUILD, json={"name": name}).status_code == 200
                until(partial(is_named, other, name), SEEN_SECONDS)

    def silence(self) -> float:
        """The longest time in which nothing was acknowledged to anybody, in seconds."""
        times = sorted(when for each in self.chatters for when in each.acknowledged_at)
        return max(later - earlier for earlier, later in pairwise(times))

    def summary(self) -> str:
        sent = sum(len(each.acknowledged_at) for each in self.chatters)
        repeated = sum(each.repeated for each in self.chatters)
        return (
            f"{sent} acknowledged, 0 lost, 0 doubled, {self.silence():.1f} s without writes, {repeated} repeated, "
            f"{len(self.renamer.names)} events over {self.reader.streams} streams"
        )


def _board(client: httpx2.Client) -> dict[str, int]:
    answer = client.get(f"{GUILD}/leaderboard", params={"stat": "messages", "limit": 100})
    assert answer.status_code == 200, answer.text
    return {entry["user_id"]: int(entry["value"]) for entry in answer.json()["items"]}


async def _make_database(database: Servers) -> None:
    url = database.url(f"postgres:{PASSWORD}", "postgres")
    connection = await asyncpg.connect(url)
    await connection.execute("CREATE ROLE guildhall_owner LOGIN CREATEROLE PASSWORD 'owner'")
    await connection.execute("CREATE ROLE guildhall LOGIN PASSWORD 'app'")
    await connection.execute(f"CREATE DATABASE {DATABASE} OWNER guildhall_owner")
    await connection.close()


@contextmanager
def installation() -> Iterator[Installation]:
    """Running, on a whole cluster."""
    with networks() as stack:
        database = stack.enter_context(servers())
        asyncio.run(_make_database(database))
        yield Installation(stack, database)
