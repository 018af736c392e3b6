"""What a guild publishes, without credentials: the leaderboard and its members."""

import asyncio
from typing import Any

import httpx2
import pytest

from api.http.responses import JSON, MSGPACK
from api.public import limits
from tests.imports.files import imported, lines
from tests.public.conftest import SETTINGS
from tests.support.browsers import Browsers
from tests.support.people import ADA, BAD_IDS, BO, HARBOUR, MALLORY, NOBODYS, QUARRY

BOARD = "/v1/public/guilds/harbour/leaderboard"
Json = dict[str, Any]  # Any: JSON


def member(user_id: object, place: object = "harbour") -> str:
    return f"/v1/public/guilds/{place}/members/{user_id}"


async def hide(bot: httpx2.AsyncClient, user_id: int, visibility: str = "hidden") -> None:
    answer = await bot.put(f"/v1/users/{user_id}/privacy", json={"visibility": visibility, "opt_out": False})
    assert answer.status_code == 200


@pytest.mark.usefixtures("shown")
async def test_the_leaderboard(anonymous: httpx2.AsyncClient, bot: httpx2.AsyncClient) -> None:
    answer = await anonymous.get(BOARD)
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "public, max-age=30")
    found = answer.json()
    assert found["guild"] == {
        "id": str(HARBOUR), "name": "Harbour", "icon": None, "slug": "harbour", "stats": ["xp", "messages"]
    }  # fmt: skip
    inside = (await bot.get(f"/v1/guilds/{HARBOUR}/leaderboard")).json()
    assert {name: found[name] for name in inside} == inside
    assert [item["display_name"] for item in found["items"]] == ["Ada <b>", None]
    assert (await anonymous.get(f"/v1/public/guilds/{HARBOUR}/leaderboard")).json() == found


@pytest.mark.usefixtures("shown")
async def test_stats_periods_and_pages(anonymous: httpx2.AsyncClient) -> None:
    today = (await anonymous.get(BOARD, params={"stat": "messages", "period": "day"})).json()
    assert (today["period"], [item["value"] for item in today["items"]]) == ("day", [1, 1])
    first = (await anonymous.get(BOARD, params={"limit": 1})).json()
    following = (await anonymous.get(BOARD, params={"limit": 1, "cursor": first["next_cursor"]})).json()
    assert [page["items"][0]["user_id"] for page in (first, following)] == [str(ADA), str(BO)]
    around = (await anonymous.get(BOARD, params={"around": str(BO), "limit": 1})).json()
    assert [item["user_id"] for item in around["items"]] == [str(BO)]
    assert (await anonymous.get(BOARD, params={"stat": "reactions"})).status_code == 404
    assert (await anonymous.get(BOARD, params={"period": "year"})).status_code == 422


@pytest.mark.usefixtures("shown")
async def test_a_member(anonymous: httpx2.AsyncClient) -> None:
    found = (await anonymous.get(member(ADA))).json()
    assert {name: found[name] for name in ("user_id", "username", "display_name", "xp", "level", "rank")} == {
        "user_id": str(ADA), "username": "ada", "display_name": "Ada <b>", "xp": 500, "level": 3, "rank": 1
    }  # fmt: skip
    assert (found["stats"], found["achievements"]) == ({"messages": 1}, [])


@pytest.mark.usefixtures("shown")
async def test_what_is_not_published(anonymous: httpx2.AsyncClient, bot: httpx2.AsyncClient) -> None:
    assert (await bot.patch(SETTINGS, json={"stats": ["messages"]})).status_code == 200
    board = (await anonymous.get(BOARD)).json()
    assert (board["stat"], [(item["xp"], item["level"]) for item in board["items"]]) == ("messages", [(None, None)] * 2)
    found = (await anonymous.get(member(ADA))).json()
    assert [found[name] for name in ("xp", "level", "level_xp", "next_level_xp", "rank")] == [None] * 5
    assert (await anonymous.get(BOARD, params={"stat": "xp"})).status_code == 404


async def refused(anonymous: httpx2.AsyncClient, url: str) -> Json:
    answer = await anonymous.get(url)
    assert (answer.status_code, answer.headers["cache-control"]) == (404, "no-store"), url
    return {name: value for name, value in answer.json().items() if name not in ("instance", "request_id")}


