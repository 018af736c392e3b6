"""The ledger: the one way to change standings, which are members' rows, their days and hours, and the counters of
ranks.

A transaction locks the standings (`standings.lock`), changes them, enters what it did into a `Ledger`, and stores the
ledger once. Once, because storing locks rows that a guild's members share, in the lock order: two transactions that
were both between two stores would deadlock. The number of statements does not depend on the number of members."""

from collections.abc import Collection, Iterable
from datetime import date, datetime
from operator import add, attrgetter
from typing import TypeVar

from api.lib.arrays import columns
from api.lib.bits import kept_bits
from api.members import ledger_queries as sql
from api.members.standings import Key, Standing
from api.postgres.database import Connection

K = TypeVar("K")

# Two counters count each ranked member: by the power of two of their XP, and by its first eight bits. A rank is the sum
# of the counters above, and a count of the few members within the same eight bits.
OCTAVE, FINE = 1, 8

WIDTH = 7  # of a row: see `Ledger.row`
XP = 0  # the XP board: the first number of the boards
GUILD = 0  # the user id of the whole guild's days and hours
EVENTS = 6  # the column of events that make a day count for the streak

# The columns of the stats that events count.
_COUNTED = (("messages", 1), ("voice_seconds", 2), ("reactions", 3), ("commands", 4))

Counter = tuple[int, int, int]  # guild, kept bits, low
Amounts = dict[tuple[str, date], int]  # of a stat on a day


class Boards:
    """The changes of the all-time boards: rows to insert, to update and to delete."""

    def __init__(self, standings: Iterable[Standing]) -> None:
        self.entered: list[tuple[int, int, int, int]] = []  # guild, stat, user, value
        self.moved: list[tuple[int, int, int, int, int]] = []  # the same, value before and after
        self.left: list[tuple[int, int, int, int]] = []
        for standing in standings:
            guild, user, now = standing.guild_id, standing.user_id, standing.on_boards()
            if standing.was_ranked == standing.is_ranked and standing.before == now:
                continue
            for stat, (before, after) in enumerate(zip(standing.before, now, strict=True)):
                was_there = standing.was_ranked and (stat == XP or before > 0)
                is_there = standing.is_ranked and (stat == XP or after > 0)
                if was_there and is_there:
                    if before != after:
                        self.moved.append((guild, stat, user, before, after))
                elif is_there:
                    self.entered.append((guild, stat, user, after))
                elif was_there:
                    self.left.append((guild, stat, user, before))


