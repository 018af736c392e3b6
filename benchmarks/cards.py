"""Cards a second, and what a card costs, by Guildhall's drawing process and by Pillow in turn.

Both draw about the same card with the same numbers, font and face, and write a PNG. Pillow's way is the short one: one
font for all words, no smooth corners, nothing from right to left. It draws in this process, and pays for no pipe. The
writing of the PNG is much of its cost, so that it has two lanes: with zlib's level 6, its default, and with level 1."""

import asyncio
import io
import os
import time
from collections.abc import Awaitable, Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from statistics import median

import msgspec
from PIL import Image, ImageDraw, ImageFont

from api.cards import data, frames
from api.cards.data import Look
from api.cards.names import Person
from api.cards.renderer import Renderer
from api.members.dtos import MemberView, StatsView, StreakView
from api.settings.builtin.cards import CardSettings
from benchmarks.measure import ROUNDS
from benchmarks.servers import cpu_seconds

CARDS = 100  # of each way in each round
FIRST_XP, NEXT_XP = 4027, 12_980
FACE = 180

Drawing = Callable[[int], Awaitable[bytes]]


class Way(msgspec.Struct):
    """A way to draw a card of so much XP, with the outcome of each round. `pids`: the processes that it costs."""

    name: str
    draw: Drawing
    pids: list[int]
    rates: list[float] = []
    costs: list[float] = []  # ms of CPU a card
    seconds: list[float] = []  # of each card
    size: int = 0  # bytes of the first card


def measure_cards() -> None:
    """Prints each way's rate and cost, and the ratios to Pillow's."""
    asyncio.run(_measure())


async def _measure() -> None:
    renderer = Renderer(None)
    try:
        stored = await renderer.ask(frames.StoreImage("face", _face(), FACE, FACE))
        assert stored == frames.Stored(is_image=True), stored
        assert renderer._process is not None
        pids = [os.getpid(), renderer._process.pid]
        formats: tuple[frames.Format, ...] = ("png", "webp", "svg")
        ways = [Way(f"Guildhall, {each}", partial(_by_guildhall, renderer, each), pids) for each in formats]
        pillows = [Way(f"Pillow, png of level {level}", _pillows_way(level), pids[:1]) for level in (6, 1)]
        ways += pillows
        for way in ways:
            way.size = len(await way.draw(FIRST_XP))  # what is loaded once is not a card's cost
        for number in range(ROUNDS):
            for way in ways:
                await _round(way, FIRST_XP + number * CARDS)
    finally:
        await renderer.close()
    for way in ways:
        _report(way)
    for other in pillows:
        ratios = [one / two for one, two in zip(ways[0].rates, other.rates, strict=True)]
        print(f"cards: {ways[0].name} at {_spread(ratios, 2)} of the rate of {other.name}", flush=True)


async def _round(way: Way, xp: int) -> None:
    cpu, started = sum(map(cpu_seconds, way.pids)), time.perf_counter()
    for number in range(CARDS):
        begun = time.perf_counter()
        await way.draw(xp + number)
        way.seconds.append(time.perf_counter() - begun)
    way.rates.append(CARDS / (time.perf_counter() - started))
    way.costs.append((sum(map(cpu_seconds, way.pids)) - cpu) / CARDS * 1000)


def _report(way: Way) -> None:
    p99 = sorted(way.seconds)[len(way.seconds) * 99 // 100] * 1000
    print(
        f"cards, {way.name}: {_spread(way.rates, 0)} a second, {_spread(way.costs, 1)} ms of CPU a card, "
        f"p99 {p99:.0f} ms, {way.size / 1024:.0f} KiB",
        flush=True,
    )


def _spread(figures: list[float], digits: int) -> str:
    return f"{median(figures):.{digits}f} ({min(figures):.{digits}f} … {max(figures):.{digits}f})"


async def _by_guildhall(renderer: Renderer, format_: frames.Format, xp: int) -> bytes:
    person = Person(190320984123768832, "ada", "Ada Lovelace")
    shown = data.card(Look(CardSettings(), None), _member(xp), person, "face")
    drawn = await renderer.ask(frames.Draw("card", format_, shown))
    assert isinstance(drawn, frames.Drawn), drawn
    return drawn.body


def _member(xp: int) -> MemberView:
    return MemberView(
        guild_id="81384788765712384",
        user_id="190320984123768832",
        username="ada",
        display_name="Ada Lovelace",
        avatar_url=None,
        xp=xp,
        level=12,
        level_xp=0,
        next_level_xp=NEXT_XP,
        member_count=3412,
        stats=StatsView(messages=12_345, voice_seconds=123_456, reactions=0, commands=0),
        custom_stats={},
        streak=StreakView(current=12, best=30),
        first_seen_at=None,
        last_active_at=None,
        rank=3,
    )


def _face() -> bytes:
    """A picture of somebody, of 128 pixels as Discord has it."""
    written = io.BytesIO()
    Image.radial_gradient("L").resize((128, 128)).convert("RGB").save(written, "PNG")
    return written.getvalue()


def _pillows_way(level: int) -> Drawing:
    spec = find_spec("fontpkg_inter")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    path = next(Path(spec.submodule_search_locations[0]).glob("files/Inter[[]*.ttf"))
    fonts = {size: ImageFont.truetype(path, size) for size in (18, 21, 38, 46)}
    face = Image.open(io.BytesIO(_face())).convert("RGB").resize((FACE, FACE))
    mask = Image.new("L", face.size)
    ImageDraw.Draw(mask).ellipse((0, 0, FACE - 1, FACE - 1), fill=255)

    async def draw(xp: int) -> bytes:
        return _by_pillow(xp, face, mask, fonts, level)

    return draw


def _by_pillow(
    xp: int, face: Image.Image, mask: Image.Image, fonts: dict[int, ImageFont.FreeTypeFont], level: int
) -> bytes:
    image = Image.new("RGBA", (934, 282))
    draw = ImageDraw.Draw(image)
    draw.rounded_rectangle((0, 0, 933, 281), 24, fill="#1e1f2b")
    draw.ellipse((43, 43, 239, 239), outline="#8a93f7", width=5)
    image.paste(face, (51, 51), mask)
    draw.text((890, 84), "RANK #3  LEVEL 12", font=fonts[46], fill="#ffffff", anchor="rs")
    draw.text((278, 152), "Ada Lovelace", font=fonts[38], fill="#ffffff", anchor="ls")
    draw.text((540, 152), "@ada", font=fonts[21], fill="#b9bdc9", anchor="ls")
    draw.rounded_rectangle((278, 173, 890, 211), 19, fill="#34364a")
    draw.rounded_rectangle((278, 173, 278 + 612 * xp // NEXT_XP, 211), 19, fill="#5865f2")
    draw.text((875, 198), f"{xp:,} / {NEXT_XP:,} XP", font=fonts[18], fill="#ffffff", anchor="rs")
    draw.text((278, 243), "12 days   12,345   34 h", font=fonts[18], fill="#b9bdc9", anchor="ls")
    written = io.BytesIO()
    image.save(written, "PNG", compress_level=level)
    return written.getvalue()
