"""The process that draws: it is there once it is needed, comes back when it dies, and ends with the server."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator

import pytest

from api.cards import frames
from api.cards.renderer import Renderer
from api.errors import PicturesBusy
from api.lib.json import JsonObject
from tests.cards.pictures import png

LETTER = frames.Draw("letter", "png", {"fonts": ["Inter"], "letter": "A"})


@pytest.fixture(scope="module")
async def renderer() -> AsyncIterator[Renderer]:
    made = Renderer(None)
    yield made
    await made.close()


def pid(renderer: Renderer) -> int:
    assert renderer._process is not None
    return renderer._process.pid


async def test_it_begins_with_the_first_picture_and_ends_with_the_server(renderer: Renderer) -> None:
    await renderer.close()
    assert renderer._process is None
    assert isinstance(await renderer.ask(LETTER), frames.Drawn)
    first = pid(renderer)
    await renderer.ask(LETTER)
    assert pid(renderer) == first
    await renderer.close()
    with pytest.raises(ProcessLookupError):
        os.kill(first, 0)


async def test_it_comes_back_when_it_dies(renderer: Renderer) -> None:
    await renderer.close()
    forgotten: list[int] = []
    renderer.on_start(lambda: forgotten.append(1))
    await renderer.ask(LETTER)
    first = pid(renderer)
    os.kill(first, signal.SIGKILL)
    assert isinstance(await renderer.ask(LETTER), frames.Drawn)
    assert pid(renderer) != first
    assert len(forgotten) == 2


async def test_what_takes_too_long_is_ended(renderer: Renderer, monkeypatch: pytest.MonkeyPatch) -> None:
    await renderer.ask(LETTER)
    first = pid(renderer)
    os.kill(first, signal.SIGSTOP)
    monkeypatch.setattr("api.cards.renderer.SECONDS", 0.05)
    with pytest.raises(PicturesBusy):
        await renderer.ask(LETTER)
    with pytest.raises(ProcessLookupError):
        os.kill(first, 0)
    monkeypatch.undo()
    assert isinstance(await renderer.ask(LETTER), frames.Drawn)


async def test_who_goes_away_disturbs_nobody(renderer: Renderer) -> None:
    task = asyncio.create_task(renderer.ask(frames.FindBoxes()))
    await asyncio.sleep(0)
    task.cancel()
    assert isinstance(await renderer.ask(LETTER), frames.Drawn)


async def test_it_ends_when_its_input_does() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "api.cards.drawing", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdin is not None
    process.stdin.close()
    assert await process.wait() == 0


async def test_a_name_is_no_markup(renderer: Renderer) -> None:
    data: JsonObject = {"fonts": ["Inter"], "letter": '#panic("no") $x$ *b* \\ " ]'}
    assert isinstance(await renderer.ask(frames.Draw("letter", "png", data)), frames.Drawn)


async def test_what_cannot_be_drawn_stops_nobody(renderer: Renderer) -> None:
    with pytest.raises(PicturesBusy):
        await renderer.ask(frames.Draw("no-such-template", "png", {}))
    assert isinstance(await renderer.ask(LETTER), frames.Drawn)


async def test_one_upload_at_a_time(renderer: Renderer) -> None:
    upload = frames.EncodeBackground(png(2000, 2000), 4096, 512 * 1024)
    replies = await asyncio.gather(*(renderer.ask(upload) for _ in range(3)), return_exceptions=True)
    assert [type(reply) for reply in replies] == [frames.Encoded, PicturesBusy, PicturesBusy]
    assert isinstance(await renderer.ask(upload), frames.Encoded), "the place is free again"


async def test_an_upload_that_fails_frees_its_place(renderer: Renderer, monkeypatch: pytest.MonkeyPatch) -> None:
    upload = frames.EncodeBackground(png(), 4096, 512 * 1024)
    await renderer.ask(LETTER)
    os.kill(pid(renderer), signal.SIGSTOP)
    with monkeypatch.context() as patched:
        patched.setattr("api.cards.renderer.SECONDS", 0.05)
        with pytest.raises(PicturesBusy, match="cannot be drawn"):
            await renderer.ask(upload)
    assert isinstance(await renderer.ask(upload), frames.Encoded)


@pytest.mark.parametrize("body", [b"", b"no image", png(3000, 3000), png()[:200]])
async def test_what_is_no_image(renderer: Renderer, body: bytes) -> None:
    assert await renderer.ask(frames.StoreImage("a", body, 180, 180)) == frames.Stored(is_image=False)


async def test_a_picture_of_an_image_that_is_not_there(renderer: Renderer) -> None:
    draw = frames.Draw("letter", "png", {"fonts": ["Inter"], "letter": "A", "file": "a"})
    assert await renderer.ask(draw) == frames.Missing(["a"])
    await renderer.ask(frames.StoreImage("a", png(), 180, 180))
    assert isinstance(await renderer.ask(draw), frames.Drawn)
