"""Standings of other bots."""

import httpx2
import pytest

from api.postgres.engine import PlainConnection
from tests.imports.files import Json, counts, imported, mee6_page, mee6_player, member
from tests.members.people import give
from tests.support.people import ADA, BO, HARBOUR

SOURCES = {
    "mee6": mee6_page(mee6_player(ADA, 5000), mee6_player(BO, 70, message_count=3)),
    "amari": {
        "count": 2,
        "total_count": 2,
        "data": [
            {"id": str(ADA), "username": "ada", "exp": 5000, "level": 9, "weeklyExp": 12},
            {"id": str(BO), "username": "bo", "exp": 70.9, "level": 2, "weeklyExp": 0},
        ],
    },
    "tatsu": {
        "guild_id": str(HARBOUR),
        "rankings": [{"rank": 1, "score": 5000, "user_id": str(ADA)}, {"rank": 2, "score": 70, "user_id": str(BO)}],
    },
    "lurkr": {
        "levels": [
            {
                "rank": 1,
                "level": 9,
                "xp": 5000,
                "nextLevelXp": 9,
                "progress": 1,
                "messageCount": 57,
                "userId": str(ADA),
            },
            {"rank": 2, "level": 1, "xp": 70, "messageCount": 3, "user": {"id": BO, "username": "bo"}},
        ],
        "isManager": True,
    },
    "polaris": {
        "settings": {
            "enabled": True,
            "gain": {"min": 50, "max": 100, "time": 60},
            "curve": {"1": 100, "2": 50, "3": 1},
        },
        "users": {str(ADA): {"xp": 5000, "cooldown": 1}, str(BO): {"xp": 70.5, "hidden": False}},
    },
}


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("pages", [False, True])
async def test_every_source(bot: httpx2.AsyncClient, source: str, pages: bool) -> None:
    found = await imported(bot, source, [SOURCES[source]] if pages else SOURCES[source])

    assert (found["status"], found["progress"], found["counts"]) == ("finished", 1.0, counts(2, 2))
    assert (found["refused"], found["preview"], found["mode"]) == ([], [], "set")
    assert [(await member(bot, user))["xp"] for user in (ADA, BO)] == [5000, 70]
    if source in ("mee6", "lurkr"):
        assert [(await member(bot, user))["stats"]["messages"] for user in (ADA, BO)] == [57, 3]
    board = (await bot.get(f"/v1/guilds/{HARBOUR}/leaderboard")).json()
    assert [(item["rank"], item["user_id"]) for item in board["items"]] == [(1, str(ADA)), (2, str(BO))]
    today = (await bot.get(f"/v1/guilds/{HARBOUR}/leaderboard?period=day")).json()
    assert today["items"] == []


async def test_csv(bot: httpx2.AsyncClient) -> None:
    file = f'﻿name,XP,user_id,messages\r\n"a, ""b""\nc",1200.7,{ADA},\r\n,,{BO},9\n'.encode()
    found = await imported(bot, "csv", file)

    assert found["counts"] == counts(2, 2)
    assert ((await member(bot, ADA))["xp"], (await member(bot, BO))["xp"]) == (1200, 0)
    assert (await member(bot, BO))["stats"]["messages"] == 9


@pytest.mark.parametrize(("mode", "xp", "messages"), [("set", 100, 57), ("add", 600, 57), ("max", 500, 57)])
async def test_modes(bot: httpx2.AsyncClient, mode: str, xp: int, messages: int) -> None:
    await give(bot, ADA, 500)

    found = await imported(bot, "mee6", mee6_page(mee6_player(ADA, 100)), mode=mode)

    assert found["mode"] == mode
    assert ((await member(bot))["xp"], (await member(bot))["stats"]["messages"]) == (xp, messages)


