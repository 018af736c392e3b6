"""Boards are read from rows that a test puts there."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import date

import pytest

from api.postgres.engine import PlainConnection
from tests.members.counters import assert_counters
from tests.support.people import HARBOUR

Put = Callable[[Mapping[int, int]], Awaitable[None]]
PutDay = Callable[[date, Mapping[int, int]], Awaitable[None]]


@pytest.fixture(autouse=True)
async def counters_hold(owner: PlainConnection) -> AsyncIterator[None]:
    """What a test put there is what the application itself would have."""
    yield
    await assert_counters(owner)


@pytest.fixture
def put(owner: PlainConnection) -> Put:
    """Makes Harbour's members, by their XP."""

    async def make(xp: Mapping[int, int]) -> None:
        await owner.execute(
            "INSERT INTO members (guild_id, user_id, xp) SELECT $1::bigint, * FROM unnest($2::bigint[], $3::bigint[])",
            HARBOUR, list(xp), list(xp.values()),
        )  # fmt: skip
        await owner.execute("TRUNCATE xp_counts, boards")
        await owner.execute("INSERT INTO boards SELECT guild_id, 0, xp, user_id FROM members WHERE is_ranked")
        await owner.execute(
            "INSERT INTO xp_counts SELECT guild_id, kept, guildhall_xp_floor(xp, kept), count(*)"
            " FROM members CROSS JOIN (VALUES (1), (8)) AS each (kept) WHERE is_ranked GROUP BY 1, 2, 3"
        )

    return make


@pytest.fixture
def put_day(owner: PlainConnection) -> PutDay:
    """What members of Harbour did on a day, in messages, each for one XP."""

    async def make(day: date, messages: Mapping[int, int]) -> None:
        await owner.execute("SELECT guildhall_create_partition('activity_days', $1)", day)
        await owner.execute(
            "INSERT INTO activity_days (guild_id, day, user_id, messages, xp, events)"
            " SELECT $1::bigint, $2::date, u, n, n, 1 FROM unnest($3::bigint[], $4::bigint[]) AS each (u, n)"
            " UNION ALL SELECT $1, $2, 0, 99, 99, 1",
            HARBOUR, day, list(messages), list(messages.values()),
        )  # fmt: skip

    return make
