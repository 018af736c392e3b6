"""Shapes of leaderboards."""

from datetime import date, datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from api.lib.pagination import CursorText, Limit
from api.lib.snowflakes import Snowflake
from api.lib.times import DayText

Period = Literal["all", "day", "week", "month"]


StatName = Annotated[
    str,
    Meta(
        pattern=r"^[a-z][a-z0-9_]{0,63}$(?!\n)",
        description="`xp`, `messages`, `voice_seconds`, `reactions`, `commands`, or a custom stat",
    ),
]


class LeaderboardQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The stat and the time of the leaderboard, and the page."""

    stat: StatName = "xp"
    period: Annotated[Period, Meta(description="Default: `all`, for all time")] | None = None
    at: Annotated[DayText, Meta(description="A day (2026-11-16) within a past day, week or month")] | None = None
    from_: Annotated[DayText, Meta(description="First day of any window; with `to`, without `period`")] | None = (
        msgspec.field(default=None, name="from")
    )
    to: Annotated[DayText, Meta(description="Last day of the window, inclusive")] | None = None
    around: Annotated[Snowflake, Meta(description="The page with this member in its middle")] | None = None
    limit: Limit = 50
    cursor: CursorText | None = None


class BoardEntry(msgspec.Struct, frozen=True, gc=False):
    """A member's rank. `value` is that of the leaderboard's stat and time; `xp` and `level` are those of all time."""

    rank: int
    user_id: str
    username: str | None
    display_name: str | None
    avatar_url: str | None
    value: int
    xp: int
    level: int


class LeaderboardView(msgspec.Struct, frozen=True):
    """A page of a leaderboard: by value, highest first, then by id. Members with equal values share a rank. `from` and
    `to` are days, both included, and null for all time. `period` is null for a window. `as_of` is null if the
    leaderboard is current. For days in large guilds it says when the leaderboard was computed, at most ten seconds
    ago."""

    stat: str
    period: Period | None
    from_: date | None = msgspec.field(name="from")
    to: date | None
    as_of: datetime | None
    member_count: int
    items: list[BoardEntry]
    next_cursor: str | None = None
