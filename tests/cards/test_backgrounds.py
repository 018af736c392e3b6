"""`PUT`, `GET`, `DELETE …/card-background`: the picture behind a guild's cards."""

import io
import struct
import zlib

import httpx2
import pytest
from PIL import Image

from api.auth.scopes import ALL, Scope
from api.cards.backgrounds import LARGEST_KEPT, LARGEST_UPLOAD
from tests.cards.pictures import distance, opened, png
from tests.members.people import give, member
from tests.support.clients import Clients
from tests.support.people import ADA, HARBOUR

PATH = f"/v1/guilds/{HARBOUR}/card-background"
SETTINGS = f"/v1/guilds/{HARBOUR}/settings/cards"


async def put(client: httpx2.AsyncClient, body: bytes, kind: str = "image/png") -> httpx2.Response:
    return await client.put(PATH, content=body, headers={"Content-Type": kind})


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
async def test_a_picture(bot: httpx2.AsyncClient, kind: str) -> None:
    made = await put(bot, png(400, 300, kind=kind), f"image/{kind.lower()}")
    assert (made.status_code, made.json()["width"], made.json()["height"]) == (201, 400, 300)
    found = await bot.get(PATH)
    assert found.headers["content-type"] == made.json()["media_type"] == "image/jpeg"
    assert opened(found).size == (400, 300)
    assert (await bot.get(PATH, headers={"If-None-Match": found.headers["etag"]})).status_code == 304


async def test_it_is_replaced_and_deleted(bot: httpx2.AsyncClient) -> None:
    assert (await bot.get(PATH)).status_code == 404
    statuses = [(await put(bot, png(color=color))).status_code for color in ("#ff0000", "#ff0000", "#00ff00")]
    assert statuses == [201, 200, 200]
    assert [(await bot.delete(PATH)).status_code for _ in range(2)] == [204, 404]
    assert (await bot.get(PATH)).status_code == 404
    trail = (await bot.get(f"/v1/guilds/{HARBOUR}/audit-log")).json()["items"]
    actions = [each["action"] for each in trail if each["action"].startswith("card_background")]
    assert actions == ["card_background.deleted", *["card_background.replaced"] * 2]


async def test_changes_on_condition(bot: httpx2.AsyncClient) -> None:
    """The tag is that of the picture, from whichever answer."""
    kind = {"Content-Type": "image/png"}

    async def conditional_put(color: str, **conditions: str) -> httpx2.Response:
        headers = kind | {name.replace("_", "-"): value for name, value in conditions.items()}
        return await bot.put(PATH, content=png(color=color), headers=headers)

    assert (await conditional_put("#ff0000", If_Match="*")).status_code == 412, "there is none yet"
    made = await conditional_put("#ff0000", If_None_Match="*")
    assert (made.status_code, made.headers["etag"]) == (201, (await bot.get(PATH)).headers["etag"])
    assert (await conditional_put("#00ff00", If_None_Match="*")).status_code == 412
    assert (await conditional_put("#00ff00", If_Match='"other"')).status_code == 412
    changed = await conditional_put("#00ff00", If_Match=made.headers["etag"])
    assert (changed.status_code, changed.headers["etag"]) == (200, (await bot.get(PATH)).headers["etag"])
    assert changed.headers["etag"] != made.headers["etag"]
    old, new = ({"If-Match": each.headers["etag"]} for each in (made, changed))
    refused = await bot.delete(PATH, headers=old)
    assert (refused.status_code, refused.json()["type"]) == (412, "urn:guildhall:problem:precondition-failed")
    assert [(await bot.delete(PATH, headers=new)).status_code for _ in range(2)] == [204, 404]


async def test_it_lies_behind_the_card(bot: httpx2.AsyncClient) -> None:
    await give(bot, ADA, 300)
    card = f"{member(ADA)}/card.png"
    await bot.patch(SETTINGS, json={"background": "picture"})
    without = await bot.get(card)
    await put(bot, png(1000, 400, "#00c040"))
    green = await bot.get(card)
    assert green.headers["etag"] != without.headers["etag"]
    red, grass, blue, _ = opened(green).convert("RGBA").getpixel((467, 20))  # type: ignore[misc] # four numbers
    assert grass > red + 20
    assert grass > blue + 5
    await put(bot, png(1000, 400, "#c00000"))
    assert distance(opened(green), opened(await bot.get(card))) > 2
    await bot.delete(PATH)
    assert (await bot.get(card)).headers["etag"] == without.headers["etag"]


async def test_it_is_kept_small(bot: httpx2.AsyncClient) -> None:
    written = io.BytesIO()
    Image.effect_noise((2000, 1500), 90).convert("RGB").save(written, "JPEG", quality=80)
    assert LARGEST_KEPT < written.tell() < LARGEST_UPLOAD
    made = await put(bot, written.getvalue(), "image/jpeg")
    assert made.status_code == 201, made.text
    assert len((await bot.get(PATH)).content) <= LARGEST_KEPT


async def test_of_a_moving_picture_the_first_frame(bot: httpx2.AsyncClient) -> None:
    frames = [Image.new("RGB", (64, 64), color) for color in ("#ff0000", "#0000ff")]
    written = io.BytesIO()
    frames[0].save(written, "WEBP", save_all=True, append_images=frames[1:], duration=100)
    assert (await put(bot, written.getvalue(), "image/webp")).status_code == 201
    red, _, blue = opened(await bot.get(PATH)).getpixel((32, 32))  # type: ignore[misc] # three numbers
    assert red > 200 > 50 > blue


def bomb() -> bytes:
    """A PNG of a few hundred bytes that says it is 60,000 pixels on a side."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    "body",
    [
        b"no picture",
        b"",
        png()[:150],
        bomb(),
        png(4097, 1),
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        png(kind="GIF"),
    ],
)
async def test_what_is_refused(bot: httpx2.AsyncClient, body: bytes) -> None:
    refused = await put(bot, body)
    assert refused.status_code == 422, refused.text
    assert (await bot.get(PATH)).status_code == 404


async def test_bounds(bot: httpx2.AsyncClient) -> None:
    assert (await put(bot, b"a" * (LARGEST_UPLOAD + 1))).status_code == 413
    assert (await put(bot, png(), "image/gif")).status_code == 415
    assert (await put(bot, png(4096, 1))).status_code == 201


async def test_who_may(bot: httpx2.AsyncClient, mallory: httpx2.AsyncClient, clients: Clients) -> None:
    assert (await put(mallory, png())).status_code == 404
    for scope, method in (
        (Scope.SETTINGS_WRITE, "PUT"),
        (Scope.SETTINGS_READ, "GET"),
        (Scope.SETTINGS_WRITE, "DELETE"),
    ):
        async with await clients.bot(scopes=ALL - {scope}) as client:
            answer = await client.request(method, PATH, content=png(), headers={"Content-Type": "image/png"})
            assert answer.status_code == 403, method
