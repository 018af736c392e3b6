"""A guild as the contract describes it: slow, in memory, one event after the other.

What a message is worth within its range is drawn from its id in a way that the contract leaves
open, so that the draw is the caller's: `lambda id_, low, high: low` where both bounds are one.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from tests.properties.curves import decimal, half_up, level_of, thresholds

Json = dict[str, Any]  # Any: what JSON holds
Draw = Callable[[str, int, int], int]

REMEMBERED = timedelta(days=7)
AHEAD = timedelta(minutes=5)

DEFAULTS: Json = {
    "enabled": True,
    "xp_per_message": {"min": 15, "max": 25},
    "cooldown_seconds": 60,
    "xp_per_voice_minute": 0,
    "xp_per_reaction": 0,
    "xp_per_command": 0,
    "daily_xp_cap": None,
    "multiplier": 1.0,
    "role_multipliers": [],
    "channel_multipliers": [],
    "multiplier_stacking": {"roles": "largest", "channel_with_roles": "multiply"},
    "ignored_channel_ids": [],
    "ignored_role_ids": [],
    "only_channel_ids": [],
    "curve": {"kind": "preset", "preset": "mee6"},
    "max_level": None,
    "week_starts_on": "monday",
}

STATS = {"message": "messages", "reaction": "reactions", "command": "commands", "voice": "voice_seconds"}


@dataclass
class Member:
    """What is known of one member."""

    xp: int = 0
    totals: Counter[str] = field(default_factory=Counter)
    days: dict[date, Counter[str]] = field(default_factory=dict)
    earned: Counter[date] = field(default_factory=Counter)
    earned_last: datetime | None = None
    last_active: datetime | None = None


@dataclass
class Answer:
    """What a request is answered."""

    accepted: int = 0
    duplicates: int = 0
    rejected: list[Json] = field(default_factory=list)
    level_ups: dict[int, tuple[int, int, int]] = field(default_factory=dict)


class Guild:
    """Events in, standings out."""

    def __init__(self, settings: Json, zone: str, draw: Draw = lambda _id, low, _high: low) -> None:
        self.settings = DEFAULTS | settings
        self.zone = ZoneInfo(zone)
        self.members: dict[int, Member] = {}
        self.thresholds = thresholds(self.settings["curve"], self.settings["max_level"])
        self._draw = draw
        self._seen: set[str] = set()

    def send(self, events: list[Json], now: datetime) -> Answer:
        """One request."""
        answer, fresh = Answer(), []
        before: dict[int, int] = {}
        for index, event in enumerate(events):
            at = moment(event)
            if at < now - REMEMBERED:
                answer.rejected.append({"index": index, "reason": "too_old"})
            elif at > now + AHEAD:
                answer.rejected.append({"index": index, "reason": "in_future"})
            elif event["id"] in self._seen:
                answer.duplicates += 1
            else:
                self._seen.add(event["id"])
                answer.accepted += 1
                fresh.append(event)
        for event in sorted(fresh, key=moment):
            user = int(event["user_id"])
            member = self.members.setdefault(user, Member())
            before.setdefault(user, member.xp)
            self._count(member, event)
        for user, xp in before.items():
            levels = self.level(xp), self.level(self.members[user].xp)
            if levels[1] > levels[0]:
                answer.level_ups[user] = (*levels, self.members[user].xp)
        return answer

    def give(self, user: int, amount: int, now: datetime) -> None:
        """XP by hand, never below 0."""
        member = self.members.setdefault(user, Member())
        amount = max(amount, -member.xp)
        member.xp += amount
        member.days.setdefault(self.day(now), Counter())["xp"] += amount

    def day(self, at: datetime) -> date:
        """The guild's day at that moment."""
        return at.astimezone(self.zone).date()

    def level(self, xp: int) -> int:
        return level_of(xp, self.thresholds)

    def _count(self, member: Member, event: Json) -> None:
        at = moment(event)
        worth, days = self._worth(member, event), self._days(event)
        passed = given = 0
        for day, amount in days:
            passed += amount
            xp = worth * passed // sum(amount for _, amount in days) - given
            given += xp
            if self.settings["daily_xp_cap"] is not None:
                xp = min(xp, max(self.settings["daily_xp_cap"] - member.earned[day], 0))
            if xp > 0:
                member.earned[day] += xp
                if event["type"] == "message":
                    member.earned_last = at
            counted = {"xp": xp, "events": 1}
            if event["type"] == "stat":
                counted["stat:" + event["stat"]] = event["amount"]
            else:
                counted[STATS[event["type"]]] = amount
            member.xp += xp
            member.totals.update(counted)
            member.days.setdefault(day, Counter()).update(counted)
        member.last_active = at if member.last_active is None else max(at, member.last_active)

    def _days(self, event: Json) -> list[tuple[date, int]]:
        """The days that it lasted into: how many seconds of it, or 1 of what does not last."""
        end = moment(event).astimezone(UTC)
        if event["type"] != "voice":
            return [(self.day(end), 1)]
        found: list[tuple[date, int]] = []
        start = at = end - timedelta(seconds=event["seconds"])
        while at < end:
            day = self.day(at)
            midnight = datetime.combine(day + timedelta(days=1), time(), self.zone).astimezone(UTC)
            passed = int((min(midnight, end) - start).total_seconds())
            found.append((day, passed - sum(amount for _, amount in found)))
            at = min(midnight, end)
        return [(day, amount) for day, amount in found if amount]

    def _worth(self, member: Member, event: Json) -> int:
        """What the event is worth to this member now, but for the cap of its day."""
        if not self._earns(event) or self._cools_down(member, event):
            return 0
        return half_up(self._base(event) * self._multiplier(event))

    def _earns(self, event: Json) -> bool:
        rules = self.settings
        ignored, only = rules["ignored_channel_ids"], rules["only_channel_ids"]
        place = _exact_place(event, {*ignored, *only})
        if not rules["enabled"] or place in ignored or (only and place is None):
            return False
        return not set(event.get("role_ids", [])) & set(rules["ignored_role_ids"])

    def _cools_down(self, member: Member, event: Json) -> bool:
        seconds = self.settings["cooldown_seconds"]
        if event["type"] != "message" or seconds == 0 or member.earned_last is None:
            return False
        return moment(event) < member.earned_last + timedelta(seconds=seconds)

    def _base(self, event: Json) -> Fraction:
        rules = self.settings
        if event["type"] == "message":
            return Fraction(self._draw(event["id"], rules["xp_per_message"]["min"], rules["xp_per_message"]["max"]))
        if event["type"] == "voice":
            return Fraction(rules["xp_per_voice_minute"] * event["seconds"], 60)
        if event["type"] in ("reaction", "command"):
            return Fraction(rules[f"xp_per_{event['type']}"])
        return Fraction(0)

    def _multiplier(self, event: Json) -> Fraction:
        rules, held = self.settings, event.get("role_ids", [])
        stacking = rules["multiplier_stacking"]
        roles = [decimal(one["factor"]) for one in rules["role_multipliers"] if one["role_id"] in held]
        factors = {one["channel_id"]: decimal(one["factor"]) for one in rules["channel_multipliers"]}
        place = _exact_place(event, factors)
        channels = [] if place is None else [factors[place]]
        if 0 in roles + channels:
            return Fraction(0)
        role, channel = _stacked(stacking["roles"], roles), next(iter(channels), None)
        return decimal(rules["multiplier"]) * _joined(stacking["channel_with_roles"], channel, role)

    def streak(self, user: int, now: datetime) -> dict[str, int]:
        """Days with any event in a row: up to today or yesterday, and the most ever."""
        days = {day for day, counted in self.members[user].days.items() if counted["events"]}
        today = self.day(now)
        ends = [day for day in (today, self._day_before(today)) if day in days]
        runs = {day: self._run_until(day, days) for day in days}
        return {"current": runs[ends[0]] if ends else 0, "best": max(runs.values(), default=0)}

    def _run_until(self, day: date, days: set[date]) -> int:
        length = 0
        while day in days:
            length, day = length + 1, self._day_before(day)
        return length

    def _day_before(self, day: date) -> date:
        """In the guild's calendar, which may lack a day."""
        noon = datetime.combine(day, time(12), self.zone).astimezone(UTC)
        return self.day(noon - timedelta(days=1))

    def values(self, stat: str, days: Iterable[date] | None = None) -> dict[int, int]:
        """Each member's value on a board, of all time or of these days; 0 is left out."""
        chosen = None if days is None else set(days)
        found = {}
        for user, member in self.members.items():
            if chosen is None:
                value = member.xp if stat == "xp" else member.totals[stat]
            else:
                value = sum(counted[stat] for day, counted in member.days.items() if day in chosen)
            if value:
                found[user] = value
        return found


