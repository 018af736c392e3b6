"""A server that has no descriptor left for a new connection: it waits, costs nothing, and serves on."""

import resource
import socket
import time
from contextlib import ExitStack
from pathlib import Path

from tests.operation.servers import installation, serving, until


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
