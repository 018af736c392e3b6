"""Two hosts behind HAProxy, on one PostgreSQL: both are renewed one after the other under load, and no request fails;
what one host changes, the other knows within a second or so."""

import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import httpx2
import pytest

from tests.operation.servers import (
    AFRESH,
    MEMBER,
    Server,
    environment,
    guildhall,
    guildhall_afresh,
    made_key,
    private_folder,
    until,
)
from tests.support import cluster
from tests.support.serving import NO_TLS

HAPROXY = shutil.which("haproxy") or shutil.which("/usr/sbin/haproxy")
pytestmark = pytest.mark.skipif(
    HAPROXY is None, reason="HAProxy is not installed. On Debian: sudo apt-get install haproxy"
)

ROOT = Path(__file__).parents[2]
GUILD = "/v1/guilds/81384788765712384"
RESTARTS = int(os.environ.get("GUILDHALL_TEST_RESTARTS", "2"))
CLIENTS = 6
DATABASE = f"hosts_{MEMBER}"
PRODUCTION = {"GUILDHALL_ENV": "production", "GUILDHALL_PUBLIC_URL": "https://guildhall.test"}


class Proxy:
    """HAProxy with the configuration of `deploy/haproxy`, before hosts whose ports stay."""

    def __init__(self, folder: Path, ports: list[int]) -> None:
        assert HAPROXY is not None
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = int(probe.getsockname()[1])
        text = (ROOT / "deploy" / "haproxy" / "haproxy.cfg").read_text()
        text = text.replace("bind :443 ssl crt /etc/haproxy/guildhall.pem", f"bind 127.0.0.1:{self.port}")
        for number, port in enumerate(ports):
            text = text.replace(f"10.0.0.1{number + 1}:8000", f"127.0.0.1:{port}")
        (folder / "haproxy.cfg").write_text(text)
        self._process = subprocess.Popen(
            [HAPROXY, "-db", "-f", str(folder / "haproxy.cfg")],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.base_url = f"http://127.0.0.1:{self.port}"

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


class Client(threading.Thread):
    """Sends events through the proxy, one after the other, until it is told to stop. Sends nothing again."""

    def __init__(self, base_url: str, key: str, number: int, guild: str = GUILD) -> None:
        super().__init__()
        self.guild = guild
        self.sent = 0
        self.failures: list[str] = []
        self._ended = threading.Event()
        self._client = httpx2.Client(
            base_url=base_url, headers={"Authorization": f"Bearer {key}"}, timeout=30, verify=NO_TLS
        )
        self._number = number

    def run(self) -> None:
        with self._client:
            while not self._ended.is_set():
                self._send()

    def _send(self) -> None:
        try:
            answer = self._client.post(f"{self.guild}/activity", json={"events": [self.event(self.sent)]})
        except httpx2.TransportError as error:
            self.failures.append(repr(error))
            return
        if answer.status_code == 200 and answer.json()["accepted"] == 1:
            self.sent += 1
        else:
            self.failures.append(f"{answer.status_code} {answer.text}")

    def event(self, number: int) -> dict[str, str]:
        return {
            "id": f"{self._number}-{number}",
            "type": "message",
            "user_id": str(1000 + self._number),
            "channel_id": "1",
            "occurred_at": datetime.now(UTC).isoformat(),
        }

    def end(self) -> None:
        self._ended.set()
        self.join()


class Installation:
    """Two hosts on one database, and a proxy before them."""

    def __init__(self, stack: ExitStack, code: Path | None = None) -> None:
        """`code`: where the hosts' code is, if it is not this version's."""
        self.folder = stack.enter_context(private_folder())
        self.code = code
        self.addresses = {
            "DATABASE_URL": cluster.url(MEMBER, DATABASE),
            "GUILDHALL_JOBS": "false",
            "GUILDHALL_ACQUIRE_TIMEOUT_MS": "20000",  # a busy machine is no fault
            "GUILDHALL_TRUSTED_PROXIES": "127.0.0.1",
            **PRODUCTION,
        }
        self.key = made_key(self.run("keys", "create", "bot", "--rate-limit", "1000000"))["secret"]
        self.hosts = [self._host(), self._host()]
        for host in self.hosts:
            stack.callback(self._kill, host)
            host.wait()
        self.proxy = Proxy(self.folder, [host.port for host in self.hosts])
        stack.callback(self.proxy.close)
        until(lambda: self._ready(self.proxy.base_url), 30)

    def run(self, *arguments: str, **values: str) -> str:
        """Runs a command to its end. Returns what it printed."""
        values = {**self.addresses, **values}
        if self.code is None:
            done = guildhall(self.folder, *arguments, **values)
        else:
            done = guildhall_afresh(self.folder, *arguments, cwd=self.code, **values)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def _host(self, port: int | None = None) -> Server:
        command = None if self.code is None else AFRESH
        environ = environment(self.folder, **self.addresses)
        return Server(self.folder, environ, (), command=command, cwd=self.code, port=port)

    def _kill(self, host: Server) -> None:
        for each in (host, *self.hosts):
            if each.process.poll() is None:
                each.process.kill()
                each.process.wait()

    def _ready(self, base_url: str) -> bool:
        try:
            return httpx2.get(f"{base_url}/health/ready", verify=NO_TLS).status_code == 200
        except httpx2.TransportError:
            return False

    def renew(self, number: int) -> None:
        """Stops a host as systemd does, and starts it again at its old port, as after an upgrade."""
        old = self.hosts[number]
        assert old.stop() == 0, old.said
        self.start(number)

    def start(self, number: int) -> None:
        """Starts a host that was stopped."""
        new = self.hosts[number] = self._host(self.hosts[number].port)
        new.wait()
        time.sleep(1.5)  # until the proxy has seen it twice

    @contextmanager
    def load(self, guild: str = GUILD) -> Iterator[list[Client]]:
        clients = [Client(self.proxy.base_url, self.key, number, guild) for number in range(CLIENTS)]
        for client in clients:
            client.start()
        try:
            yield clients
        finally:
            for client in clients:
                client.end()

    def bot(self, host: Server | None = None) -> httpx2.Client:
        base_url = self.proxy.base_url if host is None else host.base_url
        headers = {"Authorization": f"Bearer {self.key}"}
        return httpx2.Client(base_url=base_url, headers=headers, timeout=30, verify=NO_TLS)


@pytest.fixture
def installed(member: str) -> Iterator[Installation]:
    with ExitStack() as stack:
        yield Installation(stack)


@pytest.mark.timeout(120 + 60 * RESTARTS)
def test_hosts_are_renewed_one_by_one_and_no_request_fails(installed: Installation) -> None:
    with installed.bot() as bot:
        assert bot.put(GUILD, json={"name": "Harbour"}).status_code == 201
    with installed.load() as clients:
        for number in range(RESTARTS):
            before = [client.sent for client in clients]
            installed.renew(number % 2)
            assert all(client.sent > was for client, was in zip(clients, before, strict=True)), "all go on"
    sent = sum(client.sent for client in clients)
    assert [failure for client in clients for failure in client.failures] == []
    with installed.bot() as bot:
        board = bot.get(f"{GUILD}/leaderboard", params={"stat": "messages"}).json()
    assert sum(int(entry["value"]) for entry in board["items"]) == sent
    print(f"{RESTARTS} restarts, {sent} requests, 0 failed")


def _says(client: httpx2.Client, name: str) -> bool:
    return bool(client.get(GUILD).json()["name"] == name)


@pytest.mark.timeout(200)
def test_hosts_know_what_the_other_changed(installed: Installation) -> None:
    """One truth, one budget, within a second or so; and a key that one host revokes is refused by the other."""
    first, second = installed.hosts
    with installed.bot(first) as here, installed.bot(second) as there:
        assert here.put(GUILD, json={"name": "Harbour"}).status_code == 201
        for name in ("Quarry", "Harbour"):
            assert there.get(GUILD).status_code == 200  # remembered there
            assert here.patch(GUILD, json={"name": name}).status_code == 200
            until(partial(_says, there, name), 5)
        made = here.post("/v1/keys", json={"name": "spare", "scopes": ["guilds:read"]}).json()
        spare = httpx2.Client(
            base_url=second.base_url, headers={"Authorization": f"Bearer {made['secret']}"}, verify=NO_TLS
        )
        with spare:
            until(lambda: spare.get(GUILD).status_code == 200, 5)
            assert here.delete(f"/v1/keys/{made['id']}").is_success
            until(lambda: spare.get(GUILD).status_code == 401, 5)
