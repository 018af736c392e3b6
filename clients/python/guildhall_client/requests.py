"""Requests with the key, tried again as long as there is patience."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote
from uuid import uuid4

import httpx2
import msgspec

from guildhall_client.errors import GuildNotFound, Unreachable, problem
from guildhall_client.retrying import Patience

T = TypeVar("T")
Json = dict[str, Any]  # Any: whatever JSON holds
Id = int | str
Query = Mapping[str, str | int]
Content = bytes | str | Path

_CHUNK_BYTES = 1 << 20


class Requests:
    """What all methods of the client send. `patience`: for how many seconds a request is tried again."""

    def __init__(self, http: httpx2.AsyncClient, patience: float) -> None:
        self.http = http
        self.patience = patience
        self._known: dict[str, tuple[str, bytes]] = {}  # path: entity tag, body

    async def request(
        self,
        method: str,
        path: str,
        as_type: type[T],
        *,
        body: object = None,
        params: Query | None = None,
        reason: str | None = None,
        key: bool = True,
    ) -> T:
        """One request, its answer as this type: a msgspec struct, or `object` for any JSON. `reason` is for the audit
        log, `key`: a POST bears an idempotency key, so that it is done once however often it is tried.
        Raises `Problem`, `Unreachable`."""
        headers = _headers(method, reason, key=key)
        content = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            content = msgspec.json.encode(body)
        return decoded(await self.send(method, path, content, params, headers), as_type)

    async def upload(
        self, path: str, content: Content, content_type: str, params: Query, reason: str | None, as_type: type[T]
    ) -> T:
        """Posts a file as it is. One that is given by its path need not fit into memory."""
        headers = {**_headers("POST", reason, key=True), "Content-Type": content_type}
        return decoded(await self.send("POST", path, content, params, headers, timeout=600.0), as_type)

    async def cached(self, path: str) -> bytes:
        """A body that is only sent if it has changed since it was asked for."""
        known = self._known.get(path)
        response = await self.send("GET", path, headers={} if known is None else {"If-None-Match": known[0]})
        if response.status_code == 304 and known is not None:
            return known[1]
        if not response.is_success:
            raise problem(response)
        if len(self._known) >= 1000:
            self._known.pop(next(iter(self._known)))
        self._known[path] = response.headers.get("etag", ""), response.content
        return response.content

    async def unless_absent(self, method: str, path: str) -> bool:
        """Where absence is an answer: False for 404."""
        response = await self.send(method, path)
        if not response.is_success and response.status_code != 404:
            raise problem(response)
        return response.is_success

    async def find_guild(self, guild_id: Id) -> None:
        """Raises `GuildNotFound` if a 404 about a member came because the guild itself is missing."""
        # With the scope that the member's profile needs, too.
        response = await self.send("GET", f"/v1/guilds/{guild_id}/leaderboard", params={"limit": 1})
        if response.status_code == 404:
            raise problem(response, GuildNotFound)

    async def send(
        self,
        method: str,
        path: str,
        content: Content | None = None,
        params: Query | None = None,
        headers: Mapping[str, str] | None = None,
        patience: float | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - of one try
    ) -> httpx2.Response:
        """The whole answer, whatever its status. Raises `Unreachable`."""
        more: Json = {} if timeout is None else {"timeout": timeout}
        waits = Patience(self.patience if patience is None else patience)
        while True:
            sent = _chunks(content) if isinstance(content, Path) else content
            try:
                response = await self.http.request(method, path, content=sent, params=params, headers=headers, **more)
            except httpx2.TransportError as error:
                seconds = waits.wait(None)
                if seconds is None:
                    raise Unreachable(f"{method} {path}: {error!r}") from error
            else:
                seconds = waits.wait(response)
                if seconds is None:
                    return response
            await asyncio.sleep(seconds)


def decoded(response: httpx2.Response, as_type: type[T]) -> T:
    """The answer's JSON. Raises `Problem` if it is a refusal."""
    if not response.is_success:
        raise problem(response)
    return msgspec.json.decode(response.content or b"null", type=as_type)


def _headers(method: str, reason: str | None, *, key: bool) -> dict[str, str]:
    headers = {} if reason is None else {"X-Audit-Log-Reason": quote(reason)}
    if method == "POST" and key:
        headers["Idempotency-Key"] = uuid4().hex
    return headers


async def _chunks(path: Path) -> AsyncIterator[bytes]:
    file = await asyncio.to_thread(path.open, "rb")
    try:
        while chunk := await asyncio.to_thread(file.read, _CHUNK_BYTES):
            yield chunk
    finally:
        file.close()
