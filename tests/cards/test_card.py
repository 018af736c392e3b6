"""`GET …/members/{user_id}/card.png`, `.webp`, `.svg`: the rank card of a member."""

import asyncio
import xml.etree.ElementTree as ET

import httpx2
import pytest
from litestar import Litestar

from api.cards.bounds import A_SECOND
from api.cards.data import is_emoji
from api.cards.renderer import MOST_WAITING
from api.postgres.engine import PlainConnection
from tests.achievements.support import OF_HARBOUR, define, draft
from tests.cards.pictures import distance, opened
from tests.members.people import give, hide, member
from tests.support.people import ADA, BO, HARBOUR
from tests.support.wiring import services_of

CARD = f"{member(ADA)}/card"
SETTINGS = f"/v1/guilds/{HARBOUR}/settings/cards"


@pytest.mark.parametrize("kind", ["png", "webp"])
async def test_a_card(bot: httpx2.AsyncClient, kind: str) -> None:
    await give(bot, ADA, 300)
    answer = await bot.get(f"{CARD}.{kind}")
    assert answer.headers["content-type"] == f"image/{kind}"
    image = opened(answer)
    assert (image.format, image.size) == (kind.upper(), (934, 282))
    assert image.convert("RGBA").getpixel((0, 0)) == (0, 0, 0, 0), "its corners are round"


async def test_a_card_as_svg(bot: httpx2.AsyncClient) -> None:
    await give(bot, ADA, 300)
    answer = await bot.get(f"{CARD}.svg")
    assert answer.headers["content-type"] == "image/svg+xml"
    assert "sandbox" in answer.headers["content-security-policy"]
    root = ET.fromstring(answer.content)  # noqa: S314 - our own
    assert (root.get("width"), root.get("height")) == ("934", "282")
    assert b"<script" not in answer.content


async def test_it_is_not_found_as_the_profile_is_not(
    bot: httpx2.AsyncClient, mallory: httpx2.AsyncClient, owner: PlainConnection
) -> None:
    await give(bot, ADA, 300)
    answers = [
        await bot.get(f"{member(BO)}/card.png"),
        await mallory.get(f"{CARD}.png"),
        await bot.get(f"{CARD}.gif"),
        await bot.get(f"{member('007')}/card.png"),
    ]
    assert [each.status_code for each in answers] == [404] * 4
    await hide(owner, ADA)
    assert (await bot.get(f"{CARD}.png")).status_code == 200, "the guild's bot sees hidden people"


async def test_whoever_has_it_costs_no_drawing(bot: httpx2.AsyncClient, litestar_app: Litestar) -> None:
    await give(bot, ADA, 300)
    first = await bot.get(f"{CARD}.png")
    assert first.headers["cache-control"] == "no-store"
    renderer = services_of(litestar_app).renderer
    await renderer.close()
    known = {"If-None-Match": first.headers["etag"]}
    again = await bot.get(f"{CARD}.png", headers=known)
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    assert renderer._process is None, "nothing was drawn"
    assert (await bot.get(f"{CARD}.webp", headers=known)).status_code == 200, "another format is another picture"
    await give(bot, ADA, 301)
    changed = await bot.get(f"{CARD}.png", headers=known)
    assert changed.status_code == 200
    assert changed.headers["etag"] != first.headers["etag"]


async def test_the_same_numbers_have_the_same_tag(bot: httpx2.AsyncClient) -> None:
    await give(bot, ADA, 300)
    tags = {(await bot.get(f"{CARD}.png")).headers["etag"] for _ in range(2)}
    assert len(tags) == 1


async def test_icons_of_the_latest_awards(bot: httpx2.AsyncClient) -> None:
    await give(bot, ADA, 300)
    icons = ["🎉", "https://pictures.test/1.png", "GG", "🔥", "💬", "🏴‍☠️", "🎧", "🎂"]
    definitions = [draft(f"a{n}", gte=1000, icon=icon) for n, icon in enumerate(icons)]
    await define(bot, *definitions)
    tags, images = [], []
    for key in ("a1", "a2", "a0", "a3", "a4", "a5", "a6", "a7"):
        assert (await bot.put(f"{member(ADA)}/achievements/{key}")).status_code == 201
        answer = await bot.get(f"{CARD}.png")
        tags.append(answer.headers["etag"])
        images.append(opened(answer))
    assert tags[0] == tags[1], "what is not an emoji is left out"
    assert len(set(tags)) == 7, "another tag for each emoji"
    assert distance(images[1], images[6]) > 0.1
    await bot.delete(f"{OF_HARBOUR}/a0")
    assert (await bot.get(f"{CARD}.png")).headers["etag"] == tags[-1], "only the latest five are shown"
    await bot.delete(f"{member(ADA)}/achievements/a7")
    assert (await bot.get(f"{CARD}.png")).headers["etag"] == tags[-2]
    await bot.patch(SETTINGS, json={"layout": "compact"})
    compact = (await bot.get(f"{CARD}.png")).headers["etag"]
    await bot.delete(f"{member(ADA)}/achievements/a6")
    assert (await bot.get(f"{CARD}.png")).headers["etag"] == compact, "a compact card has no place for icons"


