"""Unlocking: gives members the achievements that they have earned, in the transaction that moved their stats.

Code that changes standings calls `evaluate_and_store` while the members are locked, instead of storing its ledger. It
evaluates the achievements that mention a moved stat, enters the XP of their rewards into the ledger, and evaluates what
this may unlock in turn, until nothing new is unlocked. This ends, because an award is given once. Then it stores
everything once. Everybody who awards locks the members' rows first, so stats and awards that were read stay true."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

import msgspec

from api.achievements import queries
from api.achievements.conditions import Metric
from api.achievements.index import AchievementIndex, Definition, State, values_from_row
from api.achievements.index_cache import AchievementIndexCache, CachedIndex
from api.achievements.values import MetricRequest, look_up
from api.events.outbox import OutboxEvent, publish
from api.lib.arrays import literal
from api.members.dtos import UnlockedAchievement, UnlockRewards
from api.members.ledger import Key, Ledger, Standing
from api.members.leveling_config import LevelingConfig
from api.postgres.database import Connection
from api.settings.curves import MAX_XP

# An event's clock may be this far ahead: until then, tomorrow's events are part of a total, but of no window yet.
_AHEAD = timedelta(minutes=5)


class Peak(NamedTuple):
    """A member's numbers just before a stat fell, within this transaction: those of their row, and what was added
    since, by stat and day."""

    at_hand: dict[Metric, int]
    since: Mapping[tuple[str, date], int]


class Moved(msgspec.Struct):
    """A locked member, and which of their stats moved. `peaks`: their numbers before each fall of a stat. `only`: the
    one achievement to evaluate, whether or not its stats moved. `forced`: one to award whatever its condition."""

    config: LevelingConfig
    standing: Standing
    stats: frozenset[str] = frozenset()
    peaks: list[Peak] = msgspec.field(default_factory=list)
    only: int | None = None
    forced: Definition | None = None


class _Member(msgspec.Struct):
    """A member who may have earned an achievement."""

    moved: Moved
    index: AchievementIndex
    state: State
    mask: int
    comparisons: int
    values: dict[Metric, int]
    earlier: list[dict[Metric, int]] = msgspec.field(default_factory=list)
    had: int = 0
    held: set[int | None] = msgspec.field(default_factory=set)
    given: list[tuple[Definition, int]] = msgspec.field(default_factory=list)

    @property
    def is_ordinary(self) -> bool:
        """Whether every candidate could be evaluated by the member's row."""
        return self.moved.only is None and not self.moved.peaks

    @property
    def key(self) -> Key:
        return self.moved.standing.guild_id, self.moved.standing.user_id


class UnlockResult:
    """The achievements that members were awarded, and their XP."""

    def __init__(self, members: Sequence[_Member] = ()) -> None:
        self._members = members
        self.unlocked: dict[Key, list[UnlockedAchievement]] = {
            member.key: [to_unlocked(member.key[1], each) for each, _ in member.given]
            for member in members
            if member.given
        }
        self.xp = {member.key: sum(xp for _, xp in member.given) for member in members}

    def after_commit(self) -> None:
        """Updates the cached states. Call it after the commit."""
        for member in self._members:
            member.state.had |= member.had
            if member.is_ordinary and member.state.comparisons == member.comparisons:
                member.state.checked |= member.mask


