"""History: events of any age, judged as one sequence by themselves."""

import random
from datetime import UTC, date, datetime, timedelta

import httpx2
import pytest

from api.postgres.engine import PlainConnection
from tests.imports.files import Json, counts, event, imported, lines, member
from tests.members.people import leveling
from tests.support.clock import CLOCK
from tests.support.people import ADA, BO, HARBOUR

NOW = CLOCK.start


def at(days: float = 0, **more: float) -> str:
    """So many days ago, and some more."""
    return (NOW - timedelta(days=days) + timedelta(**more)).isoformat().replace("+00:00", "Z")


async def record(bot: httpx2.AsyncClient, *events: Json) -> Json:
    response = await bot.post(f"/v1/guilds/{HARBOUR}/activity", json={"events": events})
    assert response.status_code == 200, response.text
    found: Json = response.json()
    return found


async def flat(bot: httpx2.AsyncClient, **more: int) -> None:
    """10 XP a message."""
    await leveling(bot, xp_per_message={"min": 10, "max": 10}, **more)


async def test_every_kind_counts(bot: httpx2.AsyncClient) -> None:
    await flat(bot, xp_per_voice_minute=6, xp_per_reaction=2, xp_per_command=3)
    found = await imported(
        bot,
        "events",
        lines(
            event(1, "2019-03-04T10:00:00Z", channel_id="5", role_ids=["6"]),
            event(2, "2019-03-04T10:00:30+00:00", type="voice", seconds=90),
            event(3, "2015-01-02T10:00:00Z", type="reaction"),
            event(4, "2020-03-04T12:00:00+02:00", type="command", name="rank"),
            event(5, "2020-03-05T10:00:00Z", type="stat", stat="duels_won", amount=-4),
            event(6, "2020-03-05T10:00:00Z", user_id=BO),
        ),
    )

    assert (found["status"], found["mode"], found["counts"]) == ("finished", None, counts(6, 6))
    ada = await member(bot)
    assert ada["xp"] == 10 + 9 + 2 + 3
    assert ada["stats"] == {"messages": 1, "voice_seconds": 90, "reactions": 1, "commands": 1}
    assert ada["custom_stats"] == {"duels_won": -4}
    assert (ada["first_seen_at"], ada["last_active_at"]) == ("2015-01-02T10:00:00Z", "2020-03-05T10:00:00Z")
    assert ada["streak"] == {"current": 0, "best": 2}
    series = await bot.get(f"/v1/guilds/{HARBOUR}/activity?from=2019-03-01&to=2019-04-01&bucket=week")
    assert sum(item["xp"] for item in series.json()["items"]) == 19


async def test_order_of_the_file_is_of_no_matter(bot: httpx2.AsyncClient) -> None:
    """More than a transaction's worth, shuffled, with a cooldown and a cap: as if each came when it happened."""
    await flat(bot, daily_xp_cap=130, cooldown_seconds=60)
    chance = random.Random(7)  # noqa: S311 - the same in every run
    start = datetime(2018, 6, 1, tzinfo=UTC)
    moments = [start + timedelta(seconds=37 * number) for number in range(4500)]
    events = [event(number, moment.isoformat(), chance.choice((ADA, BO))) for number, moment in enumerate(moments)]
    earned: dict[tuple[str, date], int] = {}
    last: dict[str, datetime] = {}
    for one, moment in zip(events, moments, strict=True):
        user = one["user_id"]
        if user in last and moment - last[user] < timedelta(seconds=60):
            continue
        gained = min(10, 130 - earned.get((user, moment.date()), 0))
        if gained:
            last[user] = moment
            earned[user, moment.date()] = earned.get((user, moment.date()), 0) + gained
    chance.shuffle(events)

    rehearsed = await imported(bot, "events", lines(*events), dry_run=True)
    assert (await bot.get(f"/v1/guilds/{HARBOUR}/members/{ADA}")).status_code == 404
    found = await imported(bot, "events", lines(*events))

    assert found["counts"] == rehearsed["counts"] == counts(4500, 4500)
    xp = {user: sum(gained for (who, _), gained in earned.items() if who == str(user)) for user in (ADA, BO)}
    assert {user: (await member(bot, user))["xp"] for user in (ADA, BO)} == xp
    assert {int(each["user_id"]): each["xp_after"] for each in rehearsed["preview"]} == xp
    assert all(each["xp_before"] == 0 for each in rehearsed["preview"])
    messages = [(await member(bot, user))["stats"]["messages"] for user in (ADA, BO)]
    assert sum(messages) == 4500


