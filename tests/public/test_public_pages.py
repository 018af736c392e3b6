"""`/g/…`: pages for people, without a script."""

import gzip
import re
from typing import NoReturn

import httpx2
import pytest
from structlog.testing import capture_logs

from api.errors import NotFound
from api.members.service import MemberService
from api.public import pages
from api.public.service import PublicService
from tests.activity.test_record import message, record
from tests.public.conftest import SETTINGS
from tests.support.people import ADA, BO, HARBOUR, NOBODYS, QUARRY


@pytest.mark.usefixtures("shown")
async def test_the_leaderboard(anonymous: httpx2.AsyncClient) -> None:
    answer = await anonymous.get("/g/harbour")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert (answer.headers["cache-control"], answer.headers["x-robots-tag"]) == ("public, max-age=30", "noindex")
    assert "Ada &lt;b&gt;" in answer.text
    assert "<b>Ada" in answer.text
    assert "<script" not in answer.text
    assert " style=" not in answer.text
    assert f"/g/harbour/members/{BO}" in answer.text
    for asset in re.findall(r'"(/assets/[^"]+)"', answer.text):
        assert (await anonymous.get(asset)).status_code == 200, asset


@pytest.mark.usefixtures("shown")
async def test_search_engines(anonymous: httpx2.AsyncClient, bot: httpx2.AsyncClient) -> None:
    assert (await bot.patch(SETTINGS, json={"indexed": True})).status_code == 200
    answer = await anonymous.get("/g/harbour")
    assert "x-robots-tag" not in answer.headers
    assert "noindex" not in answer.text


@pytest.mark.usefixtures("shown")
async def test_search(anonymous: httpx2.AsyncClient) -> None:
    assert "@ada" in (await anonymous.get("/g/harbour", params={"q": "ADA"})).text
    nobody = (await anonymous.get("/g/harbour", params={"q": "<script>"})).text
    assert "Nobody with this name" in nobody
    assert "<script" not in nobody


@pytest.mark.usefixtures("shown")
@pytest.mark.parametrize(("error", "status"), [(NotFound(), 200), (RuntimeError("broken"), 500)])
async def test_search_leaves_out_only_who_is_gone(
    anonymous: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int
) -> None:
    """A member who is erased while the search runs is left out. Any other failure is one."""

    async def get(*_: object) -> NoReturn:
        raise error

    monkeypatch.setattr(MemberService, "get", get)
    answer = await anonymous.get("/g/harbour", params={"q": "ada"})
    assert answer.status_code == status
    assert "@ada" not in answer.text


@pytest.mark.usefixtures("shown")
async def test_previews_in_chats(anonymous: httpx2.AsyncClient) -> None:
    found = dict(re.findall(r'property="og:(\w+)" content="([^"]*)"', (await anonymous.get("/g/harbour")).text))
    base = found["url"].removesuffix("/g/harbour")
    assert found == {
        "title": "Harbour: leaderboard", "description": "2 members, All time", "type": "website",
        "url": f"{base}/g/harbour", "image": f"{base}/g/harbour/leaderboard.png?stat=xp&amp;period=all",
    }  # fmt: skip
    page = (await anonymous.get(f"/g/harbour/members/{ADA}")).text
    assert dict(re.findall(r'property="og:(\w+)" content="([^"]*)"', page)) == {
        "title": "Ada &lt;b&gt; in Harbour", "description": "Level 3, 500 XP", "type": "profile",
        "url": f"{base}/g/harbour/members/{ADA}", "image": f"{base}/g/harbour/members/{ADA}/card.png",
    }  # fmt: skip


@pytest.mark.usefixtures("shown")
async def test_a_member(anonymous: httpx2.AsyncClient, bot: httpx2.AsyncClient) -> None:
    definition = {
        "key": "first", "name": "First <i>", "condition": {"stat": "messages", "gte": 1}, "retroactive": False,
        "icon": "💬", "description": "Say <u>."
    }  # fmt: skip
    assert (await bot.post(f"/v1/guilds/{HARBOUR}/achievements", json=definition)).status_code == 201
    await record(bot, message("m3", ADA))
    answer = await anonymous.get(f"/g/harbour/members/{ADA}")
    assert answer.status_code == 200
    for text in ("Ada &lt;b&gt;", "@ada", "#1 of 2", "First &lt;i&gt;", "💬", "Say &lt;u&gt;.", "Messages"):
        assert text in answer.text, text
    found = (await anonymous.get(f"/v1/public/guilds/harbour/members/{ADA}")).json()["achievements"]
    assert [(each["icon"], each["description"]) for each in found] == [("💬", "Say <u>.")]
    await bot.patch(f"/v1/guilds/{HARBOUR}/achievements/first", json={"icon": "https://pictures.test/1.png"})
    page = (await anonymous.get(f"/g/harbour/members/{ADA}", headers={"Cache-Control": "no-cache"})).text
    assert "pictures.test" not in page, "the page loads nothing from elsewhere"


