"""`GET …/leaderboard.png` and `GET …/members/{user_id}/activity.png`."""

from datetime import UTC, datetime, timedelta

import httpx2
import pytest

from api.cards.boards import MOST_BARS, board, chart
from api.cards.data import Look
from api.cards.names import Person
from api.leaderboards.dtos import BoardEntry, LeaderboardView
from api.lib.json import as_object
from api.members.dtos import BucketView, SeriesView
from api.postgres.engine import PlainConnection
from api.settings.builtin.cards import CardSettings
from tests.cards.pictures import distance, opened
from tests.members.people import give, hide, member
from tests.support.clock import MovableClock
from tests.support.people import ADA, BO, HARBOUR, MALLORY

BOARD = f"/v1/guilds/{HARBOUR}/leaderboard"
LOOK = Look(CardSettings(), None)
START = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.mark.parametrize("kind", ["png", "webp", "svg"])
async def test_a_board(bot: httpx2.AsyncClient, kind: str) -> None:
    await give(bot, ADA, 300)
    answer = await bot.get(f"{BOARD}.{kind}")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith(f"image/{kind}")
    if kind != "svg":
        assert opened(answer).width == 934


async def test_a_board_has_a_row_for_each_member(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    heights = []
    for xp, user_id in enumerate((ADA, BO, MALLORY)):
        await give(bot, user_id, 100 * (xp + 1))
        heights.append(opened(await bot.get(f"{BOARD}.png")).height)
    assert heights == [196, 262, 328]
    await hide(owner, MALLORY)
    assert opened(await bot.get(f"{BOARD}.png")).height == 262, "hidden people are on no board"
    assert opened(await bot.get(f"{BOARD}.png?limit=1")).height == 196


async def test_an_empty_board(bot: httpx2.AsyncClient) -> None:
    assert opened(await bot.get(f"{BOARD}.png?stat=duels_won&period=week")).size == (934, 196)


async def test_the_boards_query(bot: httpx2.AsyncClient, mallory: httpx2.AsyncClient) -> None:
    await give(bot, ADA, 300)
    for wrong in (
        "cursor=a",
        "limit=0",
        "period=year",
        "stat=A",
        "from=2026-11-02&to=2026-11-01",
        "no=1",
        "limit=1&limit=2",
    ):
        assert (await bot.get(f"{BOARD}.png?{wrong}")).status_code == 422, wrong
    assert (await bot.get(f"{BOARD}.png?around={BO}")).status_code == 404
    assert (await bot.get(f"{BOARD}.png?around={ADA}&limit=1000")).status_code == 200
    assert (await mallory.get(f"{BOARD}.png")).status_code == 404


async def test_a_board_has_a_tag(bot: httpx2.AsyncClient) -> None:
    await give(bot, ADA, 300)
    tag = (await bot.get(f"{BOARD}.png")).headers["etag"]
    assert (await bot.get(f"{BOARD}.png", headers={"If-None-Match": tag})).status_code == 304
    await give(bot, BO, 300)
    assert (await bot.get(f"{BOARD}.png", headers={"If-None-Match": tag})).status_code == 200


async def test_activity(bot: httpx2.AsyncClient, mallory: httpx2.AsyncClient, clock: MovableClock) -> None:
    await give(bot, ADA, 300)
    today = clock.now().date()
    yesterday = today - timedelta(days=1)  # hours are kept for a while
    path = f"{member(ADA)}/activity"
    by_day, empty = [opened(await bot.get(f"{path}.png{query}")) for query in ("", "?from=2026-01-01&to=2026-01-10")]
    assert by_day.size == empty.size == (934, 400)
    assert distance(by_day, empty) > 0.1
    for kind in ("webp", "svg"):
        assert (await bot.get(f"{path}.{kind}?bucket=hour&from={yesterday}&to={today}")).status_code == 200
    assert (await bot.get(f"{path}.png?from={today}&to={today}")).status_code == 200, "no bucket at all"
    assert (await bot.get(f"{path}.png?bucket=year")).status_code == 422
    assert (await bot.get(f"{member(BO)}/activity.png")).status_code == 404
    assert (await mallory.get(f"{path}.png")).status_code == 404


def series(*messages: int, xp: int = 0) -> SeriesView:
    items = [BucketView(START + timedelta(days=n), each, 0, 0, 0, xp) for n, each in enumerate(messages)]
    return SeriesView("day", START, START + timedelta(days=len(messages)), items)


def test_a_chart() -> None:
    drawn = chart(LOOK, Person(ADA), None, series(1, 0, 7), UTC)
    assert drawn["bars"] == [1 / 8, 0, 7 / 8]
    assert drawn["grid"] == [[0.0, "0"], [0.25, "2"], [0.5, "4"], [0.75, "6"], [1.0, "8"]]
    assert drawn["dates"] == [[0, "1 Nov"], [1, "2 Nov"], [2, "3 Nov"]]
    assert (drawn["subtitle"], drawn["total"], drawn["unit"]) == ("1 November 2026 to 3 November 2026", "8", "messages")
    assert chart(LOOK, Person(ADA), None, series(0, xp=9), UTC)["unit"] == "XP"


def test_a_chart_of_many_buckets() -> None:
    drawn = chart(LOOK, Person(ADA), None, series(*[10**12] * 2000), UTC)
    assert isinstance(drawn["bars"], list)
    assert len(drawn["bars"]) == MOST_BARS
    assert max(map(float, drawn["bars"])) <= 1  # type: ignore[arg-type] # they are numbers
    assert drawn["grid"][-1] == [1.0, "12T"]  # type: ignore[index] # a list


@pytest.mark.parametrize(
    ("stat", "value", "shown"),
    [
        ("xp", 2**53, "9,007,199,254,740,992 XP"),
        ("voice_seconds", 7199, "1 h"),
        ("duels", -5, "-5"),
        ("messages", 0, "0"),
    ],
)
def test_a_row(stat: str, value: int, shown: str) -> None:
    view = LeaderboardView(
        stat, "all", None, None, None, 1, [BoardEntry(1, str(ADA), None, None, None, value, 1, 1000)]
    )
    rows = board(LOOK, "Harbour", view, [Person(ADA)], [None])["rows"]
    assert isinstance(rows, list)
    row = as_object(rows[0])
    assert (row["value"], row["under"]) == (shown, "Level 1,000")
