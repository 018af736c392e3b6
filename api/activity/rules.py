"""How much XP an event earns. Pure: depends on the event, the member's past and the guild's settings alone."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from hashlib import blake2b
from math import prod
from typing import Literal, NamedTuple

from api.activity.dtos import (
    LARGEST_AMOUNT,
    LONGEST_SECONDS,
    CommandEvent,
    Event,
    MessageEvent,
    ReactionEvent,
    StatEvent,
    VoiceEvent,
)
from api.members.leveling_config import LevelingConfig
from api.settings.builtin.leveling import LevelingSettings, MultiplierStacking

Why = Literal[
    "earned",
    "stat",
    "off",
    "ignored_channel",
    "other_channel",
    "ignored_role",
    "cooldown",
    "late",
    "no_rate",
    "no_factor",
    "cap",
]

_ONE = Fraction(1)
_THE_END = datetime.max.replace(tzinfo=UTC)


class Verdict(NamedTuple):
    """What an event earns, and how that came about. `early`: seconds by which a message came before the end
    of the cooldown. `cap_left`: what the day's cap still left before it, None without a cap. `places`: where it
    happened, the most exact place first, and `place` the one of them that said whether XP is earned there; nothing
    where the settings name no places."""

    xp: int
    why: Why
    base: Fraction | int = 0
    multiplier: Fraction | int = 1
    factors: tuple[tuple[str, Fraction], ...] = ()
    early: int = 0
    cap_left: int | None = None
    places: Sequence[int] = ()
    place: int | None = None


def range_fault(event: Event) -> tuple[str, str] | None:
    """The member of an event whose number is out of range, and the range as the end of a sentence. What an event
    counts is a value: only its own event is rejected. Its id, who it is of, what it names are its form."""
    match event:
        case VoiceEvent(seconds=seconds) if not 1 <= seconds <= LONGEST_SECONDS:
            return "seconds", f"is not from 1 to {LONGEST_SECONDS:,}"
        case StatEvent(amount=amount) if abs(amount) > LARGEST_AMOUNT:
            return "amount", f"is not from -{LARGEST_AMOUNT:,} to {LARGEST_AMOUNT:,}"
    return None


class Earning:
    """The settings in the form in which an event is judged: numbers, exact fractions, sets."""

    def __init__(self, settings: LevelingSettings) -> None:
        self.enabled = settings.enabled
        self.least = settings.xp_per_message.min
        self.spread = settings.xp_per_message.max - settings.xp_per_message.min + 1
        self.cooldown = timedelta(seconds=settings.cooldown_seconds)
        self.per_minute = settings.xp_per_voice_minute
        self.per_reaction = settings.xp_per_reaction
        self.per_command = settings.xp_per_command
        self.cap = settings.daily_xp_cap
        self.ignored_channels = {int(id_) for id_ in settings.ignored_channel_ids}
        self.only_channels = {int(id_) for id_ in settings.only_channel_ids}
        self.ignored_roles = {int(id_) for id_ in settings.ignored_role_ids}
        self.guild = _exact(settings.multiplier)
        self.channels = {int(each.channel_id): _exact(each.factor) for each in settings.channel_multipliers}
        self.names_places = bool(self.ignored_channels or self.only_channels or self.channels)
        self.roles = {int(each.role_id): _exact(each.factor) for each in settings.role_multipliers}
        self.stacking = settings.multiplier_stacking
        self.plain = self.guild == 1 and not self.channels and not self.roles
        # Kinds of events that can earn anything at all.

        kinds = {
            MessageEvent: settings.xp_per_message.max,
            VoiceEvent: self.per_minute,
            ReactionEvent: self.per_reaction,
            CommandEvent: self.per_command,
        }
        self.kinds = {kind for kind, most in kinds.items() if most and self.enabled and self.guild}

    def free_at(self, last_xp_at: datetime | None) -> datetime | None:
        """When the cooldown that a message began is over; None where there is none."""
        if not self.cooldown or last_xp_at is None:
            return None
        try:
            return last_xp_at + self.cooldown
        except OverflowError:  # a stored moment may lie at the end of the calendar
            return _THE_END

    def lists(self, place: int) -> bool:
        """Whether the settings say of this very place that XP is earned there, or is not."""
        return place in self.ignored_channels or place in self.only_channels

    def place_fault(self, event: Event, place: int | None) -> Why | None:
        """Why nothing is earned where this happened, or by those who have these roles. `place`: the most exact one
        that is listed."""
        if place is None and self.only_channels:
            return "other_channel"
        if place in self.ignored_channels:
            return "ignored_channel"
        if not self.ignored_roles.isdisjoint(event.role_ids):
            return "ignored_role"
        return None

    def base(self, event: Event) -> Fraction | int:
        """XP before multipliers. Of a message: drawn from a hash of its id, the same on every machine."""
        match event:
            case MessageEvent():
                if self.spread == 1:
                    return self.least
                digest = blake2b(event.id.encode(), digest_size=8).digest()
                return self.least + int.from_bytes(digest, "big") % self.spread
            case VoiceEvent():
                return Fraction(self.per_minute * event.seconds, 60)
            case ReactionEvent():
                return self.per_reaction
            case CommandEvent():
                return self.per_command
            case StatEvent():
                return 0

    def factors(self, event: Event, places: Sequence[int]) -> list[tuple[str, Fraction]]:
        """The multipliers that concern an event: of its places the most exact one's."""
        found = [] if self.guild == 1 else [("guild", self.guild)]
        place = next((each for each in places if each in self.channels), None)
        if place is not None:
            found.append((f"channel:{place}", self.channels[place]))
        roles = sorted(self.roles.keys() & set(event.role_ids))
        return found + [(f"role:{role}", self.roles[role]) for role in roles]