async def test_a_level_alone_gives_the_xp_at_which_it_begins(bot: httpx2.AsyncClient) -> None:
    await give(bot, BO, 7)
    file = f"user_id,xp,level\n{ADA},,10\n{BO},,1001\n77,50,90\n{BO},,\n".encode()
    found = await imported(bot, "csv", file)

    assert (await member(bot, ADA))["xp"] == 4675
    assert (await member(bot, 77))["xp"] == 50
    assert (await member(bot, BO))["xp"] == 7
    assert found["counts"] == counts(4, 2, 1, 1)
    assert found["refused"] == [
        {"row": 2, "pointer": "/level", "message": "is above the highest level of this guild's curve"}
    ]


async def test_what_a_row_does_not_name_is_left_alone(bot: httpx2.AsyncClient) -> None:
    await give(bot, ADA, 500)
    found = await imported(bot, "csv", f"user_id,xp,messages\n{ADA},,5\n{BO},,\n".encode())

    assert found["counts"] == counts(2, 1, 1)
    assert (await member(bot))["xp"] == 500
    assert (await bot.get(f"/v1/guilds/{HARBOUR}/members/{BO}")).status_code == 404


async def test_rows_count_in_their_order(bot: httpx2.AsyncClient) -> None:
    twice = [mee6_player(ADA, 10), mee6_player(ADA, 20, message_count=None), mee6_player(ADA, 20)]
    assert (await imported(bot, "mee6", mee6_page(*twice)))["counts"] == counts(3, 2, 1)
    assert (await member(bot))["xp"] == 20
    assert (await imported(bot, "mee6", mee6_page(*twice), mode="add"))["counts"] == counts(3, 1, 2)
    assert ((await member(bot))["xp"], (await member(bot))["stats"]["messages"]) == (30, 114), "once per file"


async def test_refused_rows_say_why(bot: httpx2.AsyncClient) -> None:
    players: list[object] = [
        mee6_player("007"),
        mee6_player(ADA, -1),
        mee6_player(ADA, 2**53 + 1),
        mee6_player(ADA, "12"),
        {"xp": 5},
        "nobody",
        mee6_player(BO, 2**53),
        mee6_player(ADA, 1, level={}),
    ]
    found = await imported(bot, "mee6", mee6_page(*players))  # type: ignore[arg-type] # that is the point

    assert found["status"] == "finished"
    assert found["counts"] == counts(8, 1, 0, 7)
    assert [(row["row"], row["pointer"]) for row in found["refused"]] == [
        (1, "/id"), (2, "/xp"), (3, "/xp"), (4, "/xp"), (5, "/id"), (6, ""), (8, "/level"),
    ]  # fmt: skip
    assert (await member(bot, BO))["xp"] == 2**53


async def test_only_the_first_thousand_refused_rows_are_reported(bot: httpx2.AsyncClient) -> None:
    found = await imported(bot, "csv", b"user_id,xp\n" + b"x,1\n" * 2500)
    assert found["counts"] == counts(2500, 0, 0, 2500)
    assert [row["row"] for row in found["refused"]] == list(range(1, 1001))


async def test_dry_run_stores_nothing(bot: httpx2.AsyncClient) -> None:
    await give(bot, ADA, 300)
    rows = "".join(f"{1000 + user},{user}\n" for user in range(150))
    found = await imported(bot, "csv", f"user_id,xp\n{ADA},100\n{rows}".encode(), dry_run=True, mode="add")

    assert (found["status"], found["dry_run"], found["counts"]) == ("finished", True, counts(151, 151))
    assert len(found["preview"]) == 100
    assert found["preview"][0] == {
        "user_id": str(ADA), "username": None, "display_name": None, "avatar_url": None,
        "xp_before": 300, "xp_after": 400, "level_before": 2, "level_after": 2,
    }  # fmt: skip
    assert (await member(bot))["xp"] == 300
    assert (await member(bot))["member_count"] == 1


