"""Counts the events of one request into standings that are locked. Pure but for what it is handed to change."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime

import msgspec

from api.activity.dtos import CommandEvent, Event, MessageEvent, ReactionEvent, StatEvent, VoiceEvent
from api.activity.rules import earning_of, judge
from api.members.ledger import MAX_XP, Key, Ledger, Standing
from api.members.levelups import LevelUp, level_up
from api.members.rulebook import GuildRules
from api.members.streaks import with_day

Caps = dict[tuple[int, date, int], int]  # guild, day, user: XP that the day's cap has counted


class Risen(msgspec.Struct):
    """A member's XP before the request, and where they were when a level was last reached."""

    before_xp: int
    level: int
    event: Event | None = None


class Late(msgspec.Struct, frozen=True):
    """A day that lies before a member's latest run of days."""

    standing: Standing
    day: date


def count(
    rules: GuildRules,
    events: Iterable[Event],
    standings: Mapping[Key, Standing],
    caps: Caps,
    ledger: Ledger,
    late: list[Late],
) -> list[LevelUp]:
    """Counts events, each for the first time, in their true order; gives the levels that were reached."""
    earning, ladder, guild_id = earning_of(rules), rules.ladder, rules.guild_id
    risen: dict[int, Risen] = {}
    for event in sorted(events, key=lambda each: (each.occurred_at, each.id)):
        standing = standings[guild_id, event.user_id]
        at = event.occurred_at
        day, hour = rules.place_of(at)
        cap_left = None
        if earning.cap is not None:
            cap_left = max(earning.cap - caps.get((guild_id, day, event.user_id), 0), 0)
        earned = judge(rules, event, standing.last_xp_at, cap_left).xp
        xp = min(earned, MAX_XP - standing.xp)
        if earned:
            if isinstance(event, MessageEvent) and (standing.last_xp_at is None or at > standing.last_xp_at):
                standing.last_xp_at = at
            if cap_left is not None:
                caps[guild_id, day, event.user_id] = caps.get((guild_id, day, event.user_id), 0) + earned
            rise = risen.get(event.user_id)
            if rise is None:
                rise = risen[event.user_id] = Risen(standing.xp, ladder.level(standing.xp))
            standing.xp += xp
            if (level := ladder.level(standing.xp)) > rise.level:
                rise.level, rise.event = level, event
        _count_stats(standing, event, day, hour, xp, earned, ledger)
        _note_presence(standing, at, day, late)
        ledger.touch(standing)
    return [
        found
        for user_id, rise in risen.items()
        if rise.event is not None
        and (found := _told(rules, user_id, rise, standings[guild_id, user_id].xp, rise.event)) is not None
    ]


def _told(rules: GuildRules, user_id: int, rise: Risen, xp: int, event: Event) -> LevelUp | None:
    held = [str(role) for role in event.role_ids] if event.role_ids else None
    return level_up(rules, user_id, rise.before_xp, xp, held, event.channel_id)


def _count_stats(
    standing: Standing, event: Event, day: date, hour: datetime, xp: int, earned: int, ledger: Ledger
) -> None:
    messages = voice_seconds = reactions = commands = 0
    match event:
        case MessageEvent():
            messages = 1
        case VoiceEvent():
            voice_seconds = event.seconds
        case ReactionEvent():
            reactions = 1
        case CommandEvent():
            commands = 1
        case StatEvent():
            ledger.add_stat(standing, day, event.stat, event.amount)
    standing.messages += messages
    standing.voice_seconds += voice_seconds
    standing.reactions += reactions
    standing.commands += commands
    ledger.add(
        standing,
        day,
        hour,
        xp=xp,
        earned_xp=earned,
        messages=messages,
        voice_seconds=voice_seconds,
        reactions=reactions,
        commands=commands,
        events=1,
    )


def _note_presence(standing: Standing, at: datetime, day: date, late: list[Late]) -> None:
    if standing.first_seen_at is None or at < standing.first_seen_at:
        standing.first_seen_at = at
    if standing.last_active_at is None or at > standing.last_active_at:
        standing.last_active_at = at
    run = with_day(standing.streak_from, standing.streak_to, standing.streak_best, day)
    if run is None:
        late.append(Late(standing, day))
    else:
        standing.streak_from, standing.streak_to, standing.streak_best = run
