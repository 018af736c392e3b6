"""The starter pack."""

import httpx2
from litestar import Litestar

from api.achievements import packs
from api.auth.actors import system
from api.guilds.rules import INSTALLATION
from tests.achievements.support import OF_ALL, OF_HARBOUR, earned, keys
from tests.activity.test_record import message, record
from tests.support.people import ADA, HARBOUR
from tests.support.wiring import services_of


async def test_it_is_installed_once_for_all_or_for_one(bot: httpx2.AsyncClient, litestar_app: Litestar) -> None:
    service = services_of(litestar_app).achievements
    drafts = packs.read("starter")
    made = await packs.install(service, system("test"), INSTALLATION, "starter")
    assert made == [data.key for data in drafts]
    assert len(made) >= 12
    listed = (await bot.get(OF_ALL, params={"limit": 100})).json()["items"]
    assert [item["key"] for item in listed] == made
    assert await packs.install(service, system("test"), INSTALLATION, "starter") == []
    assert keys(await record(bot, message("1"))) == ["first-words"]
    await bot.delete(f"{OF_ALL}/pillar")
    assert await packs.install(service, system("test"), INSTALLATION, "starter") == []
    assert await packs.install(service, system("test"), HARBOUR, "starter") == made
    assert len((await bot.get(OF_HARBOUR, params={"limit": 100})).json()["items"]) == len(made)
    assert "first-words" in await earned(bot, ADA)


async def test_a_pack_is_created_by_requests_too(bot: httpx2.AsyncClient) -> None:
    [pack] = (await bot.get("/v1/achievement-packs")).json()["items"]
    assert pack["name"] == "starter"
    for each in pack["achievements"]:
        made = await bot.post(OF_HARBOUR, json=each)
        assert made.status_code == 201, made.text
        assert {name: made.json()[name] for name in each} == each
    assert len((await bot.get(OF_HARBOUR, params={"limit": 100})).json()["items"]) == len(packs.read("starter"))