async def test_people_who_opted_out_are_passed_over(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    await owner.execute("INSERT INTO privacy_choices (user_id, opted_out_at) VALUES ($1, now())", ADA)
    found = await imported(bot, "mee6", mee6_page(mee6_player(ADA), mee6_player(BO)))
    assert found["counts"] == counts(2, 1, 1)
    assert (await bot.get(f"/v1/guilds/{HARBOUR}/members/{ADA}")).status_code == 404


async def test_many_rows_take_many_transactions(bot: httpx2.AsyncClient) -> None:
    rows = "".join(f"{1000 + user},{user % 7}\n" for user in range(4321))
    found = await imported(bot, "csv", f"user_id,xp\n{rows}".encode())
    assert found["counts"] == counts(4321, 4321)
    again: Json = await imported(bot, "csv", f"user_id,xp\n{rows}".encode())
    assert again["counts"] == counts(4321, 0, 4321)


async def test_settings_of_mee6(bot: httpx2.AsyncClient) -> None:
    rewards = [{"rank": 5, "role": {"id": "9001", "name": "Regular"}}, {"rank": 5, "role": {"id": 9002, "name": "x"}}]
    page = mee6_page(mee6_player(), role_rewards=rewards, xp_rate=1.5, xp_per_message=[10, 30])
    address = f"/v1/guilds/{HARBOUR}/settings/leveling"

    assert (await imported(bot, "mee6", page))["status"] == "finished"
    assert (await bot.get(address)).json()["overridden"] == []
    assert (await imported(bot, "mee6", page, settings=True, dry_run=True))["refused"] == []
    assert (await bot.get(address)).json()["overridden"] == []
    assert (await imported(bot, "mee6", [page, page], settings=True))["refused"] == []
    values = (await bot.get(address)).json()["values"]
    assert values["role_rewards"] == [{"level": 5, "role_id": "9001"}, {"level": 5, "role_id": "9002"}]
    assert (values["multiplier"], values["xp_per_message"]) == (1.5, {"min": 10, "max": 30})


async def test_settings_that_are_refused_leave_the_standings(bot: httpx2.AsyncClient) -> None:
    found = await imported(bot, "mee6", mee6_page(mee6_player(), xp_rate=1000), settings=True)
    assert (found["status"], found["counts"]) == ("finished", counts(1, 1))
    assert [(row["row"], row["pointer"]) for row in found["refused"]] == [(0, "/multiplier")]


async def test_polaris_hides_people_and_has_a_curve(bot: httpx2.AsyncClient) -> None:
    file = {
        "settings": {"gain": {"min": 50, "max": 100, "time": 30}, "curve": {"1": 100, "2": 50, "3": 1}, "rounding": 50},
        "users": {str(ADA): {"xp": 500, "hidden": True}, str(BO): {"xp": 100}},
    }
    assert (await imported(bot, "polaris", file, settings=True))["refused"] == []
    assert [(await member(bot, user))["rank"] for user in (ADA, BO)] == [None, 1]
    values = (await bot.get(f"/v1/guilds/{HARBOUR}/settings/leveling")).json()["values"]
    assert (values["cooldown_seconds"], values["xp_per_message"]) == (30, {"min": 50, "max": 100})
    assert values["curve"] == {"kind": "total", "coefficients": [0, 100, 50, 1], "round_to": 50}


async def test_broken_files_fail_with_a_sentence(bot: httpx2.AsyncClient) -> None:
    broken = {
        "mee6": [b"", b"[]", b'{"players":[{"id":"5","xp":1}', b'{"data":[]}', b"\xff", b'{"players":5}'],
        "csv": [b"", b"name,xp\n", b'user_id,xp\n"5,1\n', b"user_id\n5\n"],
        "guildhall": [b"", b'{"member":{}}\n', b'{"guildhall":2}\n', b"nothing\n"],
    }
    for source, files in broken.items():
        for file in files:
            found = await imported(bot, source, file)
            assert found["status"] == "failed", file
            (fault,) = found["refused"]
            assert (fault["row"], fault["pointer"]) == (0, "")
            assert fault["message"].endswith("."), fault
            assert found["finished_at"] is not None
