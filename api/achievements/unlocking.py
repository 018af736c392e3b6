"""Awards what members have earned, in the transaction that moved their stats.

Whoever changes standings calls `settle` instead of storing their ledger, while the members are locked. It evaluates
what mentions the moved stats, enters the rewards' XP into the ledger, and goes on with what that brings about, until
nothing changes: an award is never given twice, so that ends. Then it stores all of it, once. Members' rows are locked
by everybody who awards, so what is read of their stats and awards stays true."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

import msgspec

from api.achievements import queries
from api.achievements.catalog import Catalog, Definition, State, values_at_hand
from api.achievements.catalogs import Catalogs, Known
from api.achievements.conditions import Measure
from api.achievements.values import Asked, look_up
from api.events.outbox import OutboxEvent, publish
from api.lib.arrays import literal
from api.members.dtos import UnlockedAchievement, UnlockRewards
from api.members.ledger import MAX_XP, Key, Ledger, Standing
from api.members.leveling_config import LevelingConfig
from api.postgres.database import Connection

# So far ahead of us an event's clock may be: until then tomorrow's events are part of a total, and of no window yet.
_AHEAD = timedelta(minutes=5)


class Moment(NamedTuple):
    """What a member was at an earlier moment of the transaction: what their row told then, and what came since,
    by stat and day."""

    at_hand: dict[Measure, int]
    since: Mapping[tuple[str, date], int]


class Moved(msgspec.Struct):
    """A member, locked, and which of their stats moved. `moments`: what they were on the way, where
    a stat fell. `only`: the one achievement that is in question,
    whether or not its stats moved; `forced`: one that is awarded whatever its condition."""

    config: LevelingConfig
    standing: Standing
    stats: frozenset[str] = frozenset()
    moments: list[Moment] = msgspec.field(default_factory=list)
    only: int | None = None
    forced: Definition | None = None


class _Member(msgspec.Struct):
    """A member who may have earned something."""

    moved: Moved
    catalog: Catalog
    state: State
    mask: int
    leaves: int
    values: dict[Measure, int]
    earlier: list[dict[Measure, int]] = msgspec.field(default_factory=list)
    had: int = 0
    held: set[int | None] = msgspec.field(default_factory=set)
    given: list[tuple[Definition, int]] = msgspec.field(default_factory=list)

    @property
    def is_ordinary(self) -> bool:
        """Whether all that was in question is what their row tells."""
        return self.moved.only is None and not self.moved.moments

    @property
    def key(self) -> Key:
        return self.moved.standing.guild_id, self.moved.standing.user_id


class Settled:
    """What members were given."""

    def __init__(self, members: Sequence[_Member] = ()) -> None:
        self._members = members
        self.unlocked: dict[Key, list[UnlockedAchievement]] = {
            member.key: [unlocked(member.key[1], each) for each, _ in member.given]
            for member in members
            if member.given
        }
        self.xp = {member.key: sum(xp for _, xp in member.given) for member in members}

    def remember(self) -> None:
        """Call it when the transaction is committed: what a member has, they will have."""
        for member in self._members:
            member.state.had |= member.had
            if member.is_ordinary and member.state.leaves == member.leaves:
                member.state.checked |= member.mask


class Unlocking:
    def __init__(self, catalogs: Catalogs) -> None:
        self._catalogs = catalogs

    async def concerned(self, connection: Connection, guild_ids: Collection[int]) -> set[int]:
        """Those of the guilds in which anything can be earned."""
        found = await self._catalogs.of(guild_ids, connection)
        return {guild_id for guild_id, known in found.items() if known.catalog.definitions}

    async def settle(
        self, connection: Connection, moved: Sequence[Moved], ledger: Ledger, now: datetime, by: str | None = None
    ) -> Settled:
        """Stores the ledger, with what these members have earned by it; their standings are as they are then. The
        number of statements does not depend on how many members or achievements there are. `by`: who awards by hand
        what is `forced`. The transaction is one of `Parts.write`, which has had the parts `around` now made."""
        known = await self._catalogs.of({each.config.guild_id for each in moved}, connection)
        members = list(self._candidates(moved, known))
        await _look_up(connection, members, ledger, now)
        worth_it = [member for member in members if _is_worth_it(member)]
        await self._climb(connection, worth_it, ledger, now)
        await ledger.store(connection)
        await _store(connection, worth_it, now, by)
        return Settled(members)

    async def _climb(self, connection: Connection, members: Sequence[_Member], ledger: Ledger, now: datetime) -> None:
        """Finds out what they are given, and enters its XP."""
        if not members:
            return
        by_id = {member.moved.standing.id: member for member in members}
        for row in await connection.fetch(queries.AWARDS, literal(list(by_id))):
            member = by_id[row["member_id"]]
            member.had |= member.catalog.bits.get(row["achievement_id"], 0)
            if row["is_held"]:
                member.held.add(row["achievement_id"])
        for member in members:
            _climb(member)
            if xp := sum(each for _, each in member.given):
                config = member.moved.config
                give(ledger, member.moved.standing, config.day_of(now), config.hour_of(now), xp)

    async def of_xp(
        self,
        connection: Connection,
        config: LevelingConfig,
        standing: Standing,
        ledger: Ledger,
        now: datetime,
        before: int,
    ) -> tuple[list[UnlockedAchievement], Callable[[], None]]:
        """Stores a member's XP that was changed by hand. What it has earned them, and what to call after the
        commit."""
        stats = frozenset(() if standing.xp == before else ("xp", "level"))
        settled = await self.settle(connection, [Moved(config, standing, stats)], ledger, now)
        return settled.unlocked.get((config.guild_id, standing.user_id), []), settled.remember

    def _candidates(self, moved: Iterable[Moved], known: Mapping[int, Known]) -> Iterator[_Member]:
        for each in moved:
            theirs = known[each.config.guild_id]
            catalog = theirs.catalog
            state = self._catalogs.state(each.standing.id, theirs, each.config.level_curve)
            if each.only is not None:
                mask = catalog.bits.get(each.only, 0) & ~state.had
            elif each.moments:  # what they are now does not tell what they were
                mask = catalog.touched(each.stats) & ~state.had
            else:
                mask = catalog.candidates(each.standing, each.config.level_curve, each.stats, state)
            if mask or each.forced is not None:
                yield _Member(
                    each, catalog, state, mask, state.leaves, values_at_hand(each.standing, each.config.level_curve)
                )


async def _store(connection: Connection, members: Sequence[_Member], now: datetime, by: str | None) -> None:
    """The awards, and what the stream tells of them."""
    rows = [
        (each.id, standing.id, standing.guild_id, standing.user_id, each.name, xp, each.reward_role_id)
        for member in members
        for standing in (member.moved.standing,)
        for each, xp in member.given
    ]
    if rows:
        await connection.execute(queries.AWARD, *zip(*rows, strict=True), now, by)
        await publish(connection, [told(member.key, each) for member in members for each, _ in member.given])


def give(ledger: Ledger, standing: Standing, day: date, hour: datetime, xp: int) -> None:
    """Enters a reward's XP (below 0: what is taken back). It counts in the period in which it is given, and not
    towards the daily cap."""
    standing.xp += xp
    ledger.add(standing, day, hour, xp=xp)
    ledger.touch(standing)


def unlocked(user_id: int, definition: Definition) -> UnlockedAchievement:
    """An award as it is told."""
    role_id = definition.reward_role_id
    rewards = UnlockRewards(definition.reward_xp, None if role_id is None else str(role_id))
    return UnlockedAchievement(str(user_id), definition.key, rewards)


def told(key: Key, definition: Definition, event: str = "achievement.unlocked") -> OutboxEvent:
    """What the stream tells of an award."""
    guild_id, user_id = key
    return OutboxEvent(guild_id, event, msgspec.structs.asdict(unlocked(user_id, definition)), user_id)


async def _look_up(connection: Connection, members: Sequence[_Member], ledger: Ledger, now: datetime) -> None:
    """Adds what the members' rows do not tell to their values: what is stored, and what the ledger adds to it."""
    sought: set[Measure] = set()
    asked = []
    for member in members:
        theirs = member.catalog.sought(member.mask, member.state)
        if theirs:
            sought |= theirs
            asked.append(Asked(*member.key, member.moved.config.day_of(now)))
    found = await look_up(connection, asked, sought)
    added = ledger.amounts(found.keys())
    for member in members:
        known = found.get(member.key, {})
        today = member.moved.config.day_of(now)
        for each in sought if member.key in added else ():
            known[each] = known.get(each, 0) + _counted(added[member.key], each, today)
        member.earlier = [
            moment.at_hand | {each: known.get(each, 0) - _counted(moment.since, each, today) for each in sought}
            for moment in member.moved.moments
        ]
        member.values |= known
        if member.key in found and member.is_ordinary and member.moved.config.day_of(now + _AHEAD) == today:
            for each in sought:
                if each.is_bounded:
                    member.state.look(each, known.get(each, 0), member.values[Measure(each.stat)])