def earning_of(config: LevelingConfig) -> Earning:
    """The guild's settings in that form, made once for all guilds that share them."""
    remembered = config.settings.__dict__
    known: Earning | None = remembered.get("earning")
    if known is None:
        known = remembered["earning"] = Earning(config.settings)
    return known


def judge(config: LevelingConfig, event: Event, last_xp_at: datetime | None, cap_left: int | None) -> Verdict:
    """What the event earns. `last_xp_at`: when a message of the member last earned XP. `cap_left`: what the cap
    of the event's day still leaves the member, None without a cap."""
    earning = earning_of(config)
    if isinstance(event, StatEvent):
        return Verdict(0, "stat")
    base = earning.base(event)
    places: Sequence[int] = ()
    place: int | None = None
    if earning.names_places:
        places = config.places_of(event.channel_id, event.parent_id)
        place = next((each for each in places if earning.lists(each)), None)
    factors: tuple[tuple[str, Fraction], ...] = ()
    multiplier = _ONE
    if not earning.plain:
        factors = tuple(earning.factors(event, places))
        multiplier = combined(factors, earning.stacking)
    fault: Why | None = earning.place_fault(event, place) if earning.enabled else "off"
    if fault is None and isinstance(event, MessageEvent) and last_xp_at is not None:
        early = (earning.free_at(last_xp_at) or event.occurred_at) - event.occurred_at
        if early > timedelta():
            fault = "late" if event.occurred_at <= last_xp_at else "cooldown"
            early_seconds = -(-early // timedelta(seconds=1))
            return Verdict(0, fault, base, multiplier, factors, early_seconds, cap_left, places, place)
    xp, why = (0, fault) if fault is not None else _earned(base, multiplier, cap_left)
    return Verdict(xp, why, base, multiplier, factors, 0, cap_left, places, place)


def _earned(base: Fraction | int, multiplier: Fraction, cap_left: int | None) -> tuple[int, Why]:
    xp = base if multiplier is _ONE and isinstance(base, int) else round_half_up(base * multiplier)
    if xp == 0:
        return 0, "no_factor" if base else "no_rate"
    if cap_left is not None and xp > cap_left:
        return cap_left, "cap"
    return xp, "earned"


def combined(factors: tuple[tuple[str, Fraction], ...], stacking: MultiplierStacking) -> Fraction:
    """One multiplier of all. A factor of 0 always wins; `add` makes 1 + Σ(factor - 1), never below 0."""
    if any(factor == 0 for _, factor in factors):
        return Fraction(0)
    guild = next((factor for of, factor in factors if of == "guild"), _ONE)
    channel = next((factor for of, factor in factors if of.startswith("channel:")), None)
    roles = [factor for of, factor in factors if of.startswith("role:")]
    if not roles:
        return guild * (_ONE if channel is None else channel)
    match stacking.roles:
        case "largest":
            role = max(roles)
        case "smallest":
            role = min(roles)
        case "add":
            role = _added(roles)
        case "multiply":
            role = Fraction(prod(roles))
    if channel is None:
        return guild * role
    match stacking.channel_with_roles:
        case "multiply":
            return guild * channel * role
        case "add":
            return guild * _added([channel, role])
        case "largest":
            return guild * max(channel, role)
        case "channel_first":
            return guild * channel
        case "role_first":
            return guild * role


def round_half_up(number: Fraction | int) -> int:
    """The nearest whole number, the larger one of two that are equally near."""
    return (2 * number.numerator + number.denominator) // (2 * number.denominator)


def _added(factors: list[Fraction]) -> Fraction:
    return max(Fraction(0), sum((factor - 1 for factor in factors), start=_ONE))


def _exact(factor: float) -> Fraction:
    """The decimal number as it is written: 1.1 is eleven tenths."""
    return Fraction(str(factor))
