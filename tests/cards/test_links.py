"""`POST …/members/{user_id}/card-link`: an address that shows a card without credentials, for a week."""

from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import httpx2
import pytest

from api.cards.links import LIFETIME, Linked, Links
from api.postgres.engine import PlainConnection
from tests.cards.pictures import opened
from tests.members.people import give, hide, member
from tests.support.clock import MovableClock
from tests.support.people import ADA, BO, HARBOUR

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


async def linked(bot: httpx2.AsyncClient, user_id: int = ADA) -> str:
    """The path of a link."""
    answer = await bot.post(f"{member(user_id)}/card-link")
    assert answer.status_code == 200, answer.text
    assert answer.json().keys() == {"url", "expires_at"}
    return str(urlsplit(answer.json()["url"]).path)


async def test_a_link(bot: httpx2.AsyncClient, anonymous: httpx2.AsyncClient, clock: MovableClock) -> None:
    await give(bot, ADA, 300)
    answer = (await bot.post(f"{member(ADA)}/card-link")).json()
    assert answer["url"].startswith("http")
    ends = datetime.fromisoformat(answer["expires_at"])
    assert abs(ends - clock.now() - timedelta(days=7)) < timedelta(minutes=5)
    path = urlsplit(answer["url"]).path
    shown = await anonymous.get(path)
    assert opened(shown).size == (934, 282)
    assert shown.headers["cross-origin-resource-policy"] == "cross-origin"
    assert (await anonymous.get(path, headers={"If-None-Match": shown.headers["etag"]})).status_code == 304
    assert (await anonymous.get(path.replace(".png", ".webp"))).headers["content-type"] == "image/webp"


async def test_it_ends(bot: httpx2.AsyncClient, anonymous: httpx2.AsyncClient, clock: MovableClock) -> None:
    await give(bot, ADA, 300)
    path = await linked(bot)
    clock.move(days=6, hours=23)
    assert (await anonymous.get(path)).status_code == 200
    clock.move(hours=2)
    assert (await anonymous.get(path)).status_code == 404


async def test_it_shows_nobody_who_is_hidden(
    bot: httpx2.AsyncClient, anonymous: httpx2.AsyncClient, owner: PlainConnection
) -> None:
    await give(bot, ADA, 300)
    path = await linked(bot)
    await hide(owner, ADA)
    assert (await anonymous.get(path)).status_code == 404
    assert (await bot.get(path)).status_code == 404, "whoever asks"
    await hide(owner, ADA, at=None)
    assert (await anonymous.get(path)).status_code == 200


async def test_it_ends_with_erasing(bot: httpx2.AsyncClient, anonymous: httpx2.AsyncClient) -> None:
    await give(bot, ADA, 300)
    path = await linked(bot)
    assert (await bot.delete(f"/v1/users/{ADA}")).status_code == 200
    assert (await anonymous.get(path)).status_code == 404
    await give(bot, ADA, 300)
    assert (await anonymous.get(path)).status_code == 404, "who comes back is somebody else"


async def test_it_ends_with_the_guild(bot: httpx2.AsyncClient, anonymous: httpx2.AsyncClient) -> None:
    await give(bot, ADA, 300)
    path = await linked(bot)
    await bot.delete(f"/v1/guilds/{HARBOUR}")
    assert (await anonymous.get(path)).status_code == 404


async def test_who_may_make_one(bot: httpx2.AsyncClient, mallory: httpx2.AsyncClient) -> None:
    await give(bot, ADA, 300)
    assert (await bot.post(f"{member(BO)}/card-link")).status_code == 404
    assert (await mallory.post(f"{member(ADA)}/card-link")).status_code == 404


def test_a_link_has_one_spelling() -> None:
    """Base64 leaves bits of the last letter unread, takes `+` for `-`, and skips what it does not know."""
    links = Links(["secret"], lambda: NOW)
    text, _ = links.write(Linked(HARBOUR, ADA, 1))
    assert links.read(text) == Linked(HARBOUR, ADA, 1)
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = letters.index(text[-1])
    spellings = [text[:-1] + letters[last ^ bits] for bits in (1, 2, 3)]
    spellings += [f"{text}=", f"{text}====", f"{text[:5]}!{text[5:]}", f"{text[:5]}\n{text[5:]}", f"{text}\0"]
    spellings += [text.replace(*pair) for pair in (("-", "+"), ("_", "/")) if pair[0] in text]
    assert [links.read(each) for each in spellings] == [None] * len(spellings)


async def test_what_is_no_link(bot: httpx2.AsyncClient, anonymous: httpx2.AsyncClient) -> None:
    await give(bot, ADA, 300)
    path = await linked(bot)
    text = path.split("/")[3]
    for wrong in (
        "a",
        text[:-1],
        text[:-2] + ("AA" if text[-2:] != "AA" else "BB"),
        "B" + text[1:],
        "é",
        "%00",
        "_" * 300,
    ):
        assert (await anonymous.get(path.replace(text, wrong))).status_code == 404, wrong


def test_each_bit_counts() -> None:
    links = Links(["0" * 64], lambda: NOW)
    text, ends = links.write(Linked(HARBOUR, ADA, 7))
    assert (links.read(text), ends) == (Linked(HARBOUR, ADA, 7), NOW + LIFETIME)
    for place in range(len(text)):
        for letter in "Aa-9":
            changed = text[:place] + letter + text[place + 1 :]
            assert changed == text or links.read(changed) is None, (place, letter)


def test_the_previous_secret_counts() -> None:
    text, _ = Links(["1" * 64], lambda: NOW).write(Linked(HARBOUR, ADA, 7))
    assert Links(["0" * 64, "1" * 64], lambda: NOW).read(text) is not None
    assert Links(["0" * 64], lambda: NOW).read(text) is None


@pytest.mark.parametrize("text", ["", "A", "A" * 59, "\U0001f525"])
def test_what_nobody_wrote(text: str) -> None:
    assert Links(["0" * 64], lambda: NOW).read(text) is None
