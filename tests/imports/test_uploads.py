"""A guild's place for an import is taken before anything of the file is read: nobody stores files that cannot be."""

import asyncio
from collections.abc import AsyncIterator

import httpx2

from api.imports.service import PIECE
from api.postgres.engine import PlainConnection
from tests.imports.files import counts, ended, send
from tests.support.people import HARBOUR, QUARRY

ROWS = b"user_id,xp\n5,1\n"
PADDING = (b"9" * 9999 + b",1\n") * (PIECE // 10_000 + 1)  # rows that are refused


class Slow:
    """A file of which the second part comes when it may."""

    def __init__(self) -> None:
        self.is_begun, self.may_end = asyncio.Event(), asyncio.Event()
        self.breaks = False

    async def parts(self) -> AsyncIterator[bytes]:
        yield ROWS + PADDING
        self.is_begun.set()
        await self.may_end.wait()
        if self.breaks:
            raise ConnectionResetError
        yield b"7,1\n"


async def begun(bot: httpx2.AsyncClient, slow: Slow) -> "asyncio.Task[httpx2.Response]":
    """A file that is on its way in."""
    path = f"/v1/guilds/{HARBOUR}/imports?source=csv&dry_run=true"
    asked = bot.post(path, content=slow.parts(), headers={"Content-Type": "text/csv"})
    task = asyncio.ensure_future(asked)
    async with asyncio.timeout(20):
        await slow.is_begun.wait()
    return task


async def test_a_second_file_is_not_read(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    slow, unread = Slow(), Slow()
    first = await begun(bot, slow)
    path = f"/v1/guilds/{HARBOUR}/imports?source=csv"
    second = await bot.post(path, content=unread.parts(), headers={"Content-Type": "text/csv"})
    assert (second.status_code, second.json()["type"]) == (409, "urn:guildhall:problem:conflict")
    assert not unread.is_begun.is_set(), "the file was read all the same"
    assert await owner.fetchval("SELECT count(DISTINCT import_id) FROM import_chunks") == 1
    other = await send(bot, "csv", ROWS, QUARRY)
    assert other.status_code == 202
    slow.may_end.set()
    done = await first
    assert done.status_code == 202, done.text
    assert (await ended(bot, done.headers["Location"]))["status"] == "finished"
    assert (await ended(bot, other.headers["Location"]))["status"] == "finished"
    assert await owner.fetchval("SELECT count(*) FROM import_uploads") == 0


async def test_a_file_that_breaks_off_leaves_the_place(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    slow = Slow()
    slow.breaks = True
    first = await begun(bot, slow)
    slow.may_end.set()
    await asyncio.wait({first})
    assert isinstance(first.exception(), ConnectionResetError) or first.result().status_code >= 400
    assert await owner.fetchval("SELECT count(*) FROM import_uploads") == 0
    again = await send(bot, "csv", ROWS)
    assert (await ended(bot, again.headers["Location"]))["counts"] == counts(1, 1)


async def test_who_falls_silent_has_lost_the_place(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    """A process that was killed holds up nobody for long; one that comes back finds its place taken."""
    slow = Slow()
    first = await begun(bot, slow)
    await owner.execute("UPDATE import_uploads SET leased_until = now() - interval '1 second'")
    second = await send(bot, "csv", ROWS)
    assert second.status_code == 202, second.text
    slow.may_end.set()
    assert (await first).status_code == 409
    assert (await ended(bot, second.headers["Location"]))["counts"] == counts(1, 1)
