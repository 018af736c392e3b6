"""Peaks: members' numbers just before a stat falls. A stat of the bot's own may rise and fall within a request or a
group of requests. An achievement earned at the peak is earned, however the events were grouped."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from api.achievements.candidates import Peak
from api.achievements.conditions import Metric
from api.achievements.index import values_from_row
from api.activity.counting import Counting
from api.activity.dtos import CommandEvent, Event, MessageEvent, ReactionEvent, StatEvent, VoiceEvent
from api.activity.pieces import pieces
from api.members.ledger import Amounts
from api.members.leveling_config import LevelingConfig
from api.members.levelups import LevelUp, level_up
from api.members.standings import Key, Standing

STATS: Mapping[type, str] = {
    MessageEvent: "messages",
    VoiceEvent: "voice_seconds",
    ReactionEvent: "reactions",
    CommandEvent: "commands",
}


class _Falling(msgspec.Struct):
    """A member with a falling stat: their numbers before each fall, with the amounts that had been added until then."""

    peaks: list[tuple[dict[Metric, int], Amounts]] = []
    come: Amounts = {}
    has_risen: bool = True


class Peaks:
    """Counts requests, and notes each member's numbers before a stat falls."""

    def __init__(self, counting: Counting, standings: Mapping[Key, Standing]) -> None:
        self._counting = counting
        self._standings = standings
        self._members: dict[Key, _Falling] = {}

    def __bool__(self) -> bool:
        """Whether a stat has fallen."""
        return bool(self._members)

    def count(self, config: LevelingConfig, events: Sequence[Event]) -> list[LevelUp]:
        """Counts a request's events, as `Counting.count` does."""
        if not any(map(_falls, events)):
            return self._count(config, events)
        found: list[LevelUp] = []
        part: list[Event] = []
        for event in sorted(events, key=lambda each: (each.occurred_at, each.id)):
            if _falls(event):
                found += self._count(config, part)
                part.clear()
                self._note(config, event.user_id)
            part.append(event)
        found += self._count(config, part)
        return _merged(config, found)

    def of(self, key: Key) -> list[Peak]:
        """This member's numbers before each fall."""
        member = self._members.get(key)
        if member is None:
            return []
        return [
            Peak(at_hand, {place: amount - before.get(place, 0) for place, amount in member.come.items()})
            for at_hand, before in member.peaks
        ]

    def _count(self, config: LevelingConfig, events: Sequence[Event]) -> list[LevelUp]:
        if not events:
            return []
        found = self._counting.count(config, events)
        if self._members:
            for event in events:
                self._pass(config, event)
        return found

    def _pass(self, config: LevelingConfig, event: Event) -> None:
        member = self._members.get((config.guild_id, event.user_id))
        if member is None:
            return
        if isinstance(event, VoiceEvent):
            come = [(piece.day, piece.seconds) for piece in pieces(config, event)]
        else:
            come = [(config.place_of(event.occurred_at)[0], event.amount if isinstance(event, StatEvent) else 1)]
        for day, amount in come:
            place = stat_of(event), day
            member.come[place] = member.come.get(place, 0) + amount
        member.has_risen = member.has_risen or not _falls(event)

    def _note(self, config: LevelingConfig, user_id: int) -> None:
        key = config.guild_id, user_id
        member = self._members.setdefault(key, _Falling())
        if member.has_risen:
            at_hand = values_from_row(self._standings[key], config.level_curve)
            member.peaks.append((at_hand, dict(member.come)))
            member.has_risen = False


def stat_of(event: Event) -> str:
    """The stat that an event moves."""
    return event.stat if type(event) is StatEvent else STATS[type(event)]


def _falls(event: Event) -> bool:
    return isinstance(event, StatEvent) and event.amount < 0


def _merged(config: LevelingConfig, found: Iterable[LevelUp]) -> list[LevelUp]:
    """One level-up for each member, from the first level to the last."""
    merged: dict[str, LevelUp] = {}
    for each in found:
        known = merged.get(each.user_id)
        if known is not None:
            channel_id = None if each.announce.channel_id is None else int(each.announce.channel_id)
            begins = config.level_curve.begins(known.from_level)
            each = level_up(config, int(each.user_id), begins, each.xp, None, channel_id) or each
        merged[each.user_id] = each
    return list(merged.values())
