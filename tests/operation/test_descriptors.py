"""A server that has no descriptor left for a new connection: it waits, costs nothing, and serves on."""

import resource
import socket
import time
from contextlib import ExitStack, suppress
from pathlib import Path

from tests.operation.servers import installation, serving, until
from tests.support.people import ADA, HARBOUR


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def test_without_descriptors_it_neither_ends_nor_spins() -> None:
    with installation() as folder, serving(folder) as server, server.client(server.key) as client:
        pid = server.process.pid
        assert client.get("/v1/guilds").status_code == 200
        limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        assert limits[0] == min(limits[1], 65_536), "the soft limit was raised"
        open_now = len(list(Path(f"/proc/{pid}/fd").iterdir()))
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (open_now + 10, limits[1]))
        with ExitStack() as stack:
            for _ in range(60):
                stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            used = cpu_seconds(pid)
            time.sleep(1)
            assert cpu_seconds(pid) - used < 0.5
            assert client.get("/v1/guilds").status_code == 200, "who is connected is served"
        until(lambda: server.get("/health/ready").status_code == 200, 60, lambda: server.said[-2000:])
        assert "Traceback" not in server.said


def sockets(pid: int) -> set[str]:
    """The sockets that a process holds."""
    found = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            found.add(str(descriptor.readlink()))
    return {each for each in found if each.startswith("socket:")}


def children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]


def test_a_child_holds_no_socket_of_the_server() -> None:
    """Else the port is taken until the child has ended, too."""
    with installation() as folder, serving(folder) as server, server.client(server.key) as client:
        assert client.put(f"/v1/guilds/{HARBOUR}", json={"name": "Harbour"}).status_code == 201
        assert client.post(f"/v1/guilds/{HARBOUR}/members/{ADA}/xp", json={"amount": 1}).status_code == 200
        assert client.get(f"/v1/guilds/{HARBOUR}/members/{ADA}/card.png").status_code == 200
        found = children(server.process.pid)
        assert found, "the process that draws"
        ours = sockets(server.process.pid)
        assert ours
        assert [child for child in found if sockets(child) & ours] == []
