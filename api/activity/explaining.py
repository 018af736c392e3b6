"""Says of each event what it would earn, and why. Stores nothing."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from api.activity import queries
from api.activity.dtos import Event, ExplainedEvent, Explanation, Factor, MessageEvent, RejectedEvent, VoiceEvent
from api.activity.event_keys import key_of
from api.activity.pieces import days as days_of
from api.activity.pieces import pieces, shares
from api.activity.rules import Verdict, earning_of, judge, range_fault
from api.activity.service import rejections, with_stats, without
from api.activity.stat_names import TOO_MANY, StatNames
from api.auth.actors import Actor
from api.lib.clock import Clock
from api.members.leveling_config import LevelingConfig
from api.members.leveling_config_cache import LevelingConfigCache
from api.members.standings import read
from api.members.visibility import hidden_from, opted_out_among
from api.postgres.database import Connection, Database
from api.postgres.partitions import IMPORTED, week_of

_REJECTED = {
    "too_old": "It is more than 7 days old and would be rejected: ids are kept only for this time.",
    "too_many_stats": f"It would be rejected: {TOO_MANY}.",
    "in_future": "It is more than 5 minutes in the future and would be rejected.",
}
_DUPLICATE = "An event with this id has already been counted: it counts only once."
_OPTED_OUT = "This person has opted out: none of their events are stored."


class ExplainService:
    def __init__(self, database: Database, leveling_configs: LevelingConfigCache, clock: Clock) -> None:
        self._database = database
        self._leveling_configs = leveling_configs
        self._clock = clock
        self._stat_names = StatNames(database)

    async def explain(self, actor: Actor, guild_id: int, events: Sequence[Event]) -> Explanation:
        """What each event would earn if all of them were recorded now. Of hidden people whom the actor may not see it
        says what it would of somebody new. Raises `NotFound`."""
        config = await self._leveling_configs.get(guild_id)
        now = self._clock.now()
        rejected = rejections(events, now)
        if names := self._stat_names.unknown(config, without(events, rejected)):
            rejected = with_stats(rejected, events, await self._stat_names.beyond(config, names, set()))
        explained: dict[int, ExplainedEvent] = {
            each.index: _nothing(each.index, events[each.index], _why_rejected(each, events[each.index]))
            for each in rejected
        }
        open_ = [(index, event) for index, event in enumerate(events) if index not in explained]
        open_.sort(key=lambda each: (each[1].occurred_at, each[1].id))
        async with self._database.connection() as connection:
            known, private = await _known(connection, guild_id, open_, now)
            seen = await _seen(connection, actor, open_)
            past = await read(connection, sorted({(guild_id, int(event.user_id)) for _, event in seen}))
            caps = await _caps(connection, config, seen)
        last = {user_id: standing.last_xp_at for (_, user_id), standing in past.items()}
        # In the order of the request, the first of those that share an id is the one that counts.
        first = {event.id: index for index, event in reversed(list(enumerate(events))) if index not in explained}
        for index, event in open_:
            if event.user_id in private:
                explained[index] = _nothing(index, event, _OPTED_OUT)
            elif event.id in known or first[event.id] != index:
                explained[index] = _nothing(index, event, _DUPLICATE)
            else:
                explained[index] = _judged(config, index, event, last, caps)
        return Explanation([explained[index] for index in range(len(events))])


async def _known(
    connection: Connection, guild_id: int, events: Sequence[tuple[int, Event]], now: datetime
) -> tuple[set[str], set[int]]:
    week = week_of(now.date())
    weeks = {week, *(week - timedelta(days=7 * back) for back in (1, 2)), IMPORTED}
    by_key = {key_of(event.id): event.id for _, event in events}
    ids = await connection.fetch(queries.KNOWN, guild_id, list(by_key), sorted(weeks))
    private = await opted_out_among(connection, [int(event.user_id) for _, event in events])
    return {by_key[row[0].hex] for row in ids}, private


async def _seen(
    connection: Connection, actor: Actor, events: Sequence[tuple[int, Event]]
) -> Sequence[tuple[int, Event]]:
    """The events of people whom the actor may see: what an event earns reveals what its person did before."""
    hidden = await hidden_from(connection, actor.hidden_seen(), [int(event.user_id) for _, event in events])
    return [each for each in events if each[1].user_id not in hidden]


async def _caps(
    connection: Connection, config: LevelingConfig, events: Sequence[tuple[int, Event]]
) -> dict[tuple[object, int], int]:
    """What the cap has counted already, by day and person."""
    keys = {(config.guild_id, day, int(event.user_id)) for _, event in events for day in days_of(config, event)}
    if not keys:
        return {}
    rows = await connection.fetch(queries.EARNED, *zip(*keys, strict=True))
    return {(row[1], row[2]): row[3] for row in rows}


def _verdict(
    config: LevelingConfig, event: Event, before: datetime | None, caps: dict[tuple[object, int], int]
) -> Verdict:
    """As it is recorded: a session's cap is that of each of its days."""
    cap = earning_of(config).cap
    if cap is None:
        return judge(config, event, before, None)
    user = int(event.user_id)
    left = {day: max(cap - caps.get((day, user), 0), 0) for day in days_of(config, event)}
    if not isinstance(event, VoiceEvent):
        verdict = judge(config, event, before, sum(left.values()))
        caps[config.place_of(event.occurred_at)[0], user] = cap - sum(left.values()) + verdict.xp
        return verdict
    verdict = judge(config, event, before, None)._replace(cap_left=sum(left.values()))
    xp = 0
    for piece, share in shares(verdict.xp, pieces(config, event)):
        pending = min(share, left[piece.day])
        left[piece.day] -= pending
        caps[piece.day, user] = caps.get((piece.day, user), 0) + pending
        xp += pending
    return verdict if xp == verdict.xp else verdict._replace(xp=xp, why="cap")


