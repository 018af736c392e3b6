"""Counts the events of one request into locked standings. No I/O: it changes its arguments.

This is the hot loop of a large batch. Values that all events of a member or of an hour share are computed once, and
events that cannot earn XP are not judged."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from operator import attrgetter

import msgspec

from api.activity.dtos import CommandEvent, Event, MessageEvent, ReactionEvent, StatEvent, VoiceEvent
from api.activity.pieces import pieces, shares
from api.activity.rules import earning_of, judge
from api.members.ledger import EVENTS, Ledger
from api.members.leveling_config import LevelingConfig
from api.members.levelups import LevelUp, level_up
from api.members.standings import Key, Standing
from api.members.streaks import with_day
from api.settings.curves import MAX_XP

Caps = dict[tuple[int, date, int], int]  # guild, day, user: XP that the day's cap has counted

# The columns of a row of the ledger that each kind of event adds to.
XP, EARNED = 0, 5
_PLACE: dict[type, int] = {MessageEvent: 1, VoiceEvent: 2, ReactionEvent: 3, CommandEvent: 4}

_true_order = attrgetter("occurred_at", "id")
_HOUR = timedelta(hours=1)


class Late(msgspec.Struct, frozen=True):
    """A late day, before the member's latest run of days."""

    standing: Standing
    day: date
    skipped: Sequence[date]


class Counting:
    """Counts requests one after the other: each continues with the caps and standings of the one before."""

    def __init__(self, standings: Mapping[Key, Standing], caps: Caps, ledger: Ledger) -> None:
        self._standings = standings
        self._caps = caps
        self._ledger = ledger
        self.late: list[Late] = []

    def count(self, config: LevelingConfig, events: Iterable[Event]) -> list[LevelUp]:
        """Counts new events in the order of time. Returns the level-ups, in the order of the members' first events with
        XP."""
        by_user: dict[int, list[Event]] = {}
        for event in sorted(events, key=_true_order):
            theirs = by_user.get(event.user_id)
            if theirs is None:
                by_user[event.user_id] = [event]
            else:
                theirs.append(event)
        found = []
        for user_id, theirs in by_user.items():
            standing = self._standings[config.guild_id, user_id]
            before_xp = standing.xp
            decisive, days = self._count(config, standing, theirs)
            self._note_presence(config, standing, theirs, days)
            self._ledger.touch(standing)
            if decisive is not None:
                roles = [str(role) for role in decisive.role_ids] if decisive.role_ids else None
                risen = level_up(config, user_id, before_xp, standing.xp, roles, decisive.channel_id)
                if risen is not None:
                    found.append(risen)
        return found

    def _count(
        self, config: LevelingConfig, standing: Standing, events: Sequence[Event]
    ) -> tuple[Event | None, Sequence[date]]:
        """Counts one member's events. Returns the event that reached their highest new level, if any, and the days of
        all events."""
        earning, level_curve, ledger = earning_of(config), config.level_curve, self._ledger
        decisive: Event | None = None
        top = level_curve.next(level_curve.level(standing.xp))
        free_at = earning.free_at(standing.last_xp_at)
        begins = ends = None
        days: list[date] = []
        for event in events:
            if isinstance(event, VoiceEvent):
                days += self._count_session(config, standing, event)
                if top is not None and standing.xp >= top:
                    decisive, top = event, level_curve.next(level_curve.level(standing.xp))
                continue
            at = event.occurred_at
            if begins is None or ends is None or not begins <= at < ends:
                day, begins = config.place_of(at)
                ends = begins + _HOUR
                days.append(day)
                row = ledger.row(standing, day, begins)
            kind = type(event)
            earned = 0
            if kind in earning.kinds and not (free_at is not None and kind is MessageEvent and at < free_at):
                earned = self._judge(config, standing, event, day)
            if earned:
                if kind is MessageEvent and (standing.last_xp_at is None or at > standing.last_xp_at):
                    standing.last_xp_at = at
                    free_at = earning.free_at(at)
                xp = min(earned, MAX_XP - standing.xp)
                standing.xp += xp
                row[XP] += xp
                row[EARNED] += earned
                if top is not None and standing.xp >= top:
                    decisive, top = event, level_curve.next(level_curve.level(standing.xp))
            row[EVENTS] += 1
            if kind is MessageEvent:
                standing.messages += 1
                row[1] += 1
            else:
                _add_other(standing, event, day, row, ledger)
        return decisive, days

    def _count_session(self, config: LevelingConfig, standing: Standing, event: VoiceEvent) -> list[date]:
        """Counts a voice session into its days and hours, and returns the days. Its XP is computed once and shared out
        by seconds; each day has its own cap."""
        earning = earning_of(config)
        earned = judge(config, event, None, None).xp if VoiceEvent in earning.kinds else 0
        found: list[date] = []
        for piece, share in shares(earned, pieces(config, event)):
            row = self._ledger.row(standing, piece.day, piece.hour)
            if earning.cap is not None and share:
                share = self._capped(standing, piece.day, earning.cap, share)
            xp = min(share, MAX_XP - standing.xp)
            standing.xp += xp
            row[XP] += xp
            row[EARNED] += share
            row[_PLACE[VoiceEvent]] += piece.seconds
            if piece.day not in found:
                row[EVENTS] += 1
                found.append(piece.day)
        standing.voice_seconds += event.seconds
        return found

    def _judge(self, config: LevelingConfig, standing: Standing, event: Event, day: date) -> int:
        """The XP of one event that is not a session. Counts it towards the cap."""
        cap = earning_of(config).cap
        earned = judge(config, event, standing.last_xp_at, None).xp
        return earned if cap is None else self._capped(standing, day, cap, earned)

    def _capped(self, standing: Standing, day: date, cap: int, xp: int) -> int:
        """The part of the XP that the day's cap allows. Counts it towards the cap."""
        key = (standing.guild_id, day, standing.user_id)
        counted = self._caps.get(key, 0)
        left = min(xp, max(cap - counted, 0))
        self._caps[key] = counted + left
        return left

    def _note_presence(
        self, config: LevelingConfig, standing: Standing, events: Sequence[Event], days: Sequence[date]
    ) -> None:
        """First and last seen, and the streak."""
        first, last = events[0].occurred_at, events[-1].occurred_at
        if standing.first_seen_at is None or first < standing.first_seen_at:
            standing.first_seen_at = first
        if standing.last_active_at is None or last > standing.last_active_at:
            standing.last_active_at = last
        skipped = config.skipped_days
        for day in days:
            if day == standing.streak_to:
                continue
            run = with_day(standing.streak_from, standing.streak_to, standing.streak_best, day, skipped)
            if run is None:
                self.late.append(Late(standing, day, skipped))
            else:
                standing.streak_from, standing.streak_to, standing.streak_best = run


def _add_other(standing: Standing, event: Event, day: date, row: list[int], ledger: Ledger) -> None:
    """Counts an event of another kind into the member's totals and the row of its hour."""
    match event:
        case ReactionEvent():
            standing.reactions += 1
            row[_PLACE[ReactionEvent]] += 1
        case CommandEvent():
            standing.commands += 1
            row[_PLACE[CommandEvent]] += 1
        case StatEvent():
            ledger.add_stat(standing, day, event.stat, event.amount)
