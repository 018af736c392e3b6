"""Small bounds of the outermost middleware: stopping, forged addresses, long pages, workers that are no more."""

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from litestar.types import Message

from api.config import UnsafeConfiguration, load
from api.http.middleware import OutermostMiddleware
from api.http.requests import _address
from api.lib.metrics import Metrics, _remove_ended_workers
from api.lib.pagination import LARGEST_PAGE_BYTES, paginate


async def test_what_the_stop_cuts_short_is_503_and_no_500() -> None:
    begun = asyncio.Event()

    async def for_ever(_scope: Any, _receive: Any, _send: Any) -> None:  # Any: ASGI's own
        begun.set()
        await asyncio.Event().wait()

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Any:  # Any: it is never asked
        raise AssertionError

    middleware = OutermostMiddleware(for_ever, Metrics(), timeout=30, https=False)
    scope: Any = {  # Any: no more of a scope than the middleware reads
        "type": "http", "method": "GET", "path": "/", "http_version": "1.1", "headers": [(b"host", b"a")],
        "query_string": b"", "client": None,
    }  # fmt: skip
    task = asyncio.create_task(middleware(scope, receive, send))
    await begun.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert sent[0]["type"] == "http.response.start"
    assert sent[0]["status"] == 503


@pytest.mark.parametrize(
    ("host", "stored"),
    [("127.0.0.1", "127.0.0.1"), ("2001:db8::1", "2001:db8::1"), ("z" * 60, None), ("unknown", None), ("", None)],
)
def test_what_is_no_address_is_not_stored_as_one(host: str, stored: str | None) -> None:
    assert _address(host) == stored


def test_production_does_not_believe_every_proxy() -> None:
    safe = {
        "GUILDHALL_ENV": "production",
        "GUILDHALL_SECRET": "0" * 64,
        "GUILDHALL_PUBLIC_URL": "https://guildhall.test",
    }
    assert load(safe, dotenv=None).production
    with pytest.raises(UnsafeConfiguration, match="GUILDHALL_TRUSTED_PROXIES"):
        load({**safe, "GUILDHALL_TRUSTED_PROXIES": "*"}, dotenv=None)


@pytest.mark.parametrize(
    ("sizes", "shown"),
    [([1, 1, 1], 2), ([LARGEST_PAGE_BYTES, 1, 1], 1), ([LARGEST_PAGE_BYTES * 2, 1, 1], 1), ([1, 1], 2)],
)
def test_a_page_ends_before_it_is_too_long(sizes: list[int], shown: int) -> None:
    page = paginate(sizes, 2, str, str, int)
    assert len(page.items) == shown
    assert (page.next_cursor is None) == (shown == len(sizes))


def test_gauges_of_the_dead_are_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    alive = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    for pid in (ended.pid, alive.pid):
        (tmp_path / f"gauge_livesum_{pid}.db").touch()
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    _remove_ended_workers(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [f"gauge_livesum_{alive.pid}.db"]
    alive.communicate(b"\n")