@pytest.mark.usefixtures("shown")
async def test_off_unknown_and_hidden_are_alike(anonymous: httpx2.AsyncClient, bot: httpx2.AsyncClient) -> None:
    off = await refused(anonymous, f"/v1/public/guilds/{QUARRY}/leaderboard")
    await hide(bot, BO)
    for url in (
        f"/v1/public/guilds/{NOBODYS}/leaderboard",
        "/v1/public/guilds/nobodys/leaderboard",
        member(ADA, QUARRY),
        member(MALLORY),
        member(BO),
        *(member(each) for each in BAD_IDS if each not in ("..", "%2e%2e")),
        *(
            f"/v1/public/guilds/{each}/leaderboard"
            for each in (*BAD_IDS, "har%00bour", "harbour%0A", "%F0%9F%A6%8A")
            if each not in ("..", "%2e%2e")
        ),
    ):
        assert await refused(anonymous, url) == off, url
    assert [item["user_id"] for item in (await anonymous.get(BOARD)).json()["items"]] == [str(ADA)]
    assert (await bot.patch(SETTINGS, json={"leaderboard": "off"})).status_code == 200
    assert await refused(anonymous, BOARD) == off
    assert await refused(anonymous, member(ADA)) == off


@pytest.mark.usefixtures("shown")
async def test_credentials_show_no_more(anonymous: httpx2.AsyncClient, bot: httpx2.AsyncClient) -> None:
    await hide(bot, BO)
    assert (await bot.get(member(BO))).status_code == 404
    assert (await bot.get(BOARD)).json() == (await anonymous.get(BOARD)).json()


@pytest.mark.usefixtures("shown")
async def test_it_goes_with_its_guild(anonymous: httpx2.AsyncClient, bot: httpx2.AsyncClient) -> None:
    assert (await bot.delete(f"/v1/guilds/{HARBOUR}")).status_code == 204
    assert (await anonymous.get(BOARD)).status_code == 404
    assert (await bot.post(f"/v1/guilds/{HARBOUR}/restore")).status_code == 200
    assert (await anonymous.get(BOARD)).status_code == 200


@pytest.mark.usefixtures("shown")
async def test_slugs_are_unique(bot: httpx2.AsyncClient) -> None:
    other = f"/v1/guilds/{QUARRY}/settings/public"
    taken = await bot.patch(other, json={"slug": "harbour"})
    assert (taken.status_code, taken.json()["type"]) == (409, "urn:guildhall:problem:slug-taken")
    kept = await bot.patch(other, json={"slug": "harbour"}, headers={"Idempotency-Key": "slug"})
    assert kept.status_code == 409
    assert (await bot.get(other)).json()["values"]["slug"] is None
    assert (await bot.patch(SETTINGS, json={"slug": "port"})).status_code == 200
    assert (await bot.patch(other, json={"slug": "harbour"})).status_code == 200


@pytest.mark.usefixtures("shown")
async def test_caches_know_what_an_answer_depends_on(anonymous: httpx2.AsyncClient) -> None:
    for url in (BOARD, member(ADA)):
        for accept in (JSON, MSGPACK):
            answer = await anonymous.get(url, headers={"Accept": accept})
            assert (answer.headers["content-type"], answer.headers.get_list("vary")) == (accept, ["Accept"]), url
            assert answer.headers.get_list("cache-control") == ["public, max-age=30"]


@pytest.mark.usefixtures("shown")
async def test_a_member_has_a_tag(anonymous: httpx2.AsyncClient, bot: httpx2.AsyncClient) -> None:
    tag = (await anonymous.get(member(ADA))).headers["etag"]
    same = await anonymous.get(member(ADA), headers={"If-None-Match": tag})
    assert (same.status_code, same.headers["etag"], same.content) == (304, tag, b"")
    assert (same.headers["cache-control"], same.headers["vary"]) == ("public, max-age=30", "Accept")
    await bot.post(f"/v1/guilds/{HARBOUR}/members/{ADA}/xp", json={"set": 600})
    assert (await anonymous.get(member(ADA), headers={"If-None-Match": tag})).status_code == 200


@pytest.mark.usefixtures("shown")
async def test_no_cache_learns_a_visitor_s_address(anonymous: httpx2.AsyncClient) -> None:
    for url in (BOARD, member(ADA), "/g/harbour", "/g/harbour/leaderboard.png"):
        headers = (await anonymous.get(url)).headers
        assert headers["x-ratelimit-bucket"] == "public", url
        assert not [value for value in headers.values() if "127.0.0.1" in value], url