class Ledger:
    """The changes of standings in a transaction, collected, and stored by a fixed number of statements."""

    def __init__(self) -> None:
        self._touched: dict[int, Standing] = {}
        self._rows: dict[tuple[int, date, datetime | None, int], list[int]] = {}
        self._stats: dict[tuple[int, str, date, int], int] = {}

    def touch(self, standing: Standing) -> None:
        """Stores the standing's row with the ledger, as it is then."""
        self._touched[standing.id] = standing

    def add(
        self,
        standing: Standing,
        day: date,
        hour: datetime | None,
        *,
        xp: int = 0,
        earned_xp: int = 0,
        messages: int = 0,
        voice_seconds: int = 0,
        reactions: int = 0,
        commands: int = 0,
        events: int = 0,
    ) -> None:
        """Adds to the day and hour (None: no hour) of the member and of the guild, but not to the standing's totals.
        `earned_xp`: the part of `xp` that the daily cap counts. `events`: those that make the day count for the
        streak."""
        amounts = (xp, messages, voice_seconds, reactions, commands, earned_xp, events)
        row = self.row(standing, day, hour)
        for place, amount in enumerate(amounts):
            row[place] += amount

    def row(self, standing: Standing, day: date, hour: datetime | None) -> list[int]:
        """The member's row of this hour, to add to in place: XP, messages, voice seconds, reactions, commands, XP that
        the cap counts, events that the streak counts."""
        key = (standing.guild_id, day, hour, standing.user_id)
        row = self._rows.get(key)
        if row is None:
            row = self._rows[key] = [0] * WIDTH
        return row

    def add_stat(self, standing: Standing, day: date, stat: str, amount: int) -> None:
        """Adds to a custom stat: its total and its day."""
        key = (standing.guild_id, stat, day, standing.user_id)
        self._stats[key] = self._stats.get(key, 0) + amount

    def days(self) -> set[date]:
        """The days that need partitions."""
        return {key[1] for key in self._rows} | {key[2] for key in self._stats}

    def amounts(self, keys: Collection[Key]) -> dict[Key, Amounts]:
        """The amounts that it adds to these members' stats, built-in and custom."""
        found: dict[Key, Amounts] = {}
        for (guild, day, _, user), row in self._rows.items():
            if (guild, user) in keys:
                theirs = found.setdefault((guild, user), {})
                for stat, place in _COUNTED:
                    if row[place]:
                        theirs[stat, day] = theirs.get((stat, day), 0) + row[place]
        for (guild, stat, day, user), amount in self._stats.items():
            if (guild, user) in keys:
                found.setdefault((guild, user), {})[stat, day] = amount
        return found

    def active_days(self, keys: Collection[Key]) -> set[tuple[int, int, date]]:
        """The days on which these members are active in it: guild, user, day."""
        rows = self._rows.items()
        return {(guild, user, day) for (guild, day, _, user), row in rows if row[EVENTS] and (guild, user) in keys}

    async def store(self, connection: Connection) -> None:
        """Stores everything, once. The partitions of its days and hours must exist: see `api.postgres.partitions`."""
        if not self._touched and not self._rows:
            return
        counters = [(*key, change) for key, change in sorted(self._counters().items())]
        boards = Boards(self._touched.values())
        days: dict[tuple[int, date, int], list[int]] = {}
        hours: dict[tuple[int, datetime, int], list[int]] = {}
        guilds: dict[tuple[int, date, datetime | None], list[int]] = {}
        for (guild, day, hour, user), row in self._rows.items():
            _add(guilds, (guild, day, hour), row)
            _add(days, (guild, day, user), row)
            if hour is not None:
                _add(hours, (guild, hour, user), row)
        for (guild, day, hour), row in guilds.items():
            _add(days, (guild, day, GUILD), row)
            if hour is not None:
                _add(hours, (guild, hour, GUILD), row)
        await connection.execute(
            sql.STORE,
            *sql.store(
                members=[_written(standing) for standing in self._touched.values()],
                days=[(*key, *row) for key, row in sorted(days.items())],
                hours=[(*key, *row[:5]) for key, row in sorted(hours.items())],
                entered=boards.entered,
                moved=boards.moved,
                counters=counters,
            ),
        )
        if boards.left:
            await connection.execute(sql.LEAVE_BOARDS, *columns(boards.left, 4))
        if self._stats:
            totals: dict[tuple[int, int, str], int] = {}
            for (guild, stat, _, user), amount in self._stats.items():
                totals[guild, user, stat] = totals.get((guild, user, stat), 0) + amount
            await connection.execute(
                sql.STORE_STATS,
                *sql.store_stats(
                    days=[(*key, amount) for key, amount in sorted(self._stats.items())],
                    totals=[(*key, amount) for key, amount in sorted(totals.items())],
                ),
            )

    def _counters(self) -> dict[Counter, int]:
        changes: dict[Counter, int] = {}
        for standing in self._touched.values():
            before = standing.before[XP] if standing.was_ranked else None
            after = standing.xp if standing.is_ranked else None
            if before != after:
                count(changes, standing.guild_id, before, after)
        return {key: change for key, change in changes.items() if change}


def count(changes: dict[Counter, int], guild_id: int, before: int | None, after: int | None) -> None:
    """Adds a member to the changes of `xp_counts`: their XP before and after; None: not ranked."""
    for kept in (OCTAVE, FINE):
        left = None if before is None else kept_bits(before, kept)
        entered = None if after is None else kept_bits(after, kept)
        if left != entered:
            for low, change in ((left, -1), (entered, 1)):
                if low is not None:
                    key = (guild_id, kept, low)
                    changes[key] = changes.get(key, 0) + change


_written = attrgetter("id", *Standing.__struct_fields__[3:16])


def _add(rows: dict[K, list[int]], key: K, amounts: list[int]) -> None:
    known = rows.get(key)
    rows[key] = amounts if known is None else list(map(add, known, amounts))
