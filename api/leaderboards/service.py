"""Boards: who is first, of any stat and any time."""

from collections.abc import Sequence
from datetime import date

import asyncpg

from api.auth.actors import Actor
from api.database import Connection, Database
from api.errors import Invalid, NotFound
from api.leaderboards import queries
from api.leaderboards.dtos import BoardEntry, LeaderboardQuery, LeaderboardView
from api.leaderboards.rules import Window, window
from api.lib.clock import Clock
from api.lib.pagination import LARGEST_PAGE, Cursors
from api.members.levels import Ladder
from api.members.rulebook import Rulebook

Place = tuple[int, int]  # value, user


class LeaderboardService:
    def __init__(self, database: Database, rulebook: Rulebook, cursors: Cursors, clock: Clock) -> None:
        self._database = database
        self._rulebook = rulebook
        self._cursors = cursors
        self._clock = clock

    async def read(self, reader: Actor, guild_id: int, query: LeaderboardQuery) -> LeaderboardView:
        """A page of a board. Raises `Invalid`, `NotFound` where `around` is not on the board."""
        rules = await self._rulebook.get(guild_id)
        asked = window(query, rules.day_of(self._clock.now()), rules.settings.week_starts_on)
        if not isinstance(asked, Window):
            raise Invalid(errors=asked)
        scope = f"leaderboard:{[reader.id, guild_id, query.stat, query.period, query.at, query.from_, query.to]}"
        after: Place = queries.TOP
        if query.cursor is not None:
            # The days are those of the first page, though a new week may have begun since.
            value, user_id, first, last = self._cursors.read(scope, query.cursor)
            after = value, user_id
            asked = asked._replace(first=_date(first), last=_date(last))
        limit = min(query.limit, LARGEST_PAGE)
        async with self._database.connection() as connection:
            if query.around is not None:
                after = await _before(connection, guild_id, query.stat, asked, query.around, (limit - 1) // 2)
            rows = await _page(connection, guild_id, query.stat, asked, after, limit + 1)
        entries = [row for row in rows if row["user_id"] is not None]
        shown = entries[:limit]
        cursor = None
        if len(entries) > limit:
            last_row = shown[-1]
            days = [None if day is None else day.isoformat() for day in (asked.first, asked.last)]
            cursor = self._cursors.write(scope, [last_row["value"], last_row["user_id"], *days])
        return LeaderboardView(
            stat=query.stat,
            period=asked.period,
            from_=asked.first,
            to=asked.last,
            member_count=rows[0]["member_count"],
            items=_entries(shown, rules.ladder),
            next_cursor=cursor,
        )


async def _page(
    connection: Connection, guild_id: int, stat: str, asked: Window, after: Place, limit: int
) -> list[asyncpg.Record]:
    """So many rows behind a place; one row without a user if there is none."""
    if asked.first is not None:
        return await connection.fetch(queries.page(stat, of_days=True), guild_id, *after, limit, *_of_days(stat, asked))
    if stat == "xp":
        return await connection.fetch(queries.XP, guild_id, *after, limit)
    if stat in queries.STATS:
        return await connection.fetch(queries.STAT, guild_id, *after, limit, queries.STATS[stat])
    return await connection.fetch(queries.page(stat, of_days=False), guild_id, *after, limit, stat)


async def _before(connection: Connection, guild_id: int, stat: str, asked: Window, user_id: int, above: int) -> Place:
    """The place behind which the page begins that has a member in its middle. Raises `NotFound`."""
    rows: Sequence[asyncpg.Record]
    if asked.first is None and stat in queries.STATS:
        value = await connection.fetchval(queries.OF_MEMBER.format(stat=stat), guild_id, user_id)
        if value is None or (value == 0 and stat != "xp"):
            raise NotFound
        rows = await connection.fetch(queries.BEFORE, guild_id, value, user_id, above, queries.STATS[stat])
        first = (rows[-1]["value"], rows[-1]["user_id"]) if rows else (value, user_id)
    else:
        of_days = asked.first is not None
        named = _of_days(stat, asked) if of_days else [stat]
        rows = await connection.fetch(queries.around(stat, of_days=of_days), guild_id, user_id, above + 1, *named)
        if not rows:
            raise NotFound
        first = rows[-1]["value"], rows[-1]["user_id"]
    return first[0], first[1] - 1


def _of_days(stat: str, asked: Window) -> list[object]:
    return [asked.first, asked.last] if stat in queries.STATS else [asked.first, asked.last, stat]


def _entries(rows: Sequence[asyncpg.Record], ladder: Ladder) -> list[BoardEntry]:
    """The rows with their ranks: those of the same value share one. What comes with each row is the page's:
    see `queries`."""
    entries: list[BoardEntry] = []
    rank = behind = 0
    value: int | None = None
    for place, row in enumerate(rows):
        if place == 0:
            rank, value = row["rank"], row["value"]
        elif row["value"] != value:
            if not behind:  # ranks behind the first value's: of a row at `place`, `behind + place`
                behind = rank + row["ties"] - place if row["ties"] is not None else rank
            value, rank = row["value"], behind + place
        entries.append(BoardEntry(rank, str(row["user_id"]), row["value"], row["xp"], ladder.level(row["xp"])))
    return entries


def _date(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)
