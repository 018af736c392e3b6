"""Storing what a file brings does not hold the event loop: others are answered between its steps."""

import asyncio
import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
import pytest

from api.activity.dtos import RecordActivity
from api.errors import UnreadableBody
from api.http.bodies import BodyReader
from api.lib.bounds import LONGEST_NUMBER, has_endless_number
from tests.imports.files import Json, event, imported, lines

# Seconds of the processor. Usual are 0.02 to 0.03; other work makes the same instructions cost several times as much.
AT_MOST = 0.2


@contextmanager
def watched(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """How long each step of the event loop has the processor; not what it waits for."""
    steps: list[float] = []
    run = asyncio.Handle._run

    def timed(handle: asyncio.Handle) -> None:
        began = time.thread_time()
        run(handle)
        steps.append(time.thread_time() - began)

    gc.disable()  # of all that the tests have made
    with monkeypatch.context() as patch:
        patch.setattr(asyncio.Handle, "_run", timed)
        yield steps
    gc.enable()


def wide(n: int) -> Json:
    """A member who has ninety stats of the bot's own."""
    return {"member": {"user_id": str(10**17 + n), "xp": n, "custom_stats": {f"stat_{k}": n + 1 for k in range(90)}}}


def session(n: int) -> Json:
    """A day in a voice channel."""
    at = f"2026-11-{n % 20 + 1:02}T00:00:00Z"
    return event(n, at, 10**17 + n, type="voice", seconds=86_400)


@pytest.mark.parametrize(
    ("source", "file"),
    [
        ("guildhall", lines({"guildhall": 1}, *(wide(n) for n in range(1000)))),
        ("events", lines(*(session(n) for n in range(1000)))),
    ],
    ids=["members of many stats", "long voice sessions"],
)
async def test_steps_are_short(
    bot: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch, source: str, file: bytes
) -> None:
    with watched(monkeypatch) as steps:
        done = await imported(bot, source, file)
    assert (done["status"], done["counts"]["imported"]) == ("finished", 1000)
    assert max(steps) <= AT_MOST


NUMBER = b"9" * 3_000_000


@pytest.mark.parametrize("source", ["guildhall", "events"])
@pytest.mark.parametrize("row", [NUMBER, b'{"member": {"xp": 0.%s}}' % NUMBER], ids=["bare", "within"])
async def test_a_number_without_end_is_refused_unread(bot: httpx2.AsyncClient, source: str, row: bytes) -> None:
    """A decoder reads it in 60 ms and more, in which no other thread has its turn."""
    head = lines({"guildhall": 1}) if source == "guildhall" else b""
    done = await imported(bot, source, head + row)
    assert done["refused"] == [
        {"row": 1, "pointer": "", "message": "is not readable JSON: a number has more than 400 digits"}
    ]
    with pytest.raises(UnreadableBody, match="400 digits"):
        BodyReader(RecordActivity).read(row)


def test_which_numbers_have_no_end() -> None:
    long = b"9" * (LONGEST_NUMBER + 50)
    for place in (*range(0, 120, 7), 10_000):
        for text in (b"%s", b'{"a": %s}', b"[0, -1.%se9"):
            assert has_endless_number(b" " * place + text % long)
        for text in (b'"%s"', b'["\\"%s", 7]', b'"%s', b'{"%s": 1}'):
            assert not has_endless_number(b" " * place + text % long)
    assert not has_endless_number(b"[" + b"123456789012345678," * 10_000 + b"1]")
    assert not has_endless_number(b"[" + (b"9" * 380 + b",") * 1000 + b"1]")
