"""Files as people have them: in other shapes, cut within a letter, padded; and where in them something is wrong."""

import json

import httpx2
import pytest

from tests.imports.files import Json, counts, ended, event, imported, lines, mee6_page, mee6_player, member
from tests.imports.test_standings import SOURCES
from tests.support.people import ADA, BO, HARBOUR

ROWS = [{"id": str(ADA), "xp": 5000}, {"id": str(BO), "xp": 70}]
TABLE = f"userID{{0}}xp{{0}}name\n{ADA}{{0}}5000{{0}}ada\n{BO}{{0}}70{{0}}bo\n"


async def given(bot: httpx2.AsyncClient, source: str, content: bytes, kind: str) -> Json:
    address = f"/v1/guilds/{HARBOUR}/imports?source={source}"
    asked = await bot.post(address, content=content, headers={"Content-Type": kind})
    assert asked.status_code == 202, asked.text
    return await ended(bot, asked.headers["Location"])


@pytest.mark.parametrize(
    ("source", "content"),
    [
        ("mee6", [[mee6_player(ADA, 5000)], [mee6_player(BO, 70)]]),
        ("mee6", ROWS),
        ("polaris", ROWS),
        ("polaris", {"settings": {}, "users": ROWS}),
        ("polaris", f"ID,Total XP\n{ADA},5000\n{BO},70\n"),
        ("amari", {"members": [{"id": str(ADA), "exp": 5000}, {"id": str(BO), "exp": 70}]}),
        ("csv", TABLE.format(",")),
        ("csv", TABLE.format(";")),
        ("csv", TABLE.format("\t")),
        ("csv", "sep=;\r\n" + TABLE.format(";")),
        ("csv", TABLE.format(";").encode("utf-16")),
        ("csv", TABLE.format("\t").encode("utf-16-le")),
        ("csv", TABLE.format(",").replace("bo", "bö").encode("latin-1")),
    ],
)
async def test_shapes(bot: httpx2.AsyncClient, source: str, content: object) -> None:
    kind = "text/csv" if isinstance(content, str | bytes) else "application/json"
    body = content.encode() if isinstance(content, str) else content
    found = await given(bot, source, body if isinstance(body, bytes) else json.dumps(body).encode(), kind)
    assert (found["status"], found["counts"], found["refused"]) == ("finished", counts(2, 2), [])
    assert [(await member(bot, user))["xp"] for user in (ADA, BO)] == [5000, 70]


@pytest.mark.parametrize(
    ("source", "content", "there"),
    [
        ("csv", b"name,points\nada,5\n", "columns found: `name`, `points`"),
        ("csv", b"id,points\n5,5\n", "columns found: `id`, `points`"),
        ("mee6", {"data": [], "count": 0}, "Members found: `data`, `count`"),
        ("amari", [{"players": []}], "Members found: `players`"),
    ],
)
async def test_a_file_that_cannot_be_imported_is_named_by_its_content(
    bot: httpx2.AsyncClient, source: str, content: object, there: str
) -> None:
    found = await imported(bot, source, content)
    assert found["status"] == "failed"
    assert there in found["refused"][0]["message"]


CUT = [b'"\\ud83d"', b'"a\\ude00b"', b'"\\ud83d\\ud83d\\ude00"', b'"\xf0\x9f"', b'"\\\\ud83d"']


@pytest.mark.parametrize("name", CUT)
async def test_a_name_that_was_cut_loses_no_row(bot: httpx2.AsyncClient, name: bytes) -> None:
    for source, content in SOURCES.items():
        text = json.dumps(content).encode().replace(b'"xp":', b'"username": NAME, "xp":').replace(
            b'"rank":', b'"username": NAME, "rank":').replace(b'"username": "ada"', b'"username": NAME')  # fmt: skip
        found = await imported(bot, source, text.replace(b"NAME", name), mode="max")
        assert (found["status"], found["refused"], found["counts"]["rows"]) == ("finished", [], 2), source
    page = json.dumps(mee6_page(mee6_player(ADA, 5000), about=5)).encode().replace(b'"about": 5', b'"about": ' + name)
    assert (await imported(bot, "mee6", page))["status"] == "finished"
    line = b'{"guildhall": 1}\n{"guild": {"name": "x"}}\n'.replace(b'"x"', b'"Harbour' + name[1:])
    assert (await imported(bot, "guildhall", line))["refused"] == []
    file = lines(event(1, "2020-01-01T00:00:00Z", type="command", name="rank")).replace(b'"rank"', b'"rank' + name[1:])
    found = await imported(bot, "events", file)
    assert (found["status"], found["counts"]["rows"]) == ("finished", 1)


async def test_a_row_with_more_cells_than_the_header_is_refused(bot: httpx2.AsyncClient) -> None:
    found = await imported(bot, "csv", f"user_id,xp\n{ADA},225,198\n{BO},70\n77\n".encode())
    assert found["counts"] == counts(3, 1, 1, 1)
    assert found["refused"] == [{"row": 1, "pointer": "", "message": "has 3 cells, and the header has 2"}]


BLANKS = b" " * (9 * 1024 * 1024)


@pytest.mark.parametrize(
    "file",
    [
        BLANKS + b'{"players": [{"id": "5", "xp": 1}]}',
        b'{"about": 1,' + BLANKS + b'"players": [{"id": "5", "xp": 1}]}',
        b'{"players": [{"id": "5", ' + BLANKS + b'"xp": 1}]}',
        b'{"players": [{"id": "5", "xp": 1}' + BLANKS + b"]}",
        b'[{"players": [{"id": "5", "xp": 1}]}' + BLANKS + b"]",
        b"[" + BLANKS + b'{"id": "5", "xp": 1}]' + BLANKS,
    ],
    ids=["before", "in a page", "in a row", "after a row", "after a page", "in a list"],
)
async def test_blanks_are_no_value(bot: httpx2.AsyncClient, file: bytes) -> None:
    found = await imported(bot, "mee6", file)
    assert (found["status"], found["counts"]) == ("finished", counts(1, 1)), found["refused"]


@pytest.mark.parametrize(
    ("source", "content", "row", "pointer"),
    [
        ("mee6", mee6_page(role_rewards=[{"rank": 1, "role": {"name": "x"}}]), 0, "/role_rewards/0/role/id"),
        ("mee6", mee6_page(role_rewards=[{"rank": 1, "role": {"id": "x"}}]), 0, "/role_rewards/0/role/id"),
        ("polaris", {"settings": {"curve": {"1": "x"}}, "users": {}}, 0, "/settings/curve"),
        ("polaris", {"users": {"a/b": {"xp": 1}}}, 1, "/a~1b"),
        ("events", lines(event(1, "2020-01-01T00:00:00Z") | {"user_id": "x"}), 1, "/user_id"),
        ("events", lines(event(1, "2020-01-01T00:00:00Z", role_ids=["5", "x"])), 1, "/role_ids/1"),
        ("guildhall", {"user_id": "1", "xp": 1, "custom_stats": {"A": 1}}, 1, "/member/custom_stats"),
        ("guildhall", {"user_id": "1", "xp": 1, "custom_stats": {"a": "1"}}, 1, "/member/custom_stats"),
    ],
)
async def test_pointers(bot: httpx2.AsyncClient, source: str, content: object, row: int, pointer: str) -> None:
    body = lines({"guildhall": 1}, {"member": content}) if source == "guildhall" else content
    settings = {"settings": True} if row == 0 else {}
    found = await imported(bot, source, body, **settings)
    assert [(each["row"], each["pointer"]) for each in found["refused"]] == [(row, pointer)]