@pytest.mark.parametrize("text", ["🎉", "❤️", "👍🏽", "🇩🇪", "👩‍👩‍👧‍👦", "🏳️‍🌈", "1️⃣", "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "🏴‍☠️", "⭐"])
def test_emoji(text: str) -> None:
    assert is_emoji(text)


@pytest.mark.parametrize(
    "text", ["", "GG", "1", "a🎉", "🎉🎉", "🎉\n", "https://pictures.test/1.png", "🇩", "\u200d", "#"]
)
def test_no_emoji(text: str) -> None:
    assert not is_emoji(text)


async def test_how_it_looks(bot: httpx2.AsyncClient) -> None:
    await give(bot, ADA, 300)
    plain = opened(await bot.get(f"{CARD}.png"))
    for change in ({"accent": "#ff0000"}, {"background": "gradient"}):
        await bot.patch(SETTINGS, json=change)
        assert distance(plain, opened(await bot.get(f"{CARD}.png"))) > 0.5, change
    await bot.patch(SETTINGS, json={"layout": "compact"})
    assert opened(await bot.get(f"{CARD}.png")).size == (600, 150)
    for wrong in ({"accent": "red"}, {"accent": "#5865f2\n"}, {"layout": "tall"}, {"background": "none"}):
        assert (await bot.patch(SETTINGS, json=wrong)).status_code == 422, wrong


async def test_defaults(bot: httpx2.AsyncClient) -> None:
    expected = {"accent": "#5865f2", "background": "color", "layout": "wide", "members_may_choose": False}
    assert (await bot.get(SETTINGS)).json()["values"] == expected


@pytest.mark.parametrize("xp", [0, 2**53])
async def test_extremes(bot: httpx2.AsyncClient, xp: int) -> None:
    await give(bot, ADA, xp)
    await bot.patch(f"/v1/guilds/{HARBOUR}/settings/leveling", json={"max_level": 1000})
    assert opened(await bot.get(f"{CARD}.png")).size == (934, 282)


async def test_where_pictures_are_not_installed(
    bot: httpx2.AsyncClient, litestar_app: Litestar, monkeypatch: pytest.MonkeyPatch
) -> None:
    await give(bot, ADA, 300)
    monkeypatch.setattr(services_of(litestar_app).renderer, "is_installed", False)
    answer = await bot.get(f"{CARD}.png")
    assert (answer.status_code, answer.headers["content-type"]) == (501, "application/problem+json")
    assert "the extra `cards`" in answer.json()["detail"]
    assert (await bot.get(f"{member(BO)}/card.png")).status_code == 404


async def test_too_many_of_one_guild_in_a_second(bot: httpx2.AsyncClient, litestar_app: Litestar) -> None:
    await give(bot, ADA, 300)
    bounds = services_of(litestar_app).pictures._bounds
    bounds._full[HARBOUR] = bounds._monotonic() + 3600
    refused = await bot.get(f"{CARD}.png")
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    assert refused.json()["type"] == "urn:guildhall:problem:pictures-busy"
    bounds._full.clear()
    assert (await bot.get(f"{CARD}.png")).status_code == 200


def test_a_guilds_share() -> None:
    assert A_SECOND >= MOST_WAITING


async def test_too_many_at_once(
    bot: httpx2.AsyncClient, litestar_app: Litestar, monkeypatch: pytest.MonkeyPatch
) -> None:
    await give(bot, ADA, 300)
    renderer = services_of(litestar_app).renderer
    async with renderer._turn:
        waiting = [asyncio.create_task(bot.get(f"{CARD}.png")) for _ in range(4)]
        monkeypatch.setattr("api.cards.renderer.MOST_WAITING", 4)
        for _ in range(1000):
            if renderer._waiting == 4:
                break
            await asyncio.sleep(0.01)
        refused = await bot.get(f"{CARD}.png")
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    assert [each.status_code for each in await asyncio.gather(*waiting)] == [200] * 4
