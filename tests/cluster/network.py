"""Hosts in network namespaces of their own, on two networks: one between the servers of the database, and one to those
who use it. A host can be taken off either."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO

from api.postgres.embedded.user import ServerUser

IP = shutil.which("ip") or shutil.which("/usr/sbin/ip")

INSIDE, OUTSIDE = "i", "o"  # between the servers of the database; to those who use it
_NETWORKS = {INSIDE: "198.18", OUTSIDE: "198.19"}  # set apart for tests by RFC 2544

# So that several runs on a machine do not meet.
_RUN = os.getpid() % 250 + 1


def missing() -> str | None:
    """Why there can be no namespaces here."""
    if os.geteuid() != 0:
        return "Network namespaces need root"
    if IP is None:
        return "iproute2 is not installed. On Debian: sudo apt-get install iproute2"
    tried = f"gh{_RUN}try"
    done = subprocess.run([IP, "netns", "add", tried], capture_output=True, text=True, check=False)
    if done.returncode:
        return f"Network namespaces cannot be made here: {done.stderr.strip()}"
    ip("netns", "del", tried)
    return None


def ip(*words: str) -> None:
    assert IP is not None
    subprocess.run([IP, *words], check=True, capture_output=True, stdin=subprocess.DEVNULL)


class Host:
    """A host with its own network. Its processes end with it."""

    def __init__(self, name: str, number: int, networks: Sequence[str]) -> None:
        self.name = name
        self._space = f"gh{_RUN}{name}"
        self._number = number
        self._running: list[subprocess.Popen[bytes]] = []
        ip("netns", "add", self._space)
        ip("-n", self._space, "link", "set", "lo", "up")
        for network in networks:
            inner, outer = f"g{_RUN}{network}{number}a", self._port(network)
            ip("link", "add", outer, "type", "veth", "peer", "name", inner, "netns", self._space)
            ip("link", "set", outer, "master", bridge(network), "up")
            ip("-n", self._space, "addr", "add", f"{self.address(network)}/24", "dev", inner)
            ip("-n", self._space, "link", "set", inner, "up")

    def _port(self, network: str) -> str:
        return f"g{_RUN}{network}{self._number}"

    def address(self, network: str = OUTSIDE) -> str:
        return f"{_NETWORKS[network]}.{_RUN}.{self._number}"

    def unplug(self, *networks: str) -> None:
        for network in networks:
            ip("link", "set", self._port(network), "down")

    def plug(self, *networks: str) -> None:
        for network in networks:
            ip("link", "set", self._port(network), "up")

    def run(
        self,
        command: Sequence[str | Path],
        *,
        log: IO[bytes],
        environ: Mapping[str, str],
        user: ServerUser | None = None,
    ) -> "subprocess.Popen[bytes]":
        """Starts a process on this host, as that user."""
        assert IP is not None
        become = ["setpriv", f"--reuid={user.uid}", f"--regid={user.gid}", "--clear-groups"] if user else []
        process = subprocess.Popen(
            [IP, "netns", "exec", self._space, *become, *command],
            env={"PATH": os.defpath + ":/usr/sbin:/sbin", **environ},
            cwd="/" if user else None,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        self._running.append(process)
        return process

    def output(self, command: Sequence[str]) -> str:
        """What a command prints on this host; nothing if it fails."""
        assert IP is not None
        done = subprocess.run(
            [IP, "netns", "exec", self._space, *command], capture_output=True, text=True, check=False, timeout=30
        )
        return done.stdout

    def pids(self) -> list[int]:
        """Every process on this host, also those that others have started."""
        assert IP is not None
        found = subprocess.run([IP, "netns", "pids", self._space], capture_output=True, text=True, check=True)
        return [int(word) for word in found.stdout.split()]

    def kill(self) -> None:
        """Ends every process at once, as a power cut does."""
        while pids := self.pids():
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            for process in self._running:
                process.poll()
            time.sleep(0.02)
        for process in self._running:
            process.wait()
        self._running.clear()

    def close(self) -> None:
        self.kill()
        ip("netns", "del", self._space)


def bridge(network: str) -> str:
    return f"g{_RUN}{network}"


@contextmanager
def networks() -> Iterator[ExitStack]:
    """Both networks. This process is on the outer one, as number 1."""
    with ExitStack() as stack:
        for network in _NETWORKS:
            ip("link", "add", bridge(network), "type", "bridge")
            stack.callback(ip, "link", "del", bridge(network))
            ip("link", "set", bridge(network), "up")
        ip("addr", "add", f"{_NETWORKS[OUTSIDE]}.{_RUN}.1/24", "dev", bridge(OUTSIDE))
        yield stack


@contextmanager
def host(name: str, number: int, *on: str) -> Iterator[Host]:
    made = Host(name, number, on or (OUTSIDE,))
    try:
        yield made
    finally:
        made.close()
