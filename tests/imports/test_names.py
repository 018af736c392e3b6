"""Names that files bring: of other bots, of events, of an export."""

import json

import httpx2
import pytest

from api.postgres.engine import PlainConnection
from tests.imports.files import Json, counts, event, imported, lines, mee6_page, mee6_player, member
from tests.support.people import ADA, BO, HARBOUR, QUARRY

AVATAR = "0123456789abcdef0123456789abcdef"
URL = f"https://cdn.discordapp.com/avatars/{ADA}/{AVATAR}.png"


def names(found: Json) -> tuple[str | None, str | None, str | None]:
    return found["username"], found["display_name"], found["avatar_url"]


@pytest.mark.parametrize(
    ("source", "content", "expected"),
    [
        ("mee6", mee6_page(mee6_player(username="ada", avatar=AVATAR)), ("ada", None, URL)),
        ("mee6", mee6_page(mee6_player(username="ada\ud83d", avatar="d3b0")), ("ada", None, None)),
        ("mee6", mee6_page(mee6_player(username=5, avatar=None)), (None, None, None)),
        ("mee6", mee6_page(mee6_player(username="\u202e", avatar=["x"])), (None, None, None)),
        ("amari", {"data": [{"id": str(ADA), "username": "ada", "exp": 5}]}, ("ada", None, None)),
        ("polaris", {"users": {str(ADA): {"xp": 5, "username": "ada", "displayName": "Ada"}}}, ("ada", "Ada", None)),
        (
            "lurkr",
            {"levels": [{"xp": 5, "user": {"id": str(ADA), "username": "ada", "avatar": AVATAR}}]},
            ("ada", None, URL),
        ),
        ("csv", f"user_id,xp,username,display_name\n{ADA},5,ada,Ada\n".encode(), ("ada", "Ada", None)),
        ("csv", f"name,id,xp\nada,{ADA},5\n".encode(), ("ada", None, None)),
        ("csv", f"user_id,xp,name,username\n{ADA},5,x,ada\n".encode(), ("ada", None, None)),
        ("csv", f"user_id,xp,username\n{ADA},5,\n".encode(), (None, None, None)),
        ("events", lines(event(1, "2026-01-02T03:04:05Z", user={"username": "ada"})), ("ada", None, None)),
        ("events", lines(event(1, "2026-01-02T03:04:05Z", user={"username": "\ud83dada"})), ("ada", None, None)),
    ],
)
async def test_of_each_source(
    source: str, content: object, expected: tuple[str | None, ...], bot: httpx2.AsyncClient
) -> None:
    tried = await imported(bot, source, content, dry_run=True)
    assert [names(each) for each in tried["preview"]] == [expected]
    done = await imported(bot, source, content)
    assert done["counts"] == counts(1, 1)
    assert names(await member(bot)) == expected


@pytest.mark.parametrize("column", ["username", "note", "xp"])
async def test_a_long_cell_costs_its_own_row_at_most(bot: httpx2.AsyncClient, column: str) -> None:
    """132 kB, more than Python's reader of CSV takes by itself."""
    columns = ["user_id", "xp", "username", "note"]
    rows: list[Json] = [{"user_id": ADA, "xp": 5} | {column: "7" * 132_000}, {"user_id": BO, "xp": 6, "username": "bo"}]
    file = "\n".join(",".join(str(row.get(name, "")) for name in columns) for row in rows)
    done = await imported(bot, "csv", f"{','.join(columns)}\n{file}\n".encode())
    is_refused = column == "xp"
    assert (done["status"], done["counts"]) == ("finished", counts(2, 2 - is_refused, refused=int(is_refused)))
    assert [(each["row"], each["pointer"]) for each in done["refused"]] == [(1, "/xp")] * is_refused
    assert (await member(bot, BO))["username"] == "bo"
    if not is_refused:
        assert (await member(bot))["username"] == ("7" * 100 if column == "username" else None)


async def test_what_is_known_stays_where_standings_are_merged(bot: httpx2.AsyncClient) -> None:
    page = mee6_page(mee6_player(username="old", avatar=AVATAR))
    await bot.patch(f"/v1/guilds/{HARBOUR}/members/{ADA}", json={"username": "new", "display_name": "New"})
    for mode in ("add", "max"):
        assert (await imported(bot, "mee6", page, mode=mode))["status"] == "finished"
        assert names(await member(bot)) == ("new", "New", URL)
    assert (await imported(bot, "mee6", page, dry_run=True))["preview"][0]["username"] == "old"
    assert (await imported(bot, "mee6", page))["counts"]["imported"] == 1
    assert names(await member(bot)) == ("old", "New", URL)
    assert (await imported(bot, "mee6", page))["counts"]["unchanged"] == 1


async def test_nothing_is_kept_of_those_who_opted_out(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    await bot.put(f"/v1/users/{ADA}/privacy", json={"visibility": "public", "opt_out": True})
    page = mee6_page(mee6_player(username="ada"), mee6_player(BO, username="bo"))
    await imported(bot, "mee6", page)
    assert await owner.fetchval("SELECT array_agg(username) FROM member_names") == ["bo"]


async def test_an_export_has_them(bot: httpx2.AsyncClient) -> None:
    await bot.patch(f"/v1/guilds/{HARBOUR}/members/{ADA}", json={"username": "ada", "avatar": AVATAR})
    await bot.patch(f"/v1/guilds/{HARBOUR}/members/{BO}", json={})
    export = (await bot.get(f"/v1/guilds/{HARBOUR}/export")).content
    found = [json.loads(line)["member"] for line in export.splitlines() if line.startswith(b'{"member"')]
    assert [(each["username"], each["display_name"], each["avatar"]) for each in found] == [
        (None, None, None),
        ("ada", None, AVATAR),
    ]
    tried = await imported(bot, "guildhall", export, QUARRY, dry_run=True)
    assert names(tried["preview"][1]) == ("ada", None, URL)
    done = await imported(bot, "guildhall", export, QUARRY)
    assert (done["status"], done["counts"]["refused"]) == ("finished", 0)
    assert names(await member(bot, ADA, QUARRY)) == ("ada", None, URL)
    again = await imported(bot, "guildhall", export, QUARRY)
    assert again["counts"]["unchanged"] >= 2


async def test_an_export_of_before_leaves_them_alone(bot: httpx2.AsyncClient) -> None:
    await bot.patch(f"/v1/guilds/{HARBOUR}/members/{ADA}", json={"username": "ada"})
    old = lines({"guildhall": 1}, {"member": {"user_id": str(ADA), "xp": 7}})
    assert (await imported(bot, "guildhall", old))["counts"]["imported"] == 1
    assert names(await member(bot)) == ("ada", None, None)
