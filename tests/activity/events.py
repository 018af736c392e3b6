"""Events for the rules: what an event says beside its type, person and time is a keyword."""

from datetime import UTC, datetime
from typing import Any

from api.activity.dtos import CommandEvent, MessageEvent, ReactionEvent, StatEvent, VoiceEvent
from tests.support.people import ADA

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)

More = Any  # what an event says beside its type, id, person and time


def _common(more: dict[str, More]) -> dict[str, More]:
    roles = list(more.pop("role_ids", []))
    return {"id": "1", "user_id": ADA, "occurred_at": NOON, "channel_id": None, "role_ids": roles, **more}


def message(**more: More) -> MessageEvent:
    return MessageEvent(**_common(more))


def voice(seconds: int = 60, **more: More) -> VoiceEvent:
    return VoiceEvent(seconds=seconds, **_common(more))


def reaction(**more: More) -> ReactionEvent:
    return ReactionEvent(**_common(more))


def command(**more: More) -> CommandEvent:
    return CommandEvent(name="rank", **_common(more))


def stat(**more: More) -> StatEvent:
    return StatEvent(stat="duels_won", amount=5, **_common(more))
