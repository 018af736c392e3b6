"""Leaderboards of any stat and any period."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple

import asyncpg

from api.auth.actors import Actor
from api.errors import Invalid, NotFound
from api.leaderboards import queries
from api.leaderboards.dtos import BoardEntry, LeaderboardQuery, LeaderboardView
from api.leaderboards.rules import Window, bounds, window
from api.leaderboards.snapshot import Place, Row, Snapshot
from api.leaderboards.snapshots import Board, Snapshots
from api.lib.batch_loader import BatchLoader
from api.lib.clock import Clock
from api.lib.pagination import LARGEST_PAGE, Cursors
from api.members.leveling_config import LevelingConfig
from api.members.leveling_config_cache import LevelingConfigCache
from api.members.levels import LevelCurve
from api.members.names import Names, shown
from api.postgres.database import Connection, Database
from api.postgres.reader import Reader

# Members with equal values that a page's statement counts; more are counted only if a rank needs it.
_TIES = 1000


class _Page(NamedTuple):
    """A page by columns, with one member more if there are more. `rank`: the first member's. A member who begins
    another value has the rank `behind` plus its position."""

    users: list[int]
    values: list[int]
    xp: list[int]
    names: Sequence[Names]
    member_count: int
    rank: int
    behind: int


class _Found(NamedTuple):
    """The entries of a page, and whether more follow. `as_of`: see `LeaderboardView`."""

    items: list[BoardEntry]
    member_count: int
    has_more: bool
    as_of: datetime | None


class LeaderboardService:
    def __init__(
        self,
        database: Database,
        reader: Reader,
        leveling_configs: LevelingConfigCache,
        snapshots: Snapshots,
        cursors: Cursors,
        clock: Clock,
    ) -> None:
        self._database = database
        self._reader = reader
        self._snapshots = snapshots
        self._leveling_configs = leveling_configs
        self._cursors = cursors
        self._clock = clock
        self._tops = BatchLoader(self._read_tops)
        self._pages = BatchLoader(self._read_pages)

    def cached_config(self, guild_id: int) -> LevelingConfig | None:
        """The guild's leveling config, if it is in memory and fresh."""
        return self._leveling_configs.cached(guild_id)

    async def read(self, reader: Actor, guild_id: int, query: LeaderboardQuery) -> LeaderboardView:
        """A page of a board. Raises `Invalid`, and `NotFound` if `around` is not on the board."""
        config = await self._leveling_configs.get(guild_id)
        asked = window(query, config.day_of(self._clock.now()), config.settings.week_starts_on)
        if not isinstance(asked, Window):
            raise Invalid(errors=asked)
        scope = f"leaderboard:{[reader.id, guild_id, query.stat, query.period, query.at, query.from_, query.to]}"
        after: Place = queries.TOP
        if query.cursor is not None:
            # The days of the first page, even if a new week has begun since.
            value, user_id, first, last = self._cursors.read(scope, query.cursor)
            after = value, user_id
            asked = asked._replace(first=_date(first), last=_date(last))
        limit = min(query.limit, LARGEST_PAGE)
        read = self._read_now
        if asked.first is not None and await self._snapshots.is_large(guild_id):
            read = self._read_snapshot
        found = await read(guild_id, query, asked, after, limit, config.level_curve)
        cursor = None
        if found.has_more:
            last = found.items[-1]
            days = [None if day is None else day.isoformat() for day in (asked.first, asked.last)]
            cursor = self._cursors.write(scope, [last.value, int(last.user_id), *days])
        return LeaderboardView(
            stat=query.stat,
            period=asked.period,
            from_=asked.first,
            to=asked.last,
            as_of=found.as_of,
            member_count=found.member_count,
            items=found.items,
            next_cursor=cursor,
        )

    async def _read_now(
        self, guild_id: int, query: LeaderboardQuery, asked: Window, after: Place, limit: int, level_curve: LevelCurve
    ) -> _Found:
        """A page of the present data."""
        if (user_id := query.around) is not None:
            above = (limit - 1) // 2
            after = await self._reader.read(lambda c: _before(c, guild_id, query.stat, asked, user_id, above))
        if asked.first is None and query.stat == "xp":
            page = await self._xp_page(guild_id, after, limit)
        else:
            page = await self._reader.read(lambda c: _page(c, guild_id, query.stat, asked, after, limit))
        return _Found(_entries(page, limit, level_curve), page.member_count, len(page.users) > limit, None)

    async def _read_snapshot(
        self, guild_id: int, query: LeaderboardQuery, asked: Window, after: Place, limit: int, level_curve: LevelCurve
    ) -> _Found:
        """A page of a snapshot. Members who were hidden or erased since, or left, are looked up and skipped."""
        assert asked.first is not None
        assert asked.last is not None
        snapshot = await self._snapshots.get(Board(guild_id, query.stat, asked.first, asked.last))
        if query.around is None:
            first = snapshot.after(after)
        else:
            position = snapshot.position(query.around)
            if position is None or not await self._shown(guild_id, snapshot, list(snapshot.rows(position, 1))):
                raise NotFound
            first = max(position - (limit - 1) // 2, 0)
        items: list[BoardEntry] = []
        while len(items) <= limit and first < snapshot.count:
            rows = list(snapshot.rows(first, limit + 1))
            first += len(rows)
            members = await self._shown(guild_id, snapshot, rows)
            for rank, user_id, value in rows:
                if user_id in members:
                    xp, names = members[user_id]
                    items.append(BoardEntry(rank, *shown(user_id, names), value, xp, level_curve.level(xp)))
        return _Found(items[:limit], snapshot.count, len(items) > limit, snapshot.as_of)

    async def _shown(self, guild_id: int, snapshot: Snapshot, rows: Sequence[Row]) -> dict[int, tuple[int, Names]]:
        """The members of these who may still be shown, with their XP and names."""
        users = [row.user_id for row in rows]
        async with self._database.connection() as connection:
            rows_of_members = await connection.fetch(queries.SHOWN, guild_id, users, snapshot.newest_member)
        return {row[0]: (row[1], Names(row[2], row[3], row[4])) for row in rows_of_members}

    async def _xp_page(self, guild_id: int, after: Place, limit: int) -> _Page:
        if after == queries.TOP:
            found = await self._tops.get((guild_id, limit + 1))
        else:
            value, user_id = after
            found = await self._pages.get((guild_id, limit + 1, value, user_id, *bounds(value)))
        users, values, *names, member_count, above, before = found
        if users is None:
            return _Page([], [], [], [], member_count or 0, 1, 1)
        if before == _TIES and values[-1] != after[0]:
            before = await self._reader.read(lambda c: c.fetchval(queries.XP_BEFORE, guild_id, *after))
        behind = 1 + above + before
        rank = 1 + above if values[0] == after[0] else behind
        return _Page(users, values, values, list(map(Names, *names)), member_count, rank, behind)

    async def _read_tops(self, keys: Sequence[tuple[int, ...]]) -> list[asyncpg.Record]:
        return await self._reader.read(lambda c: c.fetch(queries.XP_TOPS, *zip(*keys, strict=True)))

    async def _read_pages(self, keys: Sequence[tuple[int, ...]]) -> list[asyncpg.Record]:
        return await self._reader.read(lambda c: c.fetch(queries.XP_PAGES, *zip(*keys, strict=True), _TIES))


async def _page(connection: Connection, guild_id: int, stat: str, asked: Window, after: Place, limit: int) -> _Page:
    """The page after a place, of a board other than all-time XP."""
    if asked.first is not None:
        statement = queries.page(stat, of_days=True, is_one=asked.first == asked.last)
        named = _of_days(stat, asked)
    elif stat in queries.STATS:
        statement, named = queries.STAT, [queries.STATS[stat]]
    else:
        statement, named = queries.page(stat, of_days=False), [stat]
    found = await connection.fetch(statement, guild_id, *after, limit + 1, *named)
    head = found[0]
    rows = found if head["user_id"] is not None else []
    users, values, xp = ([row[name] for row in rows] for name in ("user_id", "value", "xp"))
    names = [Names(row["username"], row["display_name"], row["avatar"]) for row in rows]
    rank: int = head["rank"]
    behind = rank if head["ties"] is None else rank + head["ties"] - values.count(after[0])
    return _Page(users, values, xp, names, head["member_count"], rank, behind)


async def _before(connection: Connection, guild_id: int, stat: str, asked: Window, user_id: int, above: int) -> Place:
    """The place after which the page with this member in its middle begins. Raises `NotFound`."""
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
        statement = queries.around(stat, of_days=of_days, is_one=asked.first == asked.last)
        rows = await connection.fetch(statement, guild_id, user_id, above + 1, *named)
        if not rows:
            raise NotFound
        first = rows[-1]["value"], rows[-1]["user_id"]
    return first[0], first[1] - 1


def _of_days(stat: str, asked: Window) -> list[object]:
    return [asked.first, asked.last] if stat in queries.STATS else [asked.first, asked.last, stat]


def _entries(page: _Page, limit: int, level_curve: LevelCurve) -> list[BoardEntry]:
    """The entries. Members with equal values share a rank."""
    entries: list[BoardEntry] = []
    rank, level, previous, previous_xp = page.rank, 0, -1, -1
    for user_id, value, xp, names in zip(page.users[:limit], page.values, page.xp, page.names, strict=False):
        if value != previous:
            if entries:
                rank = page.behind + len(entries)
            previous = value
        if xp != previous_xp:
            level, previous_xp = level_curve.level(xp), xp
        entries.append(BoardEntry(rank, *shown(user_id, names), value, xp, level))
    return entries


def _date(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)
