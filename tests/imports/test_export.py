"""A guild's export, and its import elsewhere."""

from typing import Any

import httpx2
import msgspec
import pytest

from api.auth.scopes import ALL, Scope
from api.postgres.engine import PlainConnection
from tests.achievements.support import define, draft
from tests.imports.files import Json, counts, event, imported, lines, member
from tests.imports.test_events import at, record
from tests.members.people import give, hide, leveling
from tests.support.clients import Clients
from tests.support.people import ADA, BO, HARBOUR, MALLORY, QUARRY

ROLES = {"items": [{"id": "9001", "name": "Regular", "position": 1, "color": 255}]}


async def export(bot: httpx2.AsyncClient, guild_id: int = HARBOUR) -> list[Json]:
    response = await bot.get(f"/v1/guilds/{guild_id}/export")
    assert response.status_code == 200
    assert response.headers["content-type"].partition(";")[0] == "application/x-ndjson"
    return [msgspec.json.decode(line) for line in response.content.splitlines()]


async def fill(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    """Harbour as it is after some life."""
    address = f"/v1/guilds/{HARBOUR}"
    await bot.patch(address, json={"timezone": "Europe/Berlin", "icon": "d3b0", "owner_id": str(ADA)})
    await bot.put(f"{address}/roles", json=ROLES)
    await bot.put(f"{address}/channels", json={"items": [{"id": "77", "name": "general", "type": 0}]})
    await leveling(bot, cooldown_seconds=0, on_leave="hide", daily_xp_cap=100)
    old = [event(number, at(300 + number), ADA) for number in range(5)]
    await imported(bot, "events", lines(*old, event(50, at(301), BO, type="stat", stat="duels_won", amount=-3)))
    await record(bot, event(60, at(1)), event(61, at(2), BO), event(62, at(2), MALLORY, type="voice", seconds=60))
    await record(bot, event(63, at(1), 555, type="stat", stat="duels_won", amount=3))
    await give(bot, BO, 2**53)
    await bot.delete(f"{address}/members/555")
    await hide(owner, MALLORY)


async def state(owner: PlainConnection, guild_id: int) -> dict[str, list[tuple[Any, ...]]]:  # Any: columns
    """All that is stored of a guild's members."""
    columns = {
        "members": "user_id, xp, messages, voice_seconds, reactions, commands, last_xp_at, streak_from, streak_to,"
        " streak_best, first_seen_at, last_active_at, left_at, is_ranked",
        "custom_stats": "user_id, stat, value",
        "activity_days": "day, user_id, xp, messages, voice_seconds, reactions, commands, earned_xp, events",
        "activity_hours": "hour, user_id, xp, messages, voice_seconds, reactions, commands",
        "custom_stat_days": "stat, day, user_id, value",
        "activity_ids": "week, id",
        "boards": "stat, value, user_id",
        "xp_counts": "kept, low, members",
        "guild_settings": "module, overrides",
        "guild_roles": "role_id, name, position, color",
        "guild_channels": "channel_id, name, type, parent_id, position",
    }
    condition = {"xp_counts": " AND members > 0"}
    found = {}
    for table, wanted in columns.items():
        where = f"guild_id = $1{condition.get(table, '')}"
        rows = await owner.fetch(f"SELECT {wanted} FROM {table} WHERE {where} ORDER BY {wanted}", guild_id)
        found[table] = [tuple(row) for row in rows]
    return found


async def test_import_elsewhere_is_the_same(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    await fill(bot, owner)
    file = await export(bot)
    assert file[0]["guildhall"] == 1
    before = await state(owner, HARBOUR)

    found = await imported(bot, "guildhall", lines(*file), QUARRY)

    assert (found["status"], found["refused"]) == ("finished", [])
    assert found["counts"] == counts(len(file) - 1, len(file) - 1)
    assert await state(owner, QUARRY) == before
    guild = (await bot.get(f"/v1/guilds/{QUARRY}")).json()
    assert (guild["name"], guild["timezone"], guild["owner_id"]) == ("Harbour", "Europe/Berlin", str(ADA))
    assert (await record_in_quarry(bot))["duplicates"] == 1, "ids of events come along"
    again = await imported(bot, "guildhall", lines(*file))
    assert again["counts"]["imported"] <= 4, "a second time only what goes through the services is put anew"
    assert await state(owner, HARBOUR) == before


async def record_in_quarry(bot: httpx2.AsyncClient) -> Json:
    response = await bot.post(f"/v1/guilds/{QUARRY}/activity", json={"events": [event(60, at(1))]})
    found: Json = response.json()
    return found


async def test_nothing_secret_is_in_it(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    await fill(bot, owner)
    text = (await bot.get(f"/v1/guilds/{HARBOUR}/export")).text
    assert "gh_" not in text
    assert "hash" not in text


@pytest.mark.parametrize(
    ("scope", "left_out"),
    [
        (Scope.GUILDS_READ, ["guild", "roles", "channels"]),
        (Scope.SETTINGS_READ, ["settings"]),
        (Scope.ACHIEVEMENTS_READ, ["achievement"]),
        (Scope.MEMBERS_READ, []),
    ],
)
async def test_it_has_what_its_reader_may_read_elsewhere(
    bot: httpx2.AsyncClient, owner: PlainConnection, clients: Clients, scope: Scope, left_out: list[str]
) -> None:
    await fill(bot, owner)
    condition = {"stat": "messages", "gte": 9}
    await bot.post(f"/v1/guilds/{HARBOUR}/achievements", json={"key": "one", "name": "One", "condition": condition})
    whole = await export(bot)
    async with await clients.bot(scopes=ALL - {scope}) as reader:
        found = await export(reader)
    assert found[0].get("left_out", []) == left_out
    assert found[1:] == [line for line in whole[1:] if not line.keys() & set(left_out)]
    assert {"guild", "roles", "channels", "settings", "achievement"} <= {kind for line in whole for kind in line}


async def test_modes(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    await fill(bot, owner)
    file = lines(*await export(bot))
    before = await state(owner, HARBOUR)

    assert (await imported(bot, "guildhall", file, mode="max"))["counts"]["refused"] == 0
    assert await state(owner, HARBOUR) == before
    await imported(bot, "guildhall", file, mode="add")
    after = await state(owner, HARBOUR)
    assert [row[2] for row in after["members"]] == [2 * row[2] for row in before["members"]]
    assert [row[2] for row in after["activity_days"]] == [2 * row[2] for row in before["activity_days"]]
    assert after["custom_stats"] == [(user, stat, 2 * value) for user, stat, value in before["custom_stats"]]
    assert max(row[1] for row in after["members"]) == 2**53


async def test_dry_run_stores_nothing(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    await fill(bot, owner)
    file = lines(*await export(bot))
    before = await state(owner, QUARRY)
    found = await imported(bot, "guildhall", file, QUARRY, dry_run=True)
    assert (found["status"], found["counts"]["refused"]) == ("finished", 0)
    assert found["counts"]["imported"] == found["counts"]["rows"]
    assert {each["user_id"] for each in found["preview"]} == {str(ADA), str(BO), str(MALLORY), "555"}
    assert await state(owner, QUARRY) == before
    assert (await bot.get(f"/v1/guilds/{QUARRY}")).json()["name"] == "Quarry"


@pytest.mark.parametrize("dry_run", [True, False])
async def test_refused_lines_say_why(bot: httpx2.AsyncClient, *, dry_run: bool) -> None:
    found = await imported(
        bot,
        "guildhall",
        lines(
            {"guildhall": 1, "of": "a later version, perhaps"},
            {"member": {"user_id": "5", "xp": -1}},
            {"member": {"user_id": "5", "xp": 1, "level": 2}},
            {"member": {"user_id": "5", "xp": 1}, "guild": {"name": "x"}},
            {},
            {"settings": {"module": "leveling", "overrides": {"cooldown_seconds": -1}}},
            {"settings": {"module": "welcome", "overrides": {"on": True}}},
            {"day": {"day": "0001-01-07", "user_id": None}},
            {"guild": {"name": "Here", "timezone": "Mars/Olympus"}},
            {"member": {"user_id": "6", "xp": 10}},
            {"roles": {"items": [{"id": "1", "name": "A"}, {"id": "1", "name": "B"}]}},
            {"achievement": {"key": "a", "name": "A", "condition": {"stat": "level", "gte": 10**9}}},
        ),
        dry_run=dry_run,
    )
    assert found["counts"] == counts(11, 1, 0, 10)
    assert [(row["row"], row["pointer"]) for row in found["refused"]] == [
        (1, "/member/xp"), (2, "/member/level"), (3, ""), (4, ""), (5, "/settings/overrides/cooldown_seconds"),
        (6, "/settings/module"), (7, "/day/day"), (8, "/guild/timezone"),
        (10, "/roles/items/1/id"), (11, "/achievement/condition/gte"),
    ]  # fmt: skip


async def test_large_guild_is_read_in_lots(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    rows = b"".join(b"%d,%d\n" % (1000 + user, user) for user in range(4500))
    await imported(bot, "csv", b"user_id,xp\n" + rows)
    file = await export(bot)
    assert [int(line["member"]["user_id"]) for line in file if "member" in line] == list(range(1000, 5500))
    await imported(bot, "guildhall", lines(*file), QUARRY)
    assert (await state(owner, QUARRY))["members"] == (await state(owner, HARBOUR))["members"]


@pytest.mark.parametrize("name", ["xp", "level", "streak", "messages", "voice_seconds", "reactions", "commands", "A"])
async def test_no_stat_is_named_like_one_of_ours(bot: httpx2.AsyncClient, owner: PlainConnection, name: str) -> None:
    """No side door: a stat of the bot's own may bear no other name than an event may give it."""
    file = [
        {"member": {"user_id": "5", "xp": 1, "custom_stats": {name: 9}}},
        {"stat_day": {"stat": name, "day": "2026-11-01", "user_id": "5", "value": 9}},
        {"member": {"user_id": "6", "xp": 1, "custom_stats": {"duels": 9}}},
    ]
    found = await imported(bot, "guildhall", lines({"guildhall": 1}, *file))
    assert (found["status"], found["counts"]) == ("finished", counts(3, 1, 0, 2))
    assert [row["pointer"] for row in found["refused"]] == ["/member/custom_stats", "/stat_day/stat"]
    assert await owner.fetchval("SELECT array_agg(stat) FROM custom_stat_names") == ["duels"]


AWARD = {"user_id": "5", "name": "One", "awarded_at": "2026-11-01T00:00:00Z"}


@pytest.mark.parametrize("dry_run", [False, True])
async def test_an_award_of_what_is_not_there_is_refused(bot: httpx2.AsyncClient, *, dry_run: bool) -> None:
    """By row. What the file itself has defined before is there, also for a dry run."""
    condition = {"stat": "messages", "gte": 10**6}
    await define(bot, draft("there", gte=10**6), at="/v1/achievements")
    file = [
        {"member": {"user_id": "5", "xp": 1}},
        {"achievement": {"key": "new", "name": "New", "condition": condition}},
        {"award": AWARD | {"achievement": "new"}},
        {"award": AWARD | {"achievement": "there", "scope": "global"}},
        {"award": AWARD | {"achievement": "there"}},
        {"award": AWARD | {"achievement": "new", "scope": "global"}},
        {"award": AWARD | {"achievement": "gone"}},
        {"award": AWARD | {"achievement": "later"}},
        {"achievement": {"key": "later", "name": "Later", "condition": condition}},
    ]
    found = await imported(bot, "guildhall", lines({"guildhall": 1}, *file), dry_run=dry_run)
    assert (found["status"], found["counts"]) == ("finished", counts(9, 5, 0, 4))
    assert [(row["row"], row["pointer"]) for row in found["refused"]] == [
        (row, "/award/achievement") for row in (5, 6, 7, 8)
    ]


MOMENTS = ("last_xp_at", "first_seen_at", "last_active_at", "left_at")
NEVER = ("0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-12:00", "2999-01-01T00:00:00Z")


@pytest.mark.parametrize("never", NEVER)
async def test_times_that_cannot_have_been_are_refused(bot: httpx2.AsyncClient, never: str) -> None:
    """Of every kind of line: one that PostgreSQL keeps and Python cannot read made its member unreadable."""
    award = {"achievement": "a", "user_id": "5", "name": "A", "awarded_at": "2020-01-01T00:00:00Z"}
    file = [
        *({"member": {"user_id": "5", "xp": 1, name: never}} for name in MOMENTS),
        *({"member": {"user_id": "5", "xp": 1, name: never[:10]}} for name in ("streak_from", "streak_to")),
        *({"award": award | {name: never}} for name in ("awarded_at", "revoked_at")),
        {"hour": {"hour": never, "user_id": None}},
    ]
    found = await imported(bot, "guildhall", lines({"guildhall": 1}, *file))
    assert (found["status"], found["counts"]) == ("finished", counts(9, 0, 0, 9))
    assert [row["pointer"].split("/")[2] for row in found["refused"]] == [
        *MOMENTS, "streak_from", "streak_to", "awarded_at", "revoked_at", "hour",
    ]  # fmt: skip


async def test_times_of_any_offset_are_accepted(bot: httpx2.AsyncClient) -> None:
    row = {"user_id": "5", "xp": 1} | dict.fromkeys(MOMENTS, "2020-01-01T00:00:00+23:59")
    found = await imported(bot, "guildhall", lines({"guildhall": 1}, {"member": row}))
    assert (found["status"], found["counts"]) == ("finished", counts(1, 1))
    assert (await member(bot, 5))["first_seen_at"] == "2019-12-31T00:01:00Z"


UNSTORABLE = [
    {
        "award": {
            "achievement": "a",
            "user_id": "5",
            "name": "A",
            "awarded_at": "2020-01-01T00:00:00Z",
            "awarded_by": "\0",
        }
    },
    {"event_ids": {"week": "2020-01-06", "ids": ["\0"]}},
    {"settings": {"module": "leveling", "overrides": {"\0": 1}}},
    {"member": {"user_id": "5", "xp": 1, "\0": 1}},
    {"\0": 1},
]


async def test_what_no_text_may_hold_is_refused(bot: httpx2.AsyncClient) -> None:
    """Also where it is shown: the name of an unknown member is part of its pointer."""
    found = await imported(bot, "guildhall", lines({"guildhall": 1}, *UNSTORABLE))
    assert (found["status"], found["counts"]) == ("finished", counts(len(UNSTORABLE), 0, 0, len(UNSTORABLE)))


async def test_what_turns_out_to_be_too_large_ends_the_import(bot: httpx2.AsyncClient) -> None:
    """And not the server's patience: the guild may have another one at once."""
    stat = {"stat_day": {"stat": "a", "day": "2020-01-06", "user_id": "5", "value": 2**62}}
    file = lines({"guildhall": 1}, {"member": {"user_id": "5", "xp": 1, "custom_stats": {"a": 1}}}, stat)
    assert (await imported(bot, "guildhall", file))["status"] == "finished"
    found = await imported(bot, "guildhall", lines({"guildhall": 1}, stat), mode="add")
    assert (found["status"], found["refused"][-1]["message"]) == (
        "failed", "After row 0, a row has a value that cannot be stored.",
    )  # fmt: skip