class Unlocking:
    def __init__(self, indexes: AchievementIndexCache) -> None:
        self._indexes = indexes

    async def guilds_with_achievements(self, connection: Connection, guild_ids: Collection[int]) -> set[int]:
        """The guilds that have an achievement to earn."""
        found = await self._indexes.of(guild_ids, connection)
        return {guild_id for guild_id, known in found.items() if known.index.definitions}

    async def evaluate_and_store(
        self, connection: Connection, moved: Sequence[Moved], ledger: Ledger, now: datetime, by: str | None = None
    ) -> UnlockResult:
        """Stores the ledger and the achievements that these members have earned; their standings then include the
        rewards. The number of statements does not depend on the number of members or achievements. `by`: who awards
        `forced` by hand. Call it inside `Partitions.write`, with the partitions `around` now."""
        known = await self._indexes.of({each.config.guild_id for each in moved}, connection)
        members = list(self._candidates(moved, known))
        await _look_up(connection, members, ledger, now)
        worth_it = [member for member in members if _has_candidates(member)]
        await self._unlock(connection, worth_it, ledger, now)
        await ledger.store(connection)
        await _store(connection, worth_it, now, by)
        return UnlockResult(members)

    async def _unlock(self, connection: Connection, members: Sequence[_Member], ledger: Ledger, now: datetime) -> None:
        """Decides the awards, and enters their XP into the ledger."""
        if not members:
            return
        by_id = {member.moved.standing.id: member for member in members}
        for row in await connection.fetch(queries.AWARDS, literal(list(by_id))):
            member = by_id[row["member_id"]]
            member.had |= member.index.bits.get(row["achievement_id"], 0)
            if row["is_held"]:
                member.held.add(row["achievement_id"])
        for member in members:
            _unlock(member)
            if xp := sum(each for _, each in member.given):
                config = member.moved.config
                grant_xp(ledger, member.moved.standing, config.day_of(now), config.hour_of(now), xp)

    async def of_xp(
        self,
        connection: Connection,
        config: LevelingConfig,
        standing: Standing,
        ledger: Ledger,
        now: datetime,
        before: int,
    ) -> tuple[list[UnlockedAchievement], Callable[[], None]]:
        """Stores a member's XP that was changed by hand. Returns the achievements it unlocked, and a function to call
        after the commit."""
        stats = frozenset(() if standing.xp == before else ("xp", "level"))
        result = await self.evaluate_and_store(connection, [Moved(config, standing, stats)], ledger, now)
        return result.unlocked.get((config.guild_id, standing.user_id), []), result.after_commit

    def _candidates(self, moved: Iterable[Moved], known: Mapping[int, CachedIndex]) -> Iterator[_Member]:
        for each in moved:
            theirs = known[each.config.guild_id]
            index = theirs.index
            state = self._indexes.state(each.standing.id, theirs, each.config.level_curve)
            if each.only is not None:
                mask = index.bits.get(each.only, 0) & ~state.had
            elif each.peaks:  # the present numbers do not say what they were at the peak
                mask = index.touched(each.stats) & ~state.had
            else:
                mask = index.candidates(each.standing, each.config.level_curve, each.stats, state)
            if mask or each.forced is not None:
                yield _Member(
                    each, index, state, mask, state.comparisons, values_from_row(each.standing, each.config.level_curve)
                )


async def _store(connection: Connection, members: Sequence[_Member], now: datetime, by: str | None) -> None:
    """Stores the awards and their events."""
    rows = [
        (each.id, standing.id, standing.guild_id, standing.user_id, each.name, xp, each.reward_role_id)
        for member in members
        for standing in (member.moved.standing,)
        for each, xp in member.given
    ]
    if rows:
        await connection.execute(queries.AWARD, *zip(*rows, strict=True), now, by)
        await publish(connection, [award_event(member.key, each) for member in members for each, _ in member.given])


def grant_xp(ledger: Ledger, standing: Standing, day: date, hour: datetime, xp: int) -> None:
    """Enters a reward's XP; below 0: XP that is taken back. It counts in the period of the award, and not towards the
    daily cap."""
    standing.xp += xp
    ledger.add(standing, day, hour, xp=xp)
    ledger.touch(standing)


def to_unlocked(user_id: int, definition: Definition) -> UnlockedAchievement:
    """The award as answers and events show it."""
    role_id = definition.reward_role_id
    rewards = UnlockRewards(definition.reward_xp, None if role_id is None else str(role_id))
    return UnlockedAchievement(str(user_id), definition.key, rewards)


