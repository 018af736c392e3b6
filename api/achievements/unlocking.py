"""Unlocking: gives members the achievements that they have earned, in the transaction that moved their stats.

Code that changes standings calls `evaluate_and_store` while the members are locked, instead of storing its ledger. It
evaluates the achievements that mention a moved stat, enters the XP of their rewards into the ledger, and evaluates what
this may unlock in turn, until nothing new is unlocked. This ends, because an award is given once. Then it stores
everything once. Everybody who awards locks the members' rows first, so stats and awards that were read stay true."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta

import msgspec

from api.achievements import queries
from api.achievements.candidates import Candidate, Moved, has_candidates, unlock
from api.achievements.conditions import Metric
from api.achievements.index import Definition, values_from_row
from api.achievements.index_cache import AchievementIndexCache, CachedIndex
from api.achievements.values import MetricRequest, look_up
from api.events.outbox import OutboxEvent, publish
from api.lib.arrays import literal
from api.members.dtos import UnlockedAchievement, UnlockRewards
from api.members.ledger import Ledger
from api.members.leveling_config import LevelingConfig
from api.members.names import Names, shown
from api.members.naming import NONE, KnownNames
from api.members.standings import Key, Standing
from api.postgres.database import Connection

# An event's clock may be this far ahead: until then, tomorrow's events are part of a total, but of no window yet.
_AHEAD = timedelta(minutes=5)


class UnlockResult:
    """The achievements that members were awarded, and their XP."""

    def __init__(self, members: Sequence[Candidate] = (), names: KnownNames = NONE) -> None:
        self._members = members
        self.unlocked: dict[Key, list[UnlockedAchievement]] = {
            member.key: [to_unlocked(member.key[1], each, names.of(member.key)) for each, _ in member.given]
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
        self,
        connection: Connection,
        moved: Sequence[Moved],
        ledger: Ledger,
        now: datetime,
        names: KnownNames,
        by: str | None = None,
    ) -> UnlockResult:
        """Stores the ledger and the achievements that these members have earned; their standings then include the
        rewards. The number of statements does not depend on the number of members or achievements. `names`: afterwards
        it has those of who unlocked something. `by`: who awards `forced` by hand. Call it inside `Partitions.write`,
        with the partitions `around` now."""
        known = await self._indexes.of({each.config.guild_id for each in moved}, connection)
        members = list(self._candidates(moved, known))
        await _look_up(connection, members, ledger, now)
        worth_it = [member for member in members if has_candidates(member)]
        await self._unlock(connection, worth_it, ledger, now)
        await ledger.store(connection)
        await names.look_up(connection, (member.moved.standing for member in worth_it if member.given))
        await _store(connection, worth_it, now, names, by)
        return UnlockResult(members, names)

    async def _unlock(
        self, connection: Connection, members: Sequence[Candidate], ledger: Ledger, now: datetime
    ) -> None:
        """Decides the awards, and enters their XP into the ledger."""
        if not members:
            return
        by_id = {member.moved.standing.id: member for member in members}
        ids = literal(list(by_id))
        if any(member.index.has_prerequisites for member in members):
            for member_id, achievement_id, is_held in await connection.fetch(queries.AWARDS, ids):
                member = by_id[member_id]
                member.had |= member.index.bits.get(achievement_id, 0)
                if is_held:
                    member.held.add(achievement_id)
        else:
            for member_id, achievement_id in await connection.fetch(queries.AWARDED, ids):
                member = by_id[member_id]
                member.had |= member.index.bits.get(achievement_id, 0)
        for member in members:
            unlock(member)
            if xp := sum(each for _, each in member.given):
                config = member.moved.config
                grant_xp(ledger, member.moved.standing, config.day_of(now), config.hour_of(now), xp)

    async def store_with_unlocks(
        self,
        connection: Connection,
        config: LevelingConfig,
        standing: Standing,
        ledger: Ledger,
        now: datetime,
        before: int,
        names: KnownNames,
    ) -> tuple[list[UnlockedAchievement], Callable[[], None]]:
        """Stores a member's XP that was changed by hand, as `XpUnlocking` says."""
        stats = frozenset(() if standing.xp == before else ("xp", "level"))
        result = await self.evaluate_and_store(connection, [Moved(config, standing, stats)], ledger, now, names)
        return result.unlocked.get((config.guild_id, standing.user_id), []), result.after_commit

    def _candidates(self, moved: Iterable[Moved], known: Mapping[int, CachedIndex]) -> Iterator[Candidate]:
        for each in moved:
            theirs = known[each.config.guild_id]
            index = theirs.index
            state = self._indexes.state(each.standing.id, theirs, each.config.level_curve)
            if each.only is not None:
                mask = index.bits.get(each.only, 0) & ~state.had
            elif each.peaks:  # the present numbers do not show the peak
                mask = index.touched(each.stats) & ~state.had
            else:
                mask = index.candidates(each.standing, each.config.level_curve, each.stats, state)
            if mask or each.forced is not None:
                yield Candidate(
                    each, index, state, mask, state.comparisons, values_from_row(each.standing, each.config.level_curve)
                )


async def _store(
    connection: Connection, members: Sequence[Candidate], now: datetime, names: KnownNames, by: str | None
) -> None:
    """Stores the awards and their events."""
    rows = [
        (each.id, standing.id, standing.guild_id, standing.user_id, each.name, xp, each.reward_role_id)
        for member in members
        for standing in (member.moved.standing,)
        for each, xp in member.given
    ]
    if rows:
        await connection.execute(queries.AWARD, *zip(*rows, strict=True), now, by)
        events = [award_event(each.key, given, names.of(each.key)) for each in members for given, _ in each.given]
        await publish(connection, events)


def grant_xp(ledger: Ledger, standing: Standing, day: date, hour: datetime, xp: int) -> None:
    """Enters a reward's XP; below 0: XP that is taken back. It counts in the period of the award, and not towards the
    daily cap."""
    standing.xp += xp
    ledger.add(standing, day, hour, xp=xp)
    ledger.touch(standing)


def to_unlocked(user_id: int, definition: Definition, names: Names) -> UnlockedAchievement:
    """The award as answers and events show it."""
    role_id = definition.reward_role_id
    rewards = UnlockRewards(definition.reward_xp, None if role_id is None else str(role_id))
    return UnlockedAchievement(*shown(user_id, names), definition.key, rewards)


def award_event(key: Key, definition: Definition, names: Names, event: str = "achievement.unlocked") -> OutboxEvent:
    """The event of an award."""
    guild_id, user_id = key
    return OutboxEvent(guild_id, event, msgspec.structs.asdict(to_unlocked(user_id, definition, names)), user_id)


async def _look_up(connection: Connection, members: Sequence[Candidate], ledger: Ledger, now: datetime) -> None:
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
                    member.state.note(each, known.get(each, 0), member.values[Metric(each.stat)])


def _counted(amounts: Mapping[tuple[str, date], int], metric: Metric, today: date) -> int:
    """The part of these amounts that the metric counts."""
    first = today - timedelta(days=metric.days - 1) if metric.days else date.min
    last = today if metric.days else date.max
    return sum(amount for (stat, day), amount in amounts.items() if stat == metric.stat and first <= day <= last)
