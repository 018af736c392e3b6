"""Three servers of PostgreSQL under Patroni with one etcd, on hosts of their own, as `deploy/patroni` has them."""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import yaml

from api.postgres.embedded.binaries import find_binaries
from api.postgres.embedded.user import ServerUser, grant_traverse, hand_over, prepare_folders, server_user
from tests.cluster.network import INSIDE, OUTSIDE, Host, host
from tests.operation.servers import private_folder, until

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "deploy" / "patroni" / "patroni.yml"
PATRONI = Path(os.environ.get("PATRONI", ROOT / ".venv-cluster" / "bin" / "patroni"))
ETCD = shutil.which("etcd")

NAMES = ("first", "second", "third")
PASSWORD = "change-me-1"  # the example's
START_SECONDS = 120
LAG_BYTES = 100_000


def missing() -> str | None:
    """What the cluster needs, and is not here."""
    if not PATRONI.exists():
        return "Patroni is not installed: run `make test-cluster`"
    if ETCD is None:
        return "etcd is not installed. On Debian: sudo apt-get install etcd-server"
    return None


class Node:
    """One server: a host with Patroni and PostgreSQL."""

    def __init__(self, host: Host, folder: Path, user: ServerUser, config: Mapping[str, Any]) -> None:  # Any: of YAML
        self.host = host
        self.name = str(config["name"])
        self.data_dir = Path(config["postgresql"]["data_dir"])
        self._folder = folder
        self._user = user
        self._file = folder / f"{self.name}.yml"
        self._file.write_text(yaml.safe_dump(dict(config)))
        hand_over(self._file, user)

    def start(self) -> None:
        with (self._folder / f"{self.name}.log").open("ab") as log:
            self.host.run(
                [PATRONI, self._file],
                log=log,
                environ={"HOME": str(self._folder), "PATRONI_LOG_LEVEL": "INFO", "LANG": "C.UTF-8"},
                user=self._user,
            )

    @property
    def said(self) -> str:
        return (self._folder / f"{self.name}.log").read_text()

    def postmaster(self) -> int:
        return int((self.data_dir / "postmaster.pid").read_text().split()[0])


class Servers:
    """The cluster."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self._stack = stack
        self._folder = folder
        self.user = user = server_user(folder / "data")
        hand_over(folder, user)
        binaries = find_binaries()
        prepare_folders(folder / "data", binaries, user)
        trees = [PATRONI.parents[1], Path(os.path.realpath(PATRONI.parent / "python")).parents[1]]
        grant_traverse(trees, user)
        self.etcd = stack.enter_context(host("etcd", 10, INSIDE))
        self.start_etcd()
        self.nodes = [
            Node(stack.enter_context(host(name, 11 + number, INSIDE, OUTSIDE)), folder, user, self._config(number))
            for number, name in enumerate(NAMES)
        ]

    def _config(self, number: int) -> dict[str, Any]:  # Any: of YAML
        """The example's, with the addresses and folders of this run."""
        network = self.etcd.address(INSIDE).rpartition(".")[0]
        text = EXAMPLE.read_text().replace("10.0.0.21", f"{network}.{11 + number}")
        config = yaml.safe_load(text)
        name = NAMES[number]
        config["name"] = name
        config["etcd3"] = {"hosts": [f"{self.etcd.address(INSIDE)}:2379"]}
        config["postgresql"] |= {
            "data_dir": str(self._folder / name),
            "bin_dir": str(find_binaries()),
            "pgpass": str(self._folder / f"{name}.pgpass"),
            "parameters": {"unix_socket_directories": "", "fsync": "off"},  # nobody cuts the power here
            "pg_hba": [
                "host all all 127.0.0.1/32 scram-sha-256",
                "host replication replicator 127.0.0.1/32 scram-sha-256",
                "host replication replicator 198.18.0.0/15 scram-sha-256",
                "host all all 198.18.0.0/15 scram-sha-256",
            ],
        }
        del config["watchdog"]
        return dict(config)

    def start_etcd(self) -> None:
        assert ETCD is not None
        address = self.etcd.address(INSIDE)
        with (self._folder / "etcd.log").open("ab") as log:
            self.etcd.run(
                [
                    ETCD,
                    f"--data-dir={self._folder / 'etcd'}",
                    f"--listen-client-urls=http://{address}:2379",
                    f"--advertise-client-urls=http://{address}:2379",
                    f"--listen-peer-urls=http://{address}:2380",
                    f"--initial-advertise-peer-urls=http://{address}:2380",
                    f"--initial-cluster=default=http://{address}:2380",
                    "--logger=zap",
                ],
                log=log,
                environ={"ETCD_UNSUPPORTED_ARCH": os.uname().machine},
            )

    def start(self) -> None:
        for node in self.nodes:
            node.start()
        self.await_whole()

    def members(self, *asked: Node) -> list[dict[str, Any]]:  # Any: of JSON
        """As the first of these servers that answers sees them."""
        for node in asked or self.nodes:
            with suppress(OSError, ValueError):
                return list(self.ask(node, "GET", "/cluster")["members"])
        return []

    def ask(self, node: Node, method: str, path: str, body: object = None) -> Any:  # Any: of JSON
        """Asks the interface of that server's Patroni. This process is not on its network."""
        url = f"http://{node.host.address(INSIDE)}:8008{path}"
        data = ["-d", json.dumps(body), "-H", "Content-Type: application/json"] if body is not None else []
        done = node.host.output(["curl", "-s", "-m", "5", "-X", method, *data, url])
        with suppress(json.JSONDecodeError):
            return json.loads(done)
        if not done:
            raise OSError(f"{node.name} does not answer")
        return done

    def leader(self, *asked: Node) -> Node:
        """As these servers see it."""
        found: list[Node] = []

        def is_known() -> bool:
            members = self.members(*asked)
            names = [each["name"] for each in members if each["role"] == "leader" and each["state"] == "running"]
            found[:] = [node for node in self.nodes if node.name in names]
            return len(found) == 1

        until(is_known, START_SECONDS, self.members)
        return found[0]

    def others(self) -> list[Node]:
        leader = self.leader()
        return [node for node in self.nodes if node is not leader]

    def is_whole(self) -> bool:
        """One leader, and two replicas that follow it, of which commits wait for one."""
        members = self.members()
        replicas = [each for each in members if each["role"] != "leader"]
        return (
            [each["state"] for each in members if each["role"] == "leader"] == ["running"]
            and [(each["role"], each["state"]) for each in replicas] == [("quorum_standby", "streaming")] * 2
            and all(each["lag"] < LAG_BYTES for each in replicas)
        )

    def await_whole(self) -> None:
        until(self.is_whole, START_SECONDS, lambda: (self.members(), [node.said[-1500:] for node in self.nodes]))

    def configure(self, **values: object) -> None:
        """Changes settings of the whole cluster, as `patronictl edit-config` does."""
        self.ask(self.leader(), "PATCH", "/config", values)

    def url(self, login: str, database: str) -> str:
        """The address with all hosts, for those on the outer network."""
        hosts = ",".join(f"{node.host.address(OUTSIDE)}:5432" for node in self.nodes)
        return f"postgresql://{login}@{hosts}/{database}?target_session_attrs=read-write"


@contextmanager
def servers() -> Iterator[Servers]:
    """Running."""
    with private_folder() as folder, ExitStack() as stack:
        made = Servers(stack, folder)
        made.start()
        yield made
