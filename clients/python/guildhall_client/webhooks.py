"""Webhooks of a guild, and the check of what they deliver."""

import hashlib
import hmac
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from guildhall_client.errors import BadSignature
from guildhall_client.models import Page
from guildhall_client.requests import Id, Requests


class Webhook(msgspec.Struct, frozen=True):
    """A webhook. Only the answer to its creation has `secret`."""

    id: str
    guild_id: str
    url: str
    types: list[str]
    enabled: bool
    created_at: datetime
    secret: str | None = None


class Delivery(msgspec.Struct, frozen=True):
    """A delivery of an event, and its result: `pending`, `delivered` or `failed`."""

    id: str
    event: str
    at: datetime
    status: str
    attempts: int


class Delivered(msgspec.Struct, frozen=True):
    """The body of a delivery. `id` is the same if it arrives twice."""

    id: str
    event: str
    guild_id: str | None = None
    at: datetime | None = None
    data: dict[str, Any] = {}  # Any: JSON, by the kind of event


class Webhooks:
    """A guild's webhooks."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    async def create(
        self, guild_id: Id, url: str, types: Sequence[str] = (), *, enabled: bool = True, reason: str | None = None
    ) -> Webhook:
        """No `types` means all. Keep the `secret`: deliveries are checked with it."""
        body = {"url": url, "types": types, "enabled": enabled}
        return await self._requests.request("POST", _place(guild_id), Webhook, body=body, reason=reason)

    async def list(self, guild_id: Id, **query: str | int) -> Page[Webhook]:
        """A page of webhooks."""
        return await self._requests.request("GET", _place(guild_id), Page[Webhook], params=query)

    async def get(self, guild_id: Id, webhook_id: str) -> Webhook:
        """A webhook."""
        return await self._requests.request("GET", _place(guild_id, webhook_id), Webhook)

    async def patch(self, guild_id: Id, webhook_id: str, *, reason: str | None = None, **changes: object) -> Webhook:
        """Changes `url`, `types` or `enabled`."""
        path = _place(guild_id, webhook_id)
        return await self._requests.request("PATCH", path, Webhook, body=changes, reason=reason)

    async def delete(self, guild_id: Id, webhook_id: str, reason: str | None = None) -> None:
        """Ends a webhook."""
        await self._requests.request("DELETE", _place(guild_id, webhook_id), object, reason=reason)

    async def test(self, guild_id: Id, webhook_id: str) -> Delivery:
        """Sends a test event now, and returns the result."""
        return await self._requests.request("POST", f"{_place(guild_id, webhook_id)}/test", Delivery)

    async def deliveries(self, guild_id: Id, webhook_id: str, **query: str | int) -> Page[Delivery]:
        """A page of deliveries."""
        path = f"{_place(guild_id, webhook_id)}/deliveries"
        return await self._requests.request("GET", path, Page[Delivery], params=query)


def verify_delivery(
    secret: str, signature: str | None, body: bytes, *, tolerance: float = 300.0, now: float | None = None
) -> Delivered:
    """A webhook's delivery, if it is Guildhall's. `signature` is the header `Guildhall-Signature`, `body` the request's
    body byte for byte. Raises `BadSignature`, also if it is more than `tolerance` seconds old."""
    parts = [part.strip().partition("=")[::2] for part in (signature or "").split(",")]
    at = next((value for name, value in parts if name == "t"), "")
    if not (at.isascii() and at.isdecimal() and len(at) <= 12):
        raise BadSignature("The delivery has no readable Guildhall-Signature.")
    wanted = hmac.new(secret.encode(), at.encode() + b"." + body, hashlib.sha256).hexdigest().encode()
    if not any(name == "v1" and hmac.compare_digest(value.encode(), wanted) for name, value in parts):
        raise BadSignature("The signature does not fit the body and the secret.")
    if abs((time.time() if now is None else now) - int(at)) > tolerance:
        raise BadSignature("The delivery is too old.")
    return msgspec.json.decode(body, type=Delivered)


def _place(guild_id: Id, webhook_id: str | None = None) -> str:
    path = f"/v1/guilds/{guild_id}/webhooks"
    return path if webhook_id is None else f"{path}/{webhook_id}"