def _counted(amounts: Mapping[tuple[str, date], int], measure: Measure, today: date) -> int:
    """How much of these amounts the measure counts."""
    first = today - timedelta(days=measure.days - 1) if measure.days else date.min
    last = today if measure.days else date.max
    return sum(amount for (stat, day), amount in amounts.items() if stat == measure.stat and first <= day <= last)


def _is_worth_it(member: _Member) -> bool:
    """Whether anything in question really holds."""
    return member.moved.forced is not None or any(
        member.catalog.holding(values) & member.mask for values in (*member.earlier, member.values)
    )


def _climb(member: _Member) -> None:
    """Gives what holds and was never given, and what follows from that, until nothing does."""
    waiting = member.mask
    if member.moved.forced is not None:
        waiting |= _give(member, member.moved.forced, member.values)
    for values in (*member.earlier, member.values):
        if values is not member.values:
            _raise(member, values, sum(xp for _, xp in member.given))
        waiting = _climb_at(member, values, waiting)


def _climb_at(member: _Member, values: dict[Measure, int], waiting: int) -> int:
    """The same with these values; what was in question, and may be at the next moment."""
    asked = waiting
    while waiting := waiting & ~member.had:
        following = 0
        for each in member.catalog.of(waiting):
            if each.holds(values) and member.held.issuperset(each.requires):
                following |= _give(member, each, values)
        asked |= following
        waiting = following
    return asked & ~member.had


def _give(member: _Member, definition: Definition, values: dict[Measure, int]) -> int:
    """Gives it; what may follow from that. No XP is given above the highest."""
    room = MAX_XP - member.moved.standing.xp - sum(xp for _, xp in member.given)
    xp = min(definition.reward_xp, room)
    member.given.append((definition, xp))
    member.had |= member.catalog.bits.get(definition.id, 0)
    member.held.add(definition.id)
    for each in (values, member.values) if values is not member.values else (values,):
        _raise(member, each, xp)
    return member.catalog.following(definition, risen=xp > 0)


def _raise(member: _Member, values: dict[Measure, int], xp: int) -> None:
    if xp:
        values[Measure("xp")] += xp
        values[Measure("level")] = member.moved.config.level_curve.level(values[Measure("xp")])
