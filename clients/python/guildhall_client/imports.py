"""Imports from other bots, and the export of a guild."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime

import msgspec

from guildhall_client.errors import problem
from guildhall_client.models import Page
from guildhall_client.requests import Content, Id, Query, Requests

_TYPES = {"csv": "text/csv", "events": "application/x-ndjson", "guildhall": "application/x-ndjson"}


class ImportCounts(msgspec.Struct, frozen=True):
    """How many rows of a file there were, by their result."""

    rows: int
    imported: int
    unchanged: int
    refused: int


class RefusedRow(msgspec.Struct, frozen=True):
    """A row that was not imported. Rows count from 1; 0 is the whole file."""

    row: int
    pointer: str
    message: str


class PreviewedMember(msgspec.Struct, frozen=True):
    """A member before and after an import."""

    user_id: str
    xp_before: int
    xp_after: int
    level_before: int
    level_after: int
    username: str | None = None
    display_name: str | None = None
    avatar_url: str | None = None


class Import(msgspec.Struct, frozen=True):
    """An import: `queued`, `running`, `finished` or `failed`. A dry run has a `preview`."""

    id: str
    guild_id: str
    source: str
    mode: str | None
    dry_run: bool
    status: str
    progress: float
    counts: ImportCounts
    refused: list[RefusedRow]
    preview: list[PreviewedMember]
    created_at: datetime
    finished_at: datetime | None = None


class Imports:
    """A guild's imports."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    async def begin(
        self,
        guild_id: Id,
        content: Content,
        source: str,
        *,
        mode: str | None = None,
        dry_run: bool = False,
        settings: bool = False,
        content_type: str | None = None,
        reason: str | None = None,
    ) -> Import:
        """Sends a file and begins its import. A `Path` is read while it is sent. `content_type` is by default that of
        the source: JSON, CSV or NDJSON."""
        query: Query = {
            "source": source,
            **({} if mode is None else {"mode": mode}),
            **({"dry_run": "true"} if dry_run else {}),
            **({"settings": "true"} if settings else {}),
        }
        kind = content_type or _TYPES.get(source, "application/json")
        return await self._requests.upload(f"/v1/guilds/{guild_id}/imports", content, kind, query, reason, Import)

    async def get(self, import_id: str) -> Import:
        """An import's progress."""
        return await self._requests.request("GET", f"/v1/imports/{import_id}", Import)

    async def list(self, guild_id: Id, **query: str | int) -> Page[Import]:
        """A page of imports, the newest first."""
        return await self._requests.request("GET", f"/v1/guilds/{guild_id}/imports", Page[Import], params=query)

    async def finished(self, import_id: str, *, every: float = 1.0) -> Import:
        """Returns the import when it is finished or has failed; asks every so many seconds."""
        while True:
            found = await self.get(import_id)
            if found.status in ("finished", "failed"):
                return found
            await asyncio.sleep(every)

    async def export(self, guild_id: Id) -> AsyncIterator[bytes]:
        """The guild as NDJSON, in pieces as they come. It is not sent again if it breaks off: then this raises."""
        async with self._requests.http.stream("GET", f"/v1/guilds/{guild_id}/export") as response:
            if not response.is_success:
                await response.aread()
                raise problem(response)
            async for piece in response.aiter_bytes():
                yield piece
