"""Shapes of pictures' settings and links."""

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from api.leaderboards.dtos import LeaderboardQuery, Period, StatName
from api.lib.snowflakes import Snowflake
from api.lib.times import DayText
from api.settings.builtin.cards import Color


class BoardPictureQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The stat and the time of the leaderboard, and how many rows: a leaderboard's own query, without a cursor."""

    stat: StatName = "xp"
    period: Annotated[Period, Meta(description="Default: `all`, for all time")] | None = None
    at: Annotated[DayText, Meta(description="A day (2026-11-16) within a past day, week or month")] | None = None
    from_: Annotated[DayText, Meta(description="First day of any window; with `to`, without `period`")] | None = (
        msgspec.field(default=None, name="from")
    )
    to: Annotated[DayText, Meta(description="Last day of the window, inclusive")] | None = None
    around: Annotated[Snowflake, Meta(description="The rows with this member in their middle")] | None = None
    limit: Annotated[int, Meta(ge=1, description="Number of rows; above 25 counts as 25")] = 10

    def of_board(self, most: int) -> LeaderboardQuery:
        """The query of the leaderboard that is drawn."""
        return LeaderboardQuery(
            stat=self.stat,
            period=self.period,
            at=self.at,
            from_=self.from_,
            to=self.to,
            around=self.around,
            limit=min(self.limit, most),
        )


class MemberCardView(msgspec.Struct, frozen=True):
    """What a member chose for their own card. `accent`: `#rrggbb`, or null if the card has the guild's accent."""

    accent: str | None


class PutMemberCard(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`accent`: `#rrggbb`, or null for the guild's."""

    accent: Color | None


class CardLinkView(msgspec.Struct, frozen=True):
    """An address that shows a member's card to everybody until `expires_at`."""

    url: str
    expires_at: datetime


class CardBackgroundView(msgspec.Struct, frozen=True):
    """The picture as it is stored: a JPEG, encoded anew."""

    media_type: str
    width: int
    height: int
    uploaded_at: datetime