def award_event(key: Key, definition: Definition, event: str = "achievement.unlocked") -> OutboxEvent:
    """The event of an award."""
    guild_id, user_id = key
    return OutboxEvent(guild_id, event, msgspec.structs.asdict(to_unlocked(user_id, definition)), user_id)


async def _look_up(connection: Connection, members: Sequence[_Member], ledger: Ledger, now: datetime) -> None:
    """Adds the metrics that the rows do not hold to the members' values: stored values plus what the ledger adds."""
    sought: set[Metric] = set()
    asked = []
    for member in members:
        theirs = member.index.sought(member.mask, member.state)
        if theirs:
            sought |= theirs
            asked.append(MetricRequest(*member.key, member.moved.config.day_of(now)))
    found = await look_up(connection, asked, sought)
    added = ledger.amounts(found.keys())
    for member in members:
        known = found.get(member.key, {})
        today = member.moved.config.day_of(now)
        for each in sought if member.key in added else ():
            known[each] = known.get(each, 0) + _counted(added[member.key], each, today)
        member.earlier = [
            peak.at_hand | {each: known.get(each, 0) - _counted(peak.since, each, today) for each in sought}
            for peak in member.moved.peaks
        ]
        member.values |= known
        if member.key in found and member.is_ordinary and member.moved.config.day_of(now + _AHEAD) == today:
            for each in sought:
                if each.is_bounded:
                    member.state.look(each, known.get(each, 0), member.values[Metric(each.stat)])


def _counted(amounts: Mapping[tuple[str, date], int], metric: Metric, today: date) -> int:
    """The part of these amounts that the metric counts."""
    first = today - timedelta(days=metric.days - 1) if metric.days else date.min
    last = today if metric.days else date.max
    return sum(amount for (stat, day), amount in amounts.items() if stat == metric.stat and first <= day <= last)


def _has_candidates(member: _Member) -> bool:
    """Whether a candidate really holds."""
    return member.moved.forced is not None or any(
        member.index.holding(values) & member.mask for values in (*member.earlier, member.values)
    )


def _unlock(member: _Member) -> None:
    """Awards the candidates that hold and were never awarded, then what follows from them, until nothing follows."""
    waiting = member.mask
    if member.moved.forced is not None:
        waiting |= _grant(member, member.moved.forced, member.values)
    for values in (*member.earlier, member.values):
        if values is not member.values:
            _add_xp(member, values, sum(xp for _, xp in member.given))
        waiting = _unlock_at(member, values, waiting)


def _unlock_at(member: _Member, values: dict[Metric, int], waiting: int) -> int:
    """Awards by these values. Returns the mask of candidates for the next values."""
    asked = waiting
    while waiting := waiting & ~member.had:
        following, holding = 0, member.index.holding(values)
        for each in member.index.of(waiting):
            if member.index.bits[each.id] & holding and member.held.issuperset(each.requires):
                following |= _grant(member, each, values)
                holding = member.index.holding(values)
        asked |= following
        waiting = following
    return asked & ~member.had


def _grant(member: _Member, definition: Definition, values: dict[Metric, int]) -> int:
    """Awards one achievement. Returns the achievements that may follow from it. XP never exceeds the maximum."""
    room = MAX_XP - member.moved.standing.xp - sum(xp for _, xp in member.given)
    xp = min(definition.reward_xp, room)
    member.given.append((definition, xp))
    member.had |= member.index.bits.get(definition.id, 0)
    member.held.add(definition.id)
    for each in (values, member.values) if values is not member.values else (values,):
        _add_xp(member, each, xp)
    return member.index.following(definition, risen=xp > 0)


def _add_xp(member: _Member, values: dict[Metric, int], xp: int) -> None:
    if xp:
        values[Metric("xp")] += xp
        values[Metric("level")] = member.moved.config.level_curve.level(values[Metric("xp")])
