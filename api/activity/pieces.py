"""The days and hours of a guild's calendar that an event belongs to; a voice session may belong to several. Pure."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

from api.activity.dtos import Event, VoiceEvent
from api.members.leveling_config import LevelingConfig

_HOUR, _MINUTE, _SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)


class Piece(NamedTuple):
    """The seconds of a session within one hour of the guild's clocks."""

    day: date
    hour: datetime
    seconds: int


def begins(event: Event) -> datetime:
    """The time at which the event began; `occurred_at` of a session is its end."""
    if isinstance(event, VoiceEvent):
        return event.occurred_at - timedelta(seconds=event.seconds)
    return event.occurred_at


def pieces(config: LevelingConfig, event: VoiceEvent) -> list[Piece]:
    """A session by hour, in order; all its seconds, each once."""
    found: list[Piece] = []
    start, end = begins(event), event.occurred_at
    at, counted = start, 0
    while at < end:
        place = config.place_of(at)
        upto = min(place[1] + _HOUR, end)
        if upto <= at or config.place_of(upto - timedelta.resolution) != place:  # clocks were set: minute by minute
            upto = min(at.replace(second=0, microsecond=0) + _MINUTE, end)
        passed = (upto - start) // _SECOND
        if found and found[-1][:2] == place:
            found[-1] = Piece(*place, found[-1].seconds + passed - counted)
        elif passed > counted:
            found.append(Piece(*place, passed - counted))
        at, counted = upto, passed
    return found


def days(config: LevelingConfig, event: Event) -> set[date]:
    """The guild's days that an event counts on."""
    if isinstance(event, VoiceEvent):
        return {piece.day for piece in pieces(config, event)}
    return {config.place_of(event.occurred_at)[0]}


def shares(xp: int, parts: Sequence[Piece]) -> Iterator[tuple[Piece, int]]:
    """The share of a session's XP that each piece has. The sum is exact."""
    seconds = sum(piece.seconds for piece in parts)
    passed = given = 0
    for piece in parts:
        passed += piece.seconds
        upto = xp * passed // seconds
        yield piece, upto - given
        given = upto
