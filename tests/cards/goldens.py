"""The pictures that cards in each script are compared with, at half their size. `python -m tests.cards.goldens` draws
them anew: look at each before you commit it."""

import asyncio
import io
from pathlib import Path

import msgspec
from PIL import Image

from api.cards import data, frames
from api.cards.data import Look
from api.cards.names import Person
from api.cards.renderer import Renderer
from api.members.dtos import MemberView
from api.settings.builtin.cards import CardSettings
from tests.support.people import ADA, HARBOUR

FOLDER = Path(__file__).parent / "golden"

NAMES = {
    "latin": "Ada Lovelace",
    "greek": "Ωρίων ο Κυνηγός",  # noqa: RUF001 - Greek
    "cyrillic": "Жюли Ёлкина",
    "arabic": "محمد العربي",
    "hebrew": "שירה כהן",
    "devanagari": "श्रीकृष्ण क्षत्रिय",
    "thai": "น้ำผึ้ง ป่าเที่ยง",
    "tamil": "தமிழ்ச்செல்வி",
    "chinese": "龙们的游戏",
    "japanese": "さくらの東京タワー",
    "korean": "한글 이름",
    "emoji": "👩‍👩‍👧‍👦🏳️‍🌈🇩🇪👍🏽❤️‍🔥",
    "wide": "W" * 32,
}
CJK = ("chinese", "japanese", "korean")


def view(**more: object) -> MemberView:
    """A profile."""
    profile: dict[str, object] = {
        "guild_id": str(HARBOUR), "user_id": str(ADA), "username": "ada", "display_name": None, "avatar_url": None,
        "xp": 4027, "level": 9, "level_xp": 3675, "next_level_xp": 4675, "rank": 3, "member_count": 3412,
        "stats": {"messages": 12345, "voice_seconds": 123456, "reactions": 0, "commands": 0}, "custom_stats": {},
        "streak": {"current": 12, "best": 30}, "first_seen_at": None, "last_active_at": None,
    }  # fmt: skip
    return msgspec.convert(profile | more, MemberView)


def card(name: str) -> frames.Draw:
    """The card of somebody of this name."""
    most: dict[str, object] = (
        {"xp": 2**53, "level": 1000, "next_level_xp": None, "rank": 1_000_000} if name == NAMES["wide"] else {}
    )
    username = name.lower() if most else "ada"
    shown = data.card(Look(CardSettings(), None), view(**most), Person(ADA, username, name), None)
    return frames.Draw("card", "png", shown)


async def drawn(renderer: Renderer, name: str) -> Image.Image:
    """The card at half its size."""
    reply = await renderer.ask(card(name))
    assert isinstance(reply, frames.Drawn)
    return Image.open(io.BytesIO(reply.body)).convert("RGB").resize((467, 141), Image.Resampling.BOX)


async def main() -> None:
    renderer = Renderer(None)
    for script, name in NAMES.items():
        image = await drawn(renderer, name)
        image.quantize(64, dither=Image.Dither.NONE).save(FOLDER / f"{script}.png", optimize=True)
    await renderer.close()


if __name__ == "__main__":
    asyncio.run(main())
