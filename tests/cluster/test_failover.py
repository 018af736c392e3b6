"""The database moves to another server, in each way in which that happens, while clients work: whatever was
acknowledged is there once, and the time without writes is bounded. The bounds are those of `deploy/patroni`, with room
for a busy machine; what is printed stands in docs/high-availability.md."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.postgres.embedded.binaries import find_binaries
from tests.cluster import network, servers
from tests.cluster.installation import Installation, installation
from tests.cluster.network import INSIDE, OUTSIDE
from tests.cluster.servers import PASSWORD, Node
from tests.operation.servers import until

ASKED = None if os.environ.get("GUILDHALL_TEST_CLUSTER") else "It takes minutes: make test-cluster"
MISSING = ASKED or network.missing() or servers.missing()
pytestmark = [pytest.mark.skipif(MISSING is not None, reason=str(MISSING)), pytest.mark.timeout(400)]

TTL = 20  # seconds after which a leader that is gone is replaced, as in the example
FAILOVER = TTL + 25
HICCUP = 15


@pytest.fixture(scope="module")
def installed() -> Iterator[Installation]:
    with installation() as made:
        yield made


@pytest.fixture(autouse=True)
def whole(installed: Installation) -> None:
    """Each test begins with a whole cluster."""
    installed.database.await_whole()


def _takes_writes(node: Node) -> bool:
    """Asked on its own host."""
    dsn = f"postgresql://postgres:{PASSWORD}@127.0.0.1/postgres"
    return node.host.output([str(find_binaries() / "psql"), "-Atc", "SELECT pg_is_in_recovery()", dsn]) == "f\n"


def _has_moved(installed: Installation, before: Node) -> bool:
    members = installed.database.members(*(node for node in installed.database.nodes if node is not before))
    return any(
        each["role"] == "leader" and each["state"] == "running" and each["name"] != before.name for each in members
    )


def _await_successor(installed: Installation, before: Node) -> None:
    until(
        lambda: _has_moved(installed, before),
        FAILOVER,
        lambda: [node.said[-1500:] for node in installed.database.nodes],
    )


def test_leader_is_killed(installed: Installation) -> None:
    with installed.load("leader killed") as load:
        leader = installed.database.leader()
        leader.host.kill()
        _await_successor(installed, leader)
        load.go_on()
        leader.start()
        installed.database.await_whole()
    assert load.silence() < FAILOVER


def test_postgres_of_the_leader_is_killed(installed: Installation) -> None:
    """Its Patroni lives: it starts PostgreSQL again, or another server becomes the leader."""
    with installed.load("PostgreSQL of the leader killed") as load:
        os.kill(installed.database.leader().postmaster(), signal.SIGKILL)
        load.go_on()
        installed.database.await_whole()
    assert load.silence() < FAILOVER + TTL


@pytest.mark.parametrize("networks", [(INSIDE, OUTSIDE), (INSIDE,)], ids=["from everybody", "from the other servers"])
def test_leader_is_cut_off(installed: Installation, networks: tuple[str, ...]) -> None:
    """Also while Guildhall still reaches it: what it commits alone is acknowledged to nobody."""
    with installed.load(f"leader cut off from {'everybody' if OUTSIDE in networks else 'the other servers'}") as load:
        leader = installed.database.leader()
        leader.host.unplug(*networks)
        try:
            _await_successor(installed, leader)
            until(lambda: not _takes_writes(leader), FAILOVER, lambda: leader.said[-3000:])
            load.go_on()
        finally:
            leader.host.plug(*networks)
        installed.database.await_whole()
    assert load.silence() < FAILOVER


def _receiver(node: Node) -> int:
    """The process that receives what the leader writes."""
    found = [pid for pid in node.host.pids() if b"walreceiver" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    assert len(found) == 1
    return found[0]


def test_a_slow_replica_holds_nobody_up_and_does_not_lead(installed: Installation) -> None:
    slow, quick = installed.database.others()
    with installed.load("a replica stands still, then the leader is killed") as load:
        leader = installed.database.leader()
        receiver = _receiver(slow)
        os.kill(receiver, signal.SIGSTOP)
        try:
            load.go_on()
            time.sleep(TTL)  # nothing is to happen
            load.go_on()
            assert load.silence() < HICCUP
            print(f"\na replica stands still for {TTL} s: {load.silence():.1f} s without writes")
            leader.host.kill()
            _await_successor(installed, leader)
            assert installed.database.leader(quick) is quick
            load.go_on()
        finally:
            os.kill(receiver, signal.SIGCONT)
        leader.start()
        installed.database.await_whole()
    assert load.silence() < FAILOVER


def test_etcd_is_away(installed: Installation) -> None:
    """With `failsafe_mode`, the leader goes on while it reaches the replicas."""
    with installed.load("etcd away for 40 s, with failsafe_mode") as load:
        installed.database.etcd.kill()
        time.sleep(2 * TTL)  # nothing is to happen
        load.go_on()
        installed.database.start_etcd()
        installed.database.await_whole()
    assert load.silence() < HICCUP


def test_etcd_is_away_without_failsafe_mode(installed: Installation) -> None:
    """The leader steps down. Writes go on when etcd is back."""
    installed.database.configure(failsafe_mode=False)
    time.sleep(TTL / 2)  # until each server has read it
    try:
        with installed.load("etcd away, without failsafe_mode, until the leader stepped down") as load:
            leader = installed.database.leader()
            installed.database.etcd.kill()
            until(lambda: not _takes_writes(leader), FAILOVER, lambda: leader.said[-3000:])
            installed.database.start_etcd()
            load.go_on()
            installed.database.await_whole()
        assert load.silence() < 2 * FAILOVER
    finally:
        installed.database.configure(failsafe_mode=True)


def test_planned_switchover(installed: Installation) -> None:
    with installed.load("planned switchover") as load:
        leader, candidate = installed.database.leader(), installed.database.others()[0]
        installed.database.ask(leader, "POST", "/switchover", {"leader": leader.name, "candidate": candidate.name})
        _await_successor(installed, leader)
        load.go_on()
        installed.database.await_whole()
    assert load.silence() < HICCUP
