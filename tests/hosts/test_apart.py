"""Two hosts that serve, one that works and HAProxy, each with its own network, on one PostgreSQL: what hosts share, and
what happens when one of them is gone."""

import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from itertools import cycle

import httpx2
import pytest

from tests.cluster import network
from tests.cluster.clients import GUILD, Chatter, Reader, Renamer, is_named, is_ready
from tests.cluster.network import Host, host, networks
from tests.hosts.conftest import APART
from tests.hosts.test_rolling import HAPROXY, PRODUCTION, RESTARTS, ROOT
from tests.operation.servers import MEMBER, environment, guildhall, made_key, private_folder, until
from tests.support import cluster
from tests.support.serving import NO_TLS

MISSING = network.missing() or (
    None if HAPROXY else "HAProxy is not installed. On Debian: sudo apt-get install haproxy"
)
pytestmark = [pytest.mark.skipif(MISSING is not None, reason=str(MISSING)), pytest.mark.timeout(240)]

PORT = 8000
CHATTERS = 3
READY_SECONDS = 90
GO_ON_SECONDS = 60
SEEN_SECONDS = 2.0  # a change is known within half a second; a busy machine is no fault
NOTICED_SECONDS = 30.0  # two checks of HAProxy, which may have to end by their time-out, and a busy machine
LIMIT = 320
TOKEN = "0123456789abcdef" * 2
COUNTED = "guildhall_requests_total"


class Apart:
    """The installation. Processes in network namespaces share files, so PostgreSQL is reached over its socket."""

    def __init__(self, stack: ExitStack) -> None:
        self.folder = stack.enter_context(private_folder())
        values = {
            "DATABASE_URL": cluster.url(MEMBER, APART),
            "GUILDHALL_JOBS": "false",
            "GUILDHALL_ACQUIRE_TIMEOUT_MS": "20000",  # a busy machine is no fault
            "GUILDHALL_DRAIN_SECONDS": "0",
            **PRODUCTION,
        }
        self._values = values
        self.proxy, self.first, self.second, self.worker = (
            stack.enter_context(host(name, number))
            for number, name in enumerate(("proxy", "first", "second", "worker"), 31)
        )
        self.environ = environment(
            self.folder,
            **values,
            GUILDHALL_HOST="0.0.0.0",  # noqa: S104 - within a namespace
            GUILDHALL_PORT=str(PORT),
            GUILDHALL_TRUSTED_PROXIES=self.proxy.address(),
            GUILDHALL_METRICS_TOKEN=TOKEN,
        )
        self.key = self.make_key("bot", 1_000_000)
        for each in (self.first, self.second):
            self.run(each, "serve")
        self.run(self.worker, "worker")
        self._begin_proxy()
        self.addresses = [f"http://{each.address()}:{PORT}" for each in (self.first, self.second)]
        self.address = f"http://{self.proxy.address()}:{PORT}"
        for address in (*self.addresses, self.address):
            until(partial(is_ready, address), READY_SECONDS, self.said)

    def make_key(self, name: str, limit: int) -> str:
        done = guildhall(self.folder, "keys", "create", name, "--rate-limit", str(limit), **self._values)
        return made_key(done.stdout)["secret"]

    def run(self, on: Host, command: str) -> None:
        with (self.folder / f"{on.name}.log").open("ab") as log:
            on.run([sys.executable, "-m", "api", command], log=log, environ=self.environ)

    def _begin_proxy(self) -> None:
        assert HAPROXY is not None
        text = (ROOT / "deploy" / "haproxy" / "haproxy.cfg").read_text()
        text = text.replace("bind :443 ssl crt /etc/haproxy/guildhall.pem", f"bind :{PORT}")
        for number, each in enumerate((self.first, self.second), 1):
            text = text.replace(f"10.0.0.1{number}:8000", f"{each.address()}:{PORT}")
        (self.folder / "haproxy.cfg").write_text(text)
        with (self.folder / "proxy.log").open("ab") as log:
            self.proxy.run([HAPROXY, "-db", "-f", self.folder / "haproxy.cfg"], log=log, environ={})

    def served(self, number: int) -> float:
        """How many requests to record activity that host has answered."""
        headers = {"Authorization": f"Bearer {TOKEN}"}
        text = httpx2.get(f"{self.addresses[number]}/metrics", headers=headers, verify=NO_TLS).text
        lines = (line for line in text.splitlines() if line.startswith(COUNTED) and "/activity" in line)
        return sum(float(line.rpartition(" ")[2]) for line in lines)

    def said(self) -> str:
        return "\n".join(file.read_text()[-2000:] for file in sorted(self.folder.glob("*.log")))

    def client(self, address: str, key: str | None = None) -> httpx2.Client:
        headers = {"Authorization": f"Bearer {key or self.key}"}
        return httpx2.Client(base_url=address, headers=headers, timeout=30, verify=NO_TLS)


@pytest.fixture(scope="module")
def apart(member_apart: str) -> Iterator[Apart]:
    if "host=/" not in cluster.url(MEMBER, APART):
        pytest.skip("PostgreSQL has no socket here, and networks of their own do not lead to it")
    with networks() as stack:
        made = Apart(stack)
        with made.client(made.address) as bot:
            assert bot.put(GUILD, json={"name": "Harbour"}).status_code == 201
        yield made


