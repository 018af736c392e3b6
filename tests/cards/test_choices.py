"""`…/members/{user_id}/card`: the accent that a member chose for their own card."""

import httpx2
import pytest

from api.auth.scopes import ALL, Scope
from tests.cards.pictures import distance, opened
from tests.imports.files import imported
from tests.members.people import give, member
from tests.support.clients import Clients
from tests.support.people import ADA, BO, HARBOUR, QUARRY

PATH = f"{member(ADA)}/card"
SETTINGS = f"/v1/guilds/{HARBOUR}/settings/cards"
RED, BLUE = {"accent": "#ff2020"}, {"accent": "#2040ff"}


async def allow(bot: httpx2.AsyncClient, *, allowed: bool = True) -> None:
    assert (await bot.patch(SETTINGS, json={"members_may_choose": allowed})).status_code == 200


async def test_it_is_theirs_alone(bot: httpx2.AsyncClient) -> None:
    await give(bot, ADA, 300)
    await give(bot, BO, 300)
    await allow(bot)
    before = [await bot.get(f"{member(user)}/card.png") for user in (ADA, BO)]
    assert (await bot.get(PATH)).json() == {"accent": None}
    for _ in range(2):
        made = await bot.put(PATH, json={"accent": "#FF2020"})
        assert (made.status_code, made.json()) == (200, RED)
    after = [await bot.get(f"{member(user)}/card.png") for user in (ADA, BO)]
    assert distance(opened(before[0]), opened(after[0])) > 1
    assert before[1].headers["etag"] == after[1].headers["etag"]
    assert (await bot.get(f"{member(ADA)}/activity.png")).status_code == 200
    trail = (await bot.get(f"/v1/guilds/{HARBOUR}/audit-log")).json()["items"]
    changes = [each["changes"] for each in trail if each["action"] == "member.card_changed"]
    assert changes == [{"accent": {"before": None, "after": "#ff2020"}}], "sent twice, it changes once"


async def test_only_where_the_guild_lets_them(bot: httpx2.AsyncClient) -> None:
    """What was chosen waits until they may again, and can be taken back meanwhile."""
    await give(bot, ADA, 300)
    refused = await bot.put(PATH, json=RED)
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:guildhall:problem:conflict")
    assert "members_may_choose" in refused.json()["detail"]
    plain = (await bot.get(f"{PATH}.png")).headers["etag"]
    await allow(bot)
    await bot.put(PATH, json=RED)
    chosen = (await bot.get(f"{PATH}.png")).headers["etag"]
    await allow(bot, allowed=False)
    assert (await bot.get(f"{PATH}.png")).headers["etag"] == plain != chosen
    assert (await bot.get(PATH)).json() == RED
    assert (await bot.put(PATH, json={"accent": None})).json() == {"accent": None}


@pytest.mark.parametrize("body", [{"accent": "red"}, {"accent": "#12345"}, {"accent": 5}, {}, {"accent": None, "x": 1}])
async def test_no_colour(bot: httpx2.AsyncClient, body: object) -> None:
    await give(bot, ADA, 300)
    await allow(bot)
    assert (await bot.put(PATH, json=body)).status_code == 422


async def test_somebody_unknown(bot: httpx2.AsyncClient) -> None:
    await allow(bot)
    assert [(await bot.get(PATH)).status_code, (await bot.put(PATH, json=RED)).status_code] == [404, 404]


async def test_who_may(bot: httpx2.AsyncClient, anonymous: httpx2.AsyncClient, mallory: httpx2.AsyncClient,
                       clients: Clients) -> None:  # fmt: skip
    await give(bot, ADA, 300)
    await allow(bot)
    assert (await anonymous.put(PATH, json=RED)).status_code == 401
    assert [(await mallory.get(PATH)).status_code, (await mallory.put(PATH, json=RED)).status_code] == [404, 404]
    async with await clients.bot(scopes=ALL - {Scope.MEMBERS_WRITE}) as reader:
        assert [(await reader.get(PATH)).status_code, (await reader.put(PATH, json=RED)).status_code] == [200, 403]
    assert (await bot.get(PATH)).json() == {"accent": None}


async def test_only_what_is_known_is_replaced(bot: httpx2.AsyncClient) -> None:
    await give(bot, ADA, 300)
    await allow(bot)
    tag = (await bot.get(PATH)).headers["etag"]
    assert (await bot.put(PATH, json=RED, headers={"If-Match": tag})).status_code == 200
    assert (await bot.put(PATH, json=BLUE, headers={"If-Match": tag})).status_code == 412
    assert (await bot.get(PATH)).json() == RED


async def test_it_goes_with_the_person(bot: httpx2.AsyncClient) -> None:
    """It is part of what is stored about them, of an export and of what is erased."""
    await give(bot, ADA, 300)
    await allow(bot)
    await bot.put(PATH, json=RED)
    (row,) = (await bot.get(f"/v1/users/{ADA}/export")).json()["stored"]["members"]
    assert row["card_accent"] == "#ff2020"
    file = (await bot.get(f"/v1/guilds/{HARBOUR}/export")).content
    for mode in ("add", "max", "set"):
        await imported(bot, "guildhall", file, QUARRY, mode=mode)
        assert (await bot.get(f"/v1/guilds/{QUARRY}/members/{ADA}/card")).json() == RED
    await bot.put(PATH, json=BLUE)
    await imported(bot, "guildhall", file, mode="add")
    assert (await bot.get(PATH)).json() == BLUE, "their own is newer than a file"
    await imported(bot, "guildhall", file, mode="set")
    assert (await bot.get(PATH)).json() == RED
    await bot.delete(f"/v1/users/{ADA}")
    await give(bot, ADA, 300)
    assert (await bot.get(PATH)).json() == {"accent": None}
