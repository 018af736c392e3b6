"""Shapes of webhooks and their deliveries."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from api.events.types import EventType
from api.lib.pagination import CursorText, Limit

Url = Annotated[
    str,
    Meta(
        pattern=r"^https?://[\x21-\x7e]+$(?!\n)",
        max_length=2048,
        description="An `http://` or `https://` address that is public",
        examples=["https://bot.example/guildhall"],
    ),
]
Types = Annotated[list[EventType], Meta(max_length=100, description="Which events; empty: all")]

Status = Literal["pending", "delivered", "failed"]


class CreateWebhook(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The address of a webhook, and the events that it receives."""

    url: Url
    types: Types = msgspec.field(default_factory=list)
    enabled: bool = True


class PatchWebhook(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A merge patch: absent members stay, null returns to all events, and to enabled."""

    url: Url | UnsetType = UNSET
    types: Types | None | UnsetType = UNSET
    enabled: bool | None | UnsetType = UNSET


class WebhookView(msgspec.Struct, frozen=True):
    """A webhook. `enabled` becomes false if no delivery succeeds for a long time. Only the answer to its creation has
    `secret`, the key of the signatures."""

    id: str
    guild_id: str
    url: str
    types: list[str]
    enabled: bool
    created_at: datetime
    secret: (
        Annotated[str | None, Meta(description="Null in a repeated answer to an `Idempotency-Key`.")] | UnsetType
    ) = UNSET


class DeliveryView(msgspec.Struct, frozen=True):
    """A delivery of an event, and its result. `id` is that of the sent body."""

    id: str
    event: str
    at: datetime
    status: Status
    attempts: int
    outcome: Annotated[
        str | None,
        Meta(description="The result of the last attempt: a status, or why there is none. Null before the first"),
    ]
    next_attempt_at: Annotated[datetime | None, Meta(description="Null unless it is pending")]


class WebhookPage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A page of the list."""

    limit: Limit = 50
    cursor: CursorText | None = None