@pytest.mark.usefixtures("shown")
async def test_for_members(anonymous: httpx2.AsyncClient, bot: httpx2.AsyncClient, browsers: Browsers) -> None:
    """Only people who are logged in and members of the guild see what is for members."""
    assert (await bot.patch(SETTINGS, json={"leaderboard": "members"})).status_code == 200
    ada, mallory = await browsers.log_in(ADA), await browsers.log_in(MALLORY)
    for url in (BOARD, member(ADA), "/g/harbour", f"/g/harbour/members/{ADA}", f"/g/harbour/members/{ADA}/card.png"):
        answer = await ada.get(url)
        assert (answer.status_code, answer.headers["cache-control"]) == (200, "private, max-age=30"), url
        chosen_by = "Accept, " if url.startswith("/v1") else "" if url.endswith(".png") else "Accept-Language, "
        assert answer.headers["vary"] == f"{chosen_by}Cookie", url
        for stranger in (mallory, anonymous, bot):
            assert (await stranger.get(url)).status_code == 404, url
    assert (await bot.delete(f"/v1/guilds/{HARBOUR}/members/{ADA}")).status_code == 204
    assert (await ada.get(BOARD)).status_code == 404, "who has left is no member"


@pytest.mark.usefixtures("shown")
@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "restored"}], ids=["plain", "idempotent"])
async def test_a_restored_slug_may_be_taken(bot: httpx2.AsyncClient, headers: dict[str, str]) -> None:
    for slug in ("port", "quay"):
        assert (await bot.patch(SETTINGS, json={"slug": slug})).status_code == 200
    revision = (await bot.get(SETTINGS)).json()["revision"]
    assert (await bot.patch(f"/v1/guilds/{QUARRY}/settings/public", json={"slug": "port"})).status_code == 200
    restore = f"{SETTINGS}/revisions/{revision - 1}/restore"
    refusal = await bot.post(restore, headers=headers)
    assert (refusal.status_code, refusal.json()["type"]) == (409, "urn:guildhall:problem:slug-taken")
    assert (await bot.get(SETTINGS)).json()["values"]["slug"] == "quay"


@pytest.mark.usefixtures("shown")
async def test_an_imported_slug_may_be_taken(bot: httpx2.AsyncClient) -> None:
    line = {"settings": {"module": "public", "overrides": {"slug": "harbour"}}}
    refused = (await imported(bot, "guildhall", lines({"guildhall": 1}, line), QUARRY))["refused"]
    assert [(each["row"], "slug" in each["message"]) for each in refused] == [(1, True)], refused
    assert (await bot.get(f"/v1/guilds/{QUARRY}/settings/public")).json()["values"]["slug"] is None


async def test_one_of_many_gets_a_slug(bot: httpx2.AsyncClient) -> None:
    urls = [f"/v1/guilds/{guild}/settings/public" for guild in (HARBOUR, QUARRY)]
    answers = await asyncio.gather(*(bot.patch(url, json={"slug": "raced"}) for url in urls))
    assert sorted(answer.status_code for answer in answers) == [200, 409]


@pytest.mark.parametrize("slug", ["ab", "-abc", "Harbour", "a" * 33, "har bour", "harbour\n", "12345", ""])
async def test_bad_slugs(bot: httpx2.AsyncClient, slug: str) -> None:
    answer = await bot.patch(SETTINGS, json={"slug": slug})
    assert (answer.status_code, [fault["pointer"] for fault in answer.json()["errors"]]) == (422, ["/slug"])


async def test_stats_have_no_repeats(bot: httpx2.AsyncClient) -> None:
    for stats in ([], ["xp", "xp"], ["No"]):
        assert (await bot.patch(SETTINGS, json={"stats": stats})).status_code == 422, stats


@pytest.mark.usefixtures("shown")
async def test_an_address_has_so_many_requests(
    anonymous: httpx2.AsyncClient, bot: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "A_MINUTE", 3)
    answers = [await anonymous.get(url) for url in (BOARD, "/v1/public/guilds/no/leaderboard", "/g/harbour", BOARD)]
    assert [answer.status_code for answer in answers] == [200, 404, 200, 429]
    assert int(answers[-1].headers["retry-after"]) > 0
    assert (await bot.get(f"/v1/guilds/{HARBOUR}")).status_code == 200