def _joined(how: str, channel: Fraction | None, role: Fraction | None) -> Fraction:
    """The channel's factor with that of the roles; what does not apply takes no part."""
    if channel is None or role is None:
        return next((factor for factor in (channel, role) if factor is not None), Fraction(1))
    if how in ("channel_first", "role_first"):
        return channel if how == "channel_first" else role
    joined = _stacked(how, [channel, role])
    assert joined is not None
    return joined


def _exact_place(event: Json, listed: Collection[str]) -> str | None:
    """The thread, or else its channel, whichever is listed."""
    return next((event[name] for name in ("channel_id", "parent_id") if event.get(name) in listed), None)


def _stacked(how: str, factors: list[Fraction]) -> Fraction | None:
    """Several factors as one; None of none."""
    if not factors:
        return None
    if how == "add":
        return max(Fraction(0), 1 + sum((factor - 1 for factor in factors), Fraction(0)))
    if how == "multiply":
        product = Fraction(1)
        for factor in factors:
            product *= factor
        return product
    return min(factors) if how == "smallest" else max(factors)


def moment(event: Json) -> datetime:
    """When it happened."""
    return datetime.fromisoformat(event["occurred_at"])


def ranking(values: dict[int, int]) -> list[tuple[int, int, int]]:
    """(rank, user, value) by value descending, then user ascending; ties share a rank."""
    order = sorted(values.items(), key=lambda item: (-item[1], item[0]))
    return [(1 + sum(1 for other in values.values() if other > value), user, value) for user, value in order]
