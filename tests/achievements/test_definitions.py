"""Definitions: made, read, changed, deleted, restored; by guilds and for the whole installation."""

import asyncio

import httpx2

from api.postgres.engine import PlainConnection
from tests.achievements.support import OF_ALL, OF_HARBOUR, define, draft, earned, mine
from tests.activity.test_record import message, record
from tests.support.clients import Clients
from tests.support.clock import MovableClock
from tests.support.people import ADA, BO, HARBOUR, QUARRY

CHATTERBOX = {
    "key": "chatterbox", "name": "Chatterbox", "description": "Write.\nA lot.", "icon": "💬", "hidden": False,
    "prerequisites": ["first-words"], "retroactive": False,
    "condition": {"all": [{"stat": "messages", "gte": 1000},
                          {"any": [{"stat": "level", "gte": 10}, {"stat": "streak", "gte": 7},
                                   {"stat": "duels_won", "gte": 3, "within": "30d"}]}]},
    "rewards": {"xp": 100, "role_id": "77"},
}  # fmt: skip


async def test_one_is_made_and_read(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    await define(bot, draft("first-words"))
    made = await bot.post(OF_HARBOUR, json=CHATTERBOX, headers={"X-Audit-Log-Reason": "for%20talkers"})
    assert made.status_code == 201, made.text
    view = made.json()
    assert {name: view[name] for name in CHATTERBOX} == CHATTERBOX
    assert (view["guild_id"], view["revision"], view["awarded_count"], view["rarity"]) == (str(HARBOUR), 1, 0, 0)
    assert view["awarding"] is None
    one = await bot.get(f"{OF_HARBOUR}/chatterbox")
    assert (one.json(), one.headers["etag"]) == (view, made.headers["etag"])
    known = await bot.get(f"{OF_HARBOUR}/chatterbox", headers={"If-None-Match": one.headers["etag"]})
    assert known.status_code == 304
    entry = await owner.fetchrow("SELECT * FROM audit_log WHERE target = 'chatterbox'")
    assert entry is not None
    assert (entry["action"], entry["guild_id"], entry["reason"]) == ("achievement.created", HARBOUR, "for talkers")


async def test_the_first_values(bot: httpx2.AsyncClient) -> None:
    made = (await bot.post(OF_ALL, json=draft())).json()
    assert (made["guild_id"], made["description"], made["icon"], made["hidden"]) == (None, None, None, False)
    assert (made["prerequisites"], made["retroactive"], made["rewards"]) == ([], False, {"xp": 0, "role_id": None})


async def test_sent_twice_it_is_a_conflict(bot: httpx2.AsyncClient) -> None:
    statuses = await asyncio.gather(*(bot.post(OF_HARBOUR, json=draft()) for _ in range(4)))
    assert sorted(answer.status_code for answer in statuses) == [201, 409, 409, 409]
    await bot.delete(f"{OF_HARBOUR}/chatterbox")
    again = await bot.post(OF_HARBOUR, json=draft())
    assert (again.status_code, "restore" in again.json()["detail"]) == (409, True)


async def test_who_may(
    bot: httpx2.AsyncClient,
    harbour_bot: httpx2.AsyncClient,
    mallory: httpx2.AsyncClient,
    anonymous: httpx2.AsyncClient,
    clients: Clients,
) -> None:
    await define(bot, draft(), at=OF_ALL)
    await define(bot, draft("own"))
    for path in (OF_HARBOUR, f"{OF_HARBOUR}/own", f"/v1/guilds/{HARBOUR}/members/{ADA}/achievements"):
        assert (await anonymous.get(path)).status_code == 401
        assert (await mallory.get(path)).status_code == 404
    assert (await mallory.post(OF_HARBOUR, json=draft("x"))).status_code == 404
    assert (await mallory.get(f"/v1/guilds/{QUARRY}/achievements/own")).status_code == 404
    # A key with a list of guilds reads what is of the whole installation, and writes none of it.
    assert (await harbour_bot.get(f"{OF_ALL}/chatterbox")).status_code == 200
    for answer in (
        await harbour_bot.post(OF_ALL, json=draft("x")),
        await harbour_bot.patch(f"{OF_ALL}/chatterbox", json={"name": "x"}),
        await harbour_bot.delete(f"{OF_ALL}/chatterbox"),
        await harbour_bot.post(f"{OF_ALL}/chatterbox/restore"),
    ):
        assert answer.status_code == 403
    for path in ("nothing", "NOT", "a_b", "-", "%00", "x" * 65):
        assert (await bot.get(f"{OF_HARBOUR}/{path}")).status_code == 404
        assert (await bot.patch(f"{OF_HARBOUR}/{path}", json={})).status_code == 404


async def test_a_list_goes_page_by_page_in_the_order_of_making(bot: httpx2.AsyncClient) -> None:
    names = ["c", "a", "b", "e", "d"]
    await define(bot, *map(draft, names))
    await bot.delete(f"{OF_HARBOUR}/e")
    first = (await bot.get(OF_HARBOUR, params={"limit": 3})).json()
    assert [item["key"] for item in first["items"]] == ["c", "a", "b"]
    rest = (await bot.get(OF_HARBOUR, params={"limit": 3, "cursor": first["next_cursor"]})).json()
    assert ([item["key"] for item in rest["items"]], rest["next_cursor"]) == (["d"], None)
    deleted = (await bot.get(OF_HARBOUR, params={"deleted": "true"})).json()
    assert [item["key"] for item in deleted["items"]] == ["e"]
    foreign = await bot.get(OF_ALL, params={"cursor": first["next_cursor"]})
    assert foreign.status_code == 422


async def test_a_patch_merges(bot: httpx2.AsyncClient) -> None:
    await define(bot, draft("first-words"), CHATTERBOX)
    one = f"{OF_HARBOUR}/chatterbox"
    tag = (await bot.get(one)).headers["etag"]
    changed = await bot.patch(
        one,
        json={"description": None, "rewards": {"xp": 5}, "condition": {"stat": "reactions", "gte": 1}},
        headers={"If-Match": tag},
    )
    assert changed.status_code == 200, changed.text
    view = changed.json()
    assert (view["description"], view["rewards"]) == (None, {"xp": 5, "role_id": "77"})
    assert (view["condition"], view["revision"]) == ({"stat": "reactions", "gte": 1}, 2)
    assert changed.headers["etag"] == (await bot.get(one)).headers["etag"]
    stale = await bot.patch(one, json={"name": "Late"}, headers={"If-Match": tag})
    assert stale.status_code == 412
    same = await bot.patch(one, json={"rewards": {"xp": 5}})
    assert (same.status_code, same.json()["revision"], same.json()["not_qualifying"]) == (200, 2, None)
    nothing = await bot.patch(one, json={"rewards": None, "prerequisites": None})
    assert (nothing.json()["rewards"], nothing.json()["prerequisites"]) == ({"xp": 0, "role_id": None}, [])
    assert (await bot.patch(one, json={"name": None})).status_code == 422


async def test_awards_are_no_reason_to_refuse_a_change(bot: httpx2.AsyncClient) -> None:
    await define(bot, draft(gte=1))
    before = await bot.get(f"{OF_HARBOUR}/chatterbox")
    await record(bot, message("1"))
    after = await bot.get(f"{OF_HARBOUR}/chatterbox", headers={"If-None-Match": before.headers["etag"]})
    assert after.json()["awarded_count"] == 1
    changed = await bot.patch(
        f"{OF_HARBOUR}/chatterbox", json={"name": "Talker"}, headers={"If-Match": before.headers["etag"]}
    )
    assert changed.status_code == 200


async def test_what_was_awarded_stays_as_it_was_named(bot: httpx2.AsyncClient) -> None:
    await define(bot, draft(gte=1))
    await record(bot, message("1"), message("2", user=BO), message("3", user=BO))
    changed = (
        await bot.patch(f"{OF_HARBOUR}/chatterbox", json={"name": "Other", "condition": {"stat": "messages", "gte": 2}})
    ).json()
    assert (changed["not_qualifying"], changed["awarded_count"], changed["rarity"]) == (1, 2, 1.0)
    assert (await mine(bot, ADA))["chatterbox"]["name"] == "Chatterbox"
    assert (await bot.delete(f"{OF_HARBOUR}/chatterbox")).status_code == 204
    item = (await mine(bot, ADA))["chatterbox"]
    assert (item["name"], item["progress"], item["awarded_at"] is None) == ("Chatterbox", 0.5, False)


async def test_what_stays_is_not_judged_anew(bot: httpx2.AsyncClient) -> None:
    await define(bot, draft("first"), draft("second", stat="level", gte=60, prerequisites=["first"]))
    await bot.delete(f"{OF_HARBOUR}/first")
    await bot.patch(f"/v1/guilds/{HARBOUR}/settings/leveling", json={"max_level": 50})
    one = f"{OF_HARBOUR}/second"
    assert (await bot.patch(one, json={"name": "Renamed"})).status_code == 200
    condition = {"stat": "level", "gte": 61}
    assert (await bot.patch(one, json={"condition": condition})).status_code == 422
    assert (await bot.patch(one, json={"prerequisites": ["first", "second"]})).status_code == 422


async def test_deleted_nobody_earns_it_until_it_is_restored(bot: httpx2.AsyncClient, clock: MovableClock) -> None:
    one = f"{OF_HARBOUR}/chatterbox"
    await define(bot, draft(gte=1))
    assert (await bot.delete(one, headers={"If-Match": '"other"'})).status_code == 412
    assert (await bot.delete(one)).status_code == 204
    assert (await bot.delete(one)).status_code == 404
    assert (await bot.get(one)).status_code == 404
    assert (await bot.patch(one, json={"name": "x"})).status_code == 404
    assert (await record(bot, message("1")))["achievements_unlocked"] == []
    assert await mine(bot, ADA) == {}
    restored = await bot.post(f"{one}/restore")
    assert (restored.status_code, restored.json()["deleted_at"]) == (200, None)
    assert (await bot.post(f"{one}/restore")).json() == restored.json()
    await record(bot, message("2"))
    assert await earned(bot, ADA) == {"chatterbox"}
    await bot.delete(one)
    clock.move(days=31)
    assert (await bot.post(f"{one}/restore")).status_code == 404
    # Its key is free again, and Ada keeps what she has.
    assert (await bot.post(OF_HARBOUR, json=draft(gte=5))).status_code == 201
    assert await earned(bot, ADA) == {"chatterbox"}


async def test_a_guilds_own_stands_in_the_place_of_the_installations(bot: httpx2.AsyncClient) -> None:
    await define(bot, draft(gte=1, name="Everywhere"), at=OF_ALL)
    await define(bot, draft(gte=2, name="Here"))
    await record(bot, message("1"))
    item = (await mine(bot, ADA))["chatterbox"]
    assert (item["name"], item["scope"], item["awarded_at"]) == ("Here", "guild", None)
    await bot.delete(f"{OF_HARBOUR}/chatterbox")
    await record(bot, message("2"))
    item = (await mine(bot, ADA))["chatterbox"]
    assert (item["name"], item["scope"], item["awarded_at"] is None) == ("Everywhere", "global", False)


async def test_counts_of_the_installation_are_of_all_guilds(bot: httpx2.AsyncClient) -> None:
    await define(bot, draft(gte=1), at=OF_ALL)
    await record(bot, message("1"), message("2", user=BO))
    await bot.post(f"/v1/guilds/{QUARRY}/members/{ADA}/xp", json={"amount": 1})
    view = (await bot.get(OF_ALL)).json()["items"][0]
    assert (view["awarded_count"], view["rarity"]) == (2, 2 / 3)