@pytest.mark.usefixtures("shown")
async def test_rewards_of_levels(anonymous: httpx2.AsyncClient, bot: httpx2.AsyncClient) -> None:
    roles = {"items": [{"id": "77", "name": "Regular"}]}
    assert (await bot.put(f"/v1/guilds/{HARBOUR}/roles", json=roles)).status_code == 200
    rewards = {"role_rewards": [{"level": 10, "role_id": "77"}]}
    assert (await bot.patch(f"/v1/guilds/{HARBOUR}/settings/leveling", json=rewards)).status_code == 200
    page = re.sub(r"<[^>]+>|\s+", " ", (await anonymous.get("/g/harbour")).text)
    assert re.search(r"Level 10 +4,675 XP +Regular", page)


@pytest.mark.usefixtures("shown")
async def test_what_is_not_shown(anonymous: httpx2.AsyncClient, bot: httpx2.AsyncClient) -> None:
    answer = await bot.put(f"/v1/users/{BO}/privacy", json={"visibility": "hidden", "opt_out": False})
    assert answer.status_code == 200
    texts = set()
    for url in (f"/g/{QUARRY}", f"/g/{NOBODYS}", "/g/nobodys", f"/g/harbour/members/{BO}", "/g/harbour/members/x"):
        answer = await anonymous.get(url)
        assert (answer.status_code, answer.headers["cache-control"]) == (404, "no-store"), url
        texts.add(answer.text)
    assert len(texts) == 1
    assert str(BO) not in (await anonymous.get("/g/harbour")).text


@pytest.mark.usefixtures("shown")
@pytest.mark.parametrize(("on_leave", "status"), [("keep", 200), ("hide", 404)])
async def test_who_left(anonymous: httpx2.AsyncClient, bot: httpx2.AsyncClient, on_leave: str, status: int) -> None:
    """A guild that hides who left shows them nowhere."""
    leveling = f"/v1/guilds/{HARBOUR}/settings/leveling"
    assert (await bot.patch(leveling, json={"on_leave": on_leave})).status_code == 200
    assert (await bot.delete(f"/v1/guilds/{HARBOUR}/members/{ADA}")).status_code == 204
    member = f"/g/harbour/members/{ADA}"
    for url in (member, f"{member}/card.png", f"/v1/public/guilds/harbour/members/{ADA}"):
        assert (await anonymous.get(url)).status_code == status, url
    for url in ("/g/harbour", "/g/harbour?q=ada"):
        assert ("@ada" in (await anonymous.get(url)).text) == (status == 200), url


@pytest.mark.usefixtures("shown")
async def test_links_that_others_have_added_to(anonymous: httpx2.AsyncClient) -> None:
    """Newsletters and social networks append names of their own to a link."""
    added = "utm_source=news&utm_source=again&fbclid=a%00b"
    for path in ("/g/harbour", "/g/harbour/leaderboard.png", f"/g/harbour/members/{ADA}"):
        answer = await anonymous.get(f"{path}?period=week&{added}")
        assert answer.status_code == 200, answer.text
    assert 'aria-current="page">This week' in (await anonymous.get(f"/g/harbour?period=week&{added}")).text
    for wrong in ("period=week&period=day", "period=year"):
        assert (await anonymous.get(f"/g/harbour?{wrong}")).status_code == 422, wrong
    assert (await anonymous.get(f"/v1/public/guilds/harbour/leaderboard?{added}")).status_code == 422


@pytest.mark.usefixtures("shown")
@pytest.mark.parametrize(
    ("query", "title", "detail"),
    [
        ("cursor=x", "Invalid input", "`cursor` was changed, belongs to another list, or is too old."),
        ("period=year", "Invalid input", "`period` is not one of"),
        ("stat=reactions", "There is nothing here", "No page with this address, or none that you may see."),
    ],
)
async def test_what_is_wrong_is_a_page_too(anonymous: httpx2.AsyncClient, query: str, title: str, detail: str) -> None:
    answer = await anonymous.get(f"/g/harbour?{query}")
    assert answer.status_code in (404, 422)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert (answer.headers["cache-control"], "script-src" in answer.headers["content-security-policy"]) == (
        "no-store", False
    )  # fmt: skip
    assert f"<h1>{title}</h1>" in answer.text
    assert detail in answer.text