def test_one_budget_for_both_hosts(apart: Apart) -> None:
    """A host takes a 64th of the budget at a time: so much may be left with it."""
    key = apart.make_key("one budget", LIMIT)
    clients = [apart.client(address, key) for address in apart.addresses]
    refused = dict.fromkeys(range(len(clients)), False)
    answered = 0
    started = time.monotonic()
    for number in cycle(refused):
        answer = clients[number].get(GUILD)
        refused[number] = answer.status_code == 429
        answered += answer.status_code == 200
        if all(refused.values()):
            break
    assert time.monotonic() - started < 60, "the budget of a minute was not renewed"
    assert LIMIT - 2 * LIMIT // 64 <= answered <= LIMIT
    for client in clients:
        client.close()


def test_what_one_host_changes_the_other_knows(apart: Apart) -> None:
    first, second = (apart.client(address) for address in apart.addresses)
    with first, second:
        for here, there, name in ((first, second, "Quarry"), (second, first, "Harbour")):
            assert there.get(GUILD).status_code == 200  # remembered there
            assert here.patch(GUILD, json={"name": name}).status_code == 200
            until(partial(is_named, there, name), SEEN_SECONDS)


def test_a_stream_goes_on_at_another_host(apart: Apart) -> None:
    """Whichever host its client asks next: no gap, no repeat."""
    renamer, reader = Renamer(apart.addresses, apart.key, "Moved,"), Reader(apart.addresses, apart.key, "Moved,")
    reader.most = 3
    for each in (renamer, reader):
        each.start()
    until(lambda: reader.streams >= 8, GO_ON_SECONDS, apart.said)
    renamer.end()
    renamer.join(GO_ON_SECONDS)
    until(lambda: reader.names[-1:] == renamer.names[-1:], GO_ON_SECONDS, lambda: (reader.names, renamer.names))
    reader.end()
    assert reader.names == renamer.names
    assert reader.positions == sorted({*reader.positions})
    assert reader.refusals == renamer.refusals == []


def test_the_worker_does_what_hosts_leave_to_it(apart: Apart) -> None:
    with apart.client(apart.address) as bot:
        file = {"content": b"user_id,xp\n77,500\n", "headers": {"Content-Type": "text/csv"}}
        apart.worker.kill()
        begun = bot.post(f"{GUILD}/imports?source=csv", **file)  # type: ignore[arg-type] # two of its arguments
        assert begun.status_code == 202
        location = begun.headers["Location"]
        time.sleep(1)
        assert bot.get(location).json()["status"] not in ("finished", "failed"), "no host works"
        apart.run(apart.worker, "worker")
        until(lambda: bot.get(location).json()["status"] == "finished", READY_SECONDS, apart.said)
        assert bot.get(f"{GUILD}/members/77").json()["xp"] == 500


@pytest.mark.parametrize(
    "way", ["killed", pytest.param("cut off", marks=pytest.mark.skipif(RESTARTS < 20, reason="make test-hosts"))]
)
def test_a_host_is_gone(apart: Apart, way: str) -> None:
    """Clients send again what failed; soon nothing fails any more, and each message is counted once."""
    first = 2000 if way == "killed" else 3000
    clients = [Chatter([apart.address], apart.key, first + number) for number in range(CHATTERS)]
    for client in clients:
        client.start()
    served = apart.served(1)
    until(lambda: apart.served(1) > served, GO_ON_SECONDS, apart.said)  # HAProxy sends it requests
    lost = apart.second
    if way == "killed":
        lost.kill()
    else:
        lost.unplug(network.OUTSIDE)
    until(lambda: _repeat_nothing(clients, apart), NOTICED_SECONDS, apart.said)
    if way == "killed":
        apart.run(lost, "serve")
    else:
        lost.plug(network.OUTSIDE)
    until(partial(is_ready, apart.addresses[1]), READY_SECONDS, apart.said)
    for client in clients:
        client.end()
    for client in clients:
        client.join(GO_ON_SECONDS)
    assert [refusal for client in clients for refusal in client.refusals] == []
    with apart.client(apart.address) as bot:
        board = bot.get(f"{GUILD}/leaderboard", params={"stat": "messages", "limit": 100}).json()
    counted = {entry["user_id"]: int(entry["value"]) for entry in board["items"]}
    assert {client.user: counted.get(client.user) for client in clients} == {
        client.user: len(client.acknowledged_at) for client in clients
    }


def _repeat_nothing(clients: list[Chatter], apart: Apart) -> bool:
    """Whether all goes well for a while: half of the requests would else go to the host that is gone."""
    repeated = sum(client.repeated for client in clients)
    _go_on(clients, apart, 10)
    return sum(client.repeated for client in clients) == repeated


def _go_on(clients: list[Chatter], apart: Apart, count: int = 5) -> None:
    before = [len(client.acknowledged_at) for client in clients]
    until(
        lambda: all(len(each.acknowledged_at) >= was + count for each, was in zip(clients, before, strict=True)),
        GO_ON_SECONDS,
        apart.said,
    )