async def test_an_id_counts_once(bot: httpx2.AsyncClient) -> None:
    await flat(bot)
    file = lines(event(1, at(900)), event(2, at(899)), event(1, at(900)), event(1, at(800)))

    assert (await imported(bot, "events", file))["counts"] == counts(4, 2, 2)
    assert (await imported(bot, "events", file))["counts"] == counts(4, 0, 4)
    assert (await imported(bot, "events", file, dry_run=True))["counts"]["imported"] == 0
    assert (await record(bot, event(1, at())))["duplicates"] == 1, "ids of imported events stay"
    await record(bot, event(7, at(2)))
    assert (await imported(bot, "events", lines(event(7, at(2)), event(8, at(2)))))["counts"] == counts(2, 1, 1)
    assert (await member(bot))["stats"]["messages"] == 4


async def test_the_live_cooldown_is_untouched(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    await flat(bot, cooldown_seconds=3600)
    await record(bot, event(1, at(0, minutes=-30)))

    await imported(bot, "events", lines(event(2, at(0, minutes=-45)), event(3, at(0, minutes=-2))))
    assert (await member(bot))["xp"] == 20, "neither bounded by it"
    assert (await record(bot, event(4, at())))["accepted"] == 1
    assert (await member(bot))["xp"] == 20, "nor moving it"
    assert await owner.fetchval("SELECT last_xp_at FROM members") == NOW - timedelta(minutes=30)


async def test_the_cap_counts_what_the_day_already_has(bot: httpx2.AsyncClient) -> None:
    await flat(bot, daily_xp_cap=25, cooldown_seconds=0)
    await record(bot, event(1, at(2)), event(2, at(2, seconds=1)))
    await imported(bot, "events", lines(event(3, at(2, seconds=2)), event(4, at(2, seconds=3)), event(5, at(300))))
    assert (await member(bot))["xp"] == 25 + 10


async def test_a_day_that_never_was_is_no_gap(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    """Apia went from the 29th to the 31st of December 2011."""
    await bot.patch(f"/v1/guilds/{HARBOUR}", json={"timezone": "Pacific/Apia"})
    noons = ["2011-12-28T22:00:00Z", "2011-12-29T22:00:00Z", "2011-12-30T22:00:00Z", "2011-12-31T22:00:00Z"]
    await imported(bot, "events", lines(event(1, noons[2]), event(2, noons[3])))
    assert (await member(bot))["streak"]["best"] == 2
    await imported(bot, "events", lines(event(3, noons[0]), event(4, noons[1])))
    assert (await member(bot))["streak"]["best"] == 4
    row = await owner.fetchrow("SELECT streak_from, streak_to FROM members WHERE user_id = $1", ADA)
    assert tuple(row or ()) == (date(2011, 12, 28), date(2012, 1, 1))
    await imported(bot, "events", lines(*(event(10 + number, noon, BO) for number, noon in enumerate(noons))))
    assert (await member(bot, BO))["streak"]["best"] == 4


async def test_streaks_are_joined(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    """Live on the last two days; then the days before, with a hole, and a longer run long ago."""
    await record(bot, event(1, at()), event(2, at(1)))
    days = [2, 3, 4, 6, *range(100, 110)]
    await imported(bot, "events", lines(*(event(100 + day, at(day)) for day in days), event(999, at(105), BO)))

    assert (await member(bot))["streak"] == {"current": 5, "best": 10}
    assert (await member(bot, BO))["streak"] == {"current": 0, "best": 1}
    row = await owner.fetchrow("SELECT streak_from, streak_to FROM members WHERE user_id = $1", ADA)
    assert row is not None
    assert (row["streak_from"], row["streak_to"]) == ((NOW - timedelta(days=4)).date(), NOW.date())
    await imported(bot, "events", lines(event(5, at(5))))
    assert (await member(bot))["streak"] == {"current": 7, "best": 10}


async def test_refused_rows_say_why(bot: httpx2.AsyncClient) -> None:
    file = lines(
        event(1, at(9), guild="5"),
        event(2, at(0, minutes=20)),
        event(3, "0001-01-07T23:59:59Z"),
        event(4, "2020-01-01T00:00:00"),
        {"id": "5", "type": "message", "occurred_at": at(3)},
        event(6, at(3), type="voice", seconds=0),
        event(7, at(3), type="dance"),
        [],
    )
    found = await imported(bot, "events", file + b"{\n\n" + lines(event(8, at(3))) + b"\xff\n")

    assert found["status"] == "finished"
    assert found["counts"] == counts(11, 1, 0, 10)
    assert [(row["row"], row["pointer"]) for row in found["refused"]] == [
        (1, "/guild"), (2, "/occurred_at"), (3, "/occurred_at"), (4, "/occurred_at"), (5, "/user_id"),
        (6, "/seconds"), (7, "/type"), (8, ""), (9, ""), (11, ""),
    ]  # fmt: skip
    assert all(row["message"] for row in found["refused"])


async def test_an_empty_file_has_no_events(bot: httpx2.AsyncClient) -> None:
    assert (await imported(bot, "events", b""))["counts"] == counts(0, 0)


async def test_people_who_opted_out_are_passed_over(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    await owner.execute("INSERT INTO privacy_choices (user_id, opted_out_at) VALUES ($1, now())", ADA)
    found = await imported(bot, "events", lines(event(1, at(9)), event(2, at(9), BO)))
    assert found["counts"] == counts(2, 1, 1)
    assert (await bot.get(f"/v1/guilds/{HARBOUR}/members/{ADA}")).status_code == 404
    assert await owner.fetchval("SELECT count(*) FROM activity_ids") == 1


async def test_who_did_something_after_leaving_is_back(bot: httpx2.AsyncClient) -> None:
    await record(bot, event(1, at(3)), event(2, at(3), BO))
    for user in (ADA, BO):
        assert (await bot.delete(f"/v1/guilds/{HARBOUR}/members/{user}")).status_code == 204
    later = (CLOCK.now() + timedelta(minutes=3)).isoformat().replace("+00:00", "Z")
    await imported(bot, "events", lines(event(3, later), event(4, at(1), BO)))
    assert [(await member(bot, user))["rank"] for user in (ADA, BO)] == [1, None]


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "America/St_Johns"])
async def test_days_are_the_guilds(bot: httpx2.AsyncClient, owner: PlainConnection, zone: str) -> None:
    await bot.patch(f"/v1/guilds/{HARBOUR}", json={"timezone": zone})
    await imported(bot, "events", lines(event(1, "2021-05-05T11:00:00Z"), event(2, "2021-05-06T01:00:00Z")))
    days = [row["day"] for row in await owner.fetch("SELECT day FROM activity_days WHERE user_id = $1 ORDER BY 1", ADA)]
    expected = [date(2021, 5, 6)] if zone.startswith("Pacific") else [date(2021, 5, 5)]
    assert days == expected


async def test_events_of_any_age(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    """One part of each table takes all that is older than December 1999: a file cannot make more."""
    await flat(bot, cooldown_seconds=0)
    years = [*range(2, 2000, 97), 1899, 1970, 1990, 1999]
    old = [f"{year:04}-{month:02}-01T00:00:00Z" for year in years for month in (1, 6)]
    moments = ["0001-01-08T00:00:00Z", *old, "1999-12-31T23:59:59Z", "2000-01-01T00:00:00Z"]
    events = [event(number, moment) for number, moment in enumerate(moments)]
    stats = [event(1000 + n, moment, type="stat", stat="duels", amount=1) for n, moment in enumerate(moments)]
    found = await imported(bot, "events", lines(*events, *stats))
    assert found["counts"] == counts(2 * len(moments), 2 * len(moments)), found
    ada = await member(bot)
    assert (ada["stats"]["messages"], ada["custom_stats"]["duels"]) == (len(moments), len(moments))
    assert ada["first_seen_at"] == "0001-01-08T00:00:00Z"
    for table in ("activity_days", "custom_stat_days"):
        names = await owner.fetch(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = $1::regclass", table
        )
        assert sorted(name for (name,) in names)[0] == f"{table}_0001_01_01"
        assert not [name for (name,) in names if f"{table}_0001_01_01" < name < f"{table}_1999_12_01"]
    series = await bot.get(f"/v1/guilds/{HARBOUR}/activity?from=1990-01-01&to=1991-01-01")
    assert sum(item["messages"] for item in series.json()["items"]) == 2
    board = await bot.get(f"/v1/guilds/{HARBOUR}/leaderboard?stat=messages&from=0001-01-01&to=1899-12-31")
    assert board.json()["items"][0]["value"] > 20


@pytest.mark.parametrize("zone", ["America/Los_Angeles", "Pacific/Kiritimati"])
async def test_the_oldest_events(bot: httpx2.AsyncClient, zone: str) -> None:
    await bot.patch(f"/v1/guilds/{HARBOUR}", json={"timezone": zone})
    moments = ("0001-01-07T23:59:59Z", "0001-01-08T00:00:00Z", "0001-01-01T00:00:00Z", "0001-01-08T00:00:00+14:00")
    found = await imported(bot, "events", lines(*(event(n, moment) for n, moment in enumerate(moments))))
    assert found["counts"]["imported"] == 1
    assert [(fault["row"], fault["pointer"]) for fault in found["refused"]] == [
        (row, "/occurred_at") for row in (1, 3, 4)
    ], found["refused"]
    assert (await bot.get(f"/v1/guilds/{HARBOUR}/members/{ADA}")).status_code == 200


async def test_hours_are_entered_as_long_as_they_are_kept(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    await imported(bot, "events", lines(event(1, at(800)), event(2, at(20))))
    assert await owner.fetchval("SELECT count(*) FROM activity_hours WHERE user_id = $1", ADA) == 1
    assert await owner.fetchval("SELECT count(*) FROM activity_days WHERE user_id = $1", ADA) == 2