@pytest.mark.usefixtures("shown")
@pytest.mark.parametrize(("error", "status"), [(RuntimeError("a secret"), 500), (TimeoutError("a secret"), 503)])
async def test_what_goes_wrong_is_a_page_and_a_line_in_the_log(
    anonymous: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int
) -> None:
    async def find(*_: object) -> NoReturn:
        raise error

    monkeypatch.setattr(PublicService, "find", find)
    with capture_logs() as lines:
        answer = await anonymous.get(f"/g/harbour/members/{ADA}")
    assert (answer.status_code, answer.headers["content-type"]) == (status, "text/html; charset=utf-8")
    assert "secret" not in answer.text
    assert [line["event"] for line in lines if line["event"] in ("unhandled", "unavailable")] == [
        "unhandled" if status == 500 else "unavailable"
    ]
    assert "retry-after" in answer.headers or status == 500


@pytest.mark.usefixtures("shown")
async def test_a_full_page_is_small(anonymous: httpx2.AsyncClient, bot: httpx2.AsyncClient) -> None:
    people = [ADA + number for number in range(1, pages.ROWS + 2)]
    names = [
        {"user_id": str(each), "username": f"user{each}"[:30], "display_name": "W" * 32, "avatar": "a_" + "0" * 32}
        for each in people
    ]
    await record(bot, *(message(f"n{each}", each) for each in people))
    assert (await bot.put(f"/v1/guilds/{HARBOUR}/members/names", json={"items": names})).json()["updated"] == len(
        people
    )
    page = await anonymous.get("/g/harbour")
    style = re.search(r'"(/assets/public.css[^"]+)"', page.text)
    assert style is not None
    assert len(page.content) + len((await anonymous.get(style[1])).content) < 50_000
    assert len(gzip.compress(page.content)) < 10_000
    assert 'rel="next"' in page.text
    cursor = re.search(r"cursor=([^\"]+)\"", page.text)
    assert cursor is not None
    following = await anonymous.get(f"/g/harbour?cursor={cursor[1]}")
    assert (following.status_code, "podium" in following.text) == (200, False)


@pytest.mark.usefixtures("shown")
async def test_pictures(anonymous: httpx2.AsyncClient, bot: httpx2.AsyncClient) -> None:
    """Each page names its picture, which is there for everybody."""
    for path in ("/g/harbour", f"/g/harbour/members/{ADA}"):
        image = re.search(r'property="og:image" content="http://[^/]+([^"]+)"', (await anonymous.get(path)).text)
        assert image is not None
        url = image[1].replace("&amp;", "&")
        answer = await anonymous.get(url)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png"), answer.text
        assert answer.headers["cache-control"] == "public, max-age=30"
        again = await anonymous.get(url, headers={"If-None-Match": answer.headers["etag"]})
        assert again.status_code == 304
    await bot.put(f"/v1/users/{BO}/privacy", json={"visibility": "hidden", "opt_out": False})
    refused = [
        f"/g/harbour/members/{BO}/card.png",
        "/g/harbour/members/x/card.png",
        f"/g/{QUARRY}/leaderboard.png",
        "/g/harbour/leaderboard.png?stat=reactions",
    ]
    for path in refused:
        assert (await anonymous.get(path)).status_code == 404, path
    assert (await bot.patch(SETTINGS, json={"stats": ["messages"]})).status_code == 200
    assert (await anonymous.get(f"/g/harbour/members/{ADA}/card.png")).status_code == 404
    assert "og:image" not in (await anonymous.get(f"/g/harbour/members/{ADA}")).text


@pytest.mark.usefixtures("shown")
async def test_a_page_is_in_the_language_of_its_reader_or_its_guild(
    bot: httpx2.AsyncClient, anonymous: httpx2.AsyncClient
) -> None:
    german = await anonymous.get("/g/harbour", headers={"Accept-Language": "de-AT"})
    assert '<html lang="de">' in german.text
    assert "<h1>Rangliste</h1>" in german.text
    assert "Accept-Language" in german.headers["vary"]
    await bot.patch(f"/v1/guilds/{HARBOUR}", json={"locale": "de"})
    assert "<h1>Rangliste</h1>" in (await anonymous.get("/g/harbour")).text
    english = await anonymous.get("/g/harbour", headers={"Accept-Language": "en"})
    assert "<h1>Leaderboard</h1>" in english.text
    missing = await anonymous.get("/g/nobody-here", headers={"Accept-Language": "de"})
    assert "Hier ist nichts" in missing.text