def _judged(
    config: LevelingConfig,
    index: int,
    event: Event,
    last: dict[int, datetime | None],
    caps: dict[tuple[object, int], int],
) -> ExplainedEvent:
    before = last.get(event.user_id)
    verdict = _verdict(config, event, before, caps)
    if verdict.xp and isinstance(event, MessageEvent) and (before is None or event.occurred_at > before):
        last[event.user_id] = event.occurred_at
    return ExplainedEvent(
        index=index,
        id=event.id,
        base=float(verdict.base),
        multipliers=[Factor(of, float(factor)) for of, factor in verdict.factors],
        multiplier=float(verdict.multiplier),
        cooldown=verdict.early if isinstance(event, MessageEvent) else None,
        cap=verdict.cap_left,
        xp=verdict.xp,
        reason=_sentence(config, event, verdict),
    )


def _why_rejected(rejected: RejectedEvent, event: Event) -> str:
    fault = range_fault(event)
    if rejected.reason == "out_of_range" and fault is not None:
        return f"Its member `{fault[0]}` {fault[1]}: it would be rejected."
    return _REJECTED[rejected.reason]


def _nothing(index: int, event: Event, reason: str) -> ExplainedEvent:
    return ExplainedEvent(index, event.id, 0, [], 1, None, None, 0, reason)


def _sentence(config: LevelingConfig, event: Event, verdict: Verdict) -> str:
    """Why, and by which place, if that is not the channel itself."""
    said = _reason(config, event, verdict)
    if verdict.place is None or verdict.place == event.channel_id or verdict.why in ("off", "ignored_channel"):
        return said
    return f"{said} XP is earned there because it lies in {verdict.place}."


def _reason(config: LevelingConfig, event: Event, verdict: Verdict) -> str:
    match verdict.why:
        case "earned":
            return f"{float(verdict.base):g} times {float(verdict.multiplier):g}, rounded half up, is {verdict.xp} XP."
        case "stat":
            return "A custom stat is counted, but earns no XP."
        case "off":
            return "Leveling is switched off in this guild."
        case "ignored_channel":
            within = "" if verdict.place == event.channel_id else f", in which {event.channel_id} lies"
            return f"No XP is earned in the channel {verdict.place}{within}."
        case "other_channel":
            where = "the event names no channel"
            if verdict.places:
                named = " in ".join(map(str, verdict.places))
                where = f"{named} is none of them"
            return f"XP is earned only in certain channels, and {where}."
        case "ignored_role":
            return "The member has a role whose holders earn no XP."
        case "cooldown":
            seconds = config.settings.cooldown_seconds
            return f"The cooldown of {seconds} s has {verdict.early} s to go since the last message that earned XP."
        case "late":
            return "It is not later than the member's last message that earned XP: it is counted, but earns no XP."
        case "no_rate":
            return "Events of this kind earn no XP in this guild."
        case "no_factor":
            return f"{float(verdict.base):g} times {float(verdict.multiplier):g} rounds to no XP."
        case "cap" if (several := len(days_of(config, event))) > 1:
            cap = config.settings.daily_xp_cap
            return f"The daily cap of {cap} XP left {verdict.cap_left} XP on its {several} days together."
        case "cap":
            return f"The daily cap of {config.settings.daily_xp_cap} XP left {verdict.cap_left} XP."
