"""What a server's log and metrics show, and what they must not."""

import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from api.lib.flood import A_SECOND
from tests.operation.servers import SECRET, Server, private_folder, serving, until

GUILD = "81384788765712384"
HIDDEN = "hunter2hunter2"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with private_folder() as folder, serving(folder) as running:
        yield running


def test_lines_say_who_did_what(server: Server) -> None:
    with server.client(server.key) as client:
        client.put(f"/v1/guilds/{GUILD}", json={"name": "Harbour"}, headers={"X-Request-ID": "one-request"})
    until(lambda: any(line.get("request_id") == "one-request" for line in server.log()), 60)
    (line,) = (line for line in server.log() if line.get("request_id") == "one-request")
    at = datetime.fromisoformat(line["at"])
    assert at.utcoffset() == UTC.utcoffset(None)
    assert abs((datetime.now(UTC) - at).total_seconds()) < 30
    assert line["level"] == "info"
    assert line["event"] == "request"
    assert (line["method"], line["route"], line["status"]) == ("PUT", "/v1/guilds/{guild_id}", 201)
    assert 0 < line["ms"] < 10_000
    assert re.fullmatch(r"key:\d+", line["actor"])
    assert str(line["guild"]) == GUILD


def test_refused_log_ins_are_logged(server: Server) -> None:
    with server.client(f"gh_{HIDDEN}") as client:
        client.get(f"/v1/guilds/{GUILD}", headers={"X-Request-ID": "refused"})
    until(lambda: any(line.get("request_id") == "refused" for line in server.log()), 60)
    (line,) = (line for line in server.log() if line.get("request_id") == "refused" and line["event"] == "request")
    assert (line["status"], line["actor"]) == (401, None)


def test_no_secret_is_ever_logged(server: Server) -> None:
    with server.client(server.key) as client:
        for method, path in (
            ("PUT", f"/v1/guilds/{GUILD}"),
            ("POST", "/v1/keys"),
            ("GET", "/admin/"),
            ("GET", "/no/such"),
        ):
            client.request(
                method,
                f"{path}?token={HIDDEN}",
                json={"name": HIDDEN, "password": HIDDEN},
                headers={"Cookie": f"id={HIDDEN}", "X-Api-Key": HIDDEN, "X-Audit-Log-Reason": HIDDEN},
            )
            client.request(method, path, content=HIDDEN, headers={"Authorization": f"Bearer gh_{HIDDEN}"})
        made = client.post("/v1/keys", json={"name": "x", "scopes": ["settings:read"]}).json()
    until(lambda: sum(line.get("route") == "/v1/keys" for line in server.log()) >= 3, 60)
    shown = server.said
    assert HIDDEN not in shown
    assert SECRET not in shown
    assert made["secret"] not in shown
    assert shown.count(server.key) == 2  # where it was made, and in the line to try


@pytest.mark.parametrize("console", [True, False])
def test_warnings_of_libraries_are_one_line_each_and_errors_keep_their_trace(*, console: bool) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _LIBRARY, str(int(console))], capture_output=True, text=True, check=True, timeout=60
    )
    said = done.stdout + done.stderr
    warned, failed = said[: said.index("gave up")], said[said.index("gave up") :]
    assert "ConnectionRefusedError" in warned
    assert "in_meeting" not in warned
    assert "in_meeting" in failed


_LIBRARY = """
import logging, sys
from api.runtime import logs
logs.configure("info", console=sys.argv[1] == "1")
def in_meeting():
    raise ConnectionRefusedError(111, "refused")
for say in (lambda: logging.getLogger("asyncpg.pool").warning("retrying", exc_info=True),
            lambda: logging.getLogger("asyncpg.pool").error("gave up", exc_info=True)):
    try:
        in_meeting()
    except OSError:
        say()
"""


def series(server: Server) -> set[str]:
    text = server.get("/metrics").text
    return {line.rpartition(" ")[0] for line in text.splitlines() if not line.startswith("#")}


def test_series_do_not_grow_with_traffic(server: Server) -> None:
    def visit(number: int) -> None:
        client.get(f"/v1/guilds/{number}")
        client.get(f"/v1/guilds/{number}/settings/module{number}")
        client.get(f"/nowhere/{number}")
        client.request(f"METHOD{number}", f"/nowhere/{number}")

    with server.client(server.key) as client:
        visit(1)
        series(server)  # itself a route
        before = series(server)
        for number in range(2, 40):
            visit(number)
        assert series(server) == before
    routes = {match[1] for name in before if (match := re.search(r'route="([^"]*)"', name))}
    assert "unmatched" in routes
    assert not any("nowhere" in route for route in routes)
    wanted = (
        "guildhall_requests_total", "guildhall_request_seconds_bucket", "guildhall_requests_in_flight",
        "guildhall_pool_in_use", "guildhall_pool_waiting", "guildhall_event_loop_lag_seconds",
        "guildhall_transactions_rolled_back", "guildhall_shed_total", "guildhall_changes_age_seconds",
    )  # fmt: skip
    names = {name.partition("{")[0] for name in before}
    assert names >= set(wanted)


def test_garbage_behind_requests_writes_nothing_but_their_lines(server: Server) -> None:
    # The lines of earlier requests come first, up to this one's.
    with server.client(server.key) as client:
        client.get("/nowhere", headers={"X-Request-ID": "the-last-one"})
    until(lambda: any(line.get("request_id") == "the-last-one" for line in server.log()), 60)
    before = len(server.log())
    request = b"GET /nowhere HTTP/1.1\r\nHost: a\r\nX-Request-ID: before-garbage\r\n\r\n"
    for _ in range(100):
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.sendall(request + b"rubbish \xff\r\n" * 50)
            assert connection.makefile("rb").read().startswith(b"HTTP/1.1 404")
    until(lambda: sum(line.get("request_id") == "before-garbage" for line in server.log()) == 100, 60)
    # What was left out of earlier lines may be shown now.
    assert {line["event"] for line in server.log()[before:]} <= {"request", "lines were left out"}
    assert "Traceback" not in server.said


def assert_bounded(lines: int, seconds: float) -> None:
    """The first of them may have fallen into a second that was about to end."""
    assert lines <= A_SECOND * (seconds + 2)


def test_lines_about_garbage_are_bounded_and_counted(server: Server) -> None:
    before, began = len(server.log()), time.monotonic()
    for _ in range(200):
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.sendall(b"\x16\x03\x01 rubbish\r\n\r\n")
            assert connection.recv(100).startswith(b"HTTP/1.1 400")

    def line_counts() -> tuple[int, int]:
        lines = server.log()[before:]
        left_out = sum(line["count"] for line in lines if line["event"] == "lines were left out")
        return sum(line["event"] == "refused" for line in lines), left_out

    until(lambda: sum(line_counts()) >= 200, 60, line_counts)
    assert_bounded(line_counts()[0], time.monotonic() - began)


def test_access_lines_of_refused_requests_are_bounded_and_counted(server: Server) -> None:
    with server.client(server.key) as client:
        made = client.post("/v1/keys", json={"name": "spent", "scopes": ["guilds:read"], "rate_limit": 1}).json()
    with server.client(made["secret"]) as client:
        before, began = len(server.log()), time.monotonic()
        for _ in range(200):
            client.get("/v1/guilds")

    def line_counts() -> tuple[int, int]:
        lines = server.log()[before:]
        left_out = sum(line["count"] for line in lines if line.get("kind") == "refused requests")
        return sum(line.get("status") == 429 for line in lines), left_out

    until(lambda: sum(line_counts()) == 199, 60, line_counts)
    assert_bounded(line_counts()[0], time.monotonic() - began)
