"""Reads pictures from Discord's CDN, and from nowhere else: every answer is bounded in time and size, and redirects are
not followed."""

import asyncio
from typing import TYPE_CHECKING

import structlog

from api.webhooks.resolving import Resolver
from api.webhooks.sending import NotAllowed, refuse

if TYPE_CHECKING:
    import httpx2

log = structlog.get_logger("guildhall.cards")

HOST = "cdn.discordapp.com"
SECONDS = 4.0  # for all of it
LARGEST = 512 * 1024
CONNECTIONS = 16


class Cdn:
    def __init__(self, resolver: Resolver, transport: "httpx2.AsyncBaseTransport | None" = None) -> None:
        """`transport`: instead of real connections."""
        self._resolver = resolver
        self._transport = transport
        self._client: httpx2.AsyncClient | None = None

    async def fetch(self, path: str, guild_id: int) -> bytes | None:
        """The body, of the guild's share of look-ups; None if it cannot be had."""
        import httpx2  # 140 ms, for those who show pictures of people

        try:
            async with asyncio.timeout(SECONDS):
                return await self._fetched(path, await self._address(guild_id))
        except (TimeoutError, NotAllowed, OSError, ValueError, httpx2.HTTPError) as error:
            log.info("A picture of somebody cannot be had", error=type(error).__name__)
            return None

    async def close(self) -> None:
        """Ends what is open."""
        if self._client is not None:
            await self._client.aclose()

    async def _address(self, guild_id: int) -> str:
        """The address that is connected to: the one that was checked, since a second look-up may lead elsewhere."""
        if self._transport is not None:
            return HOST
        ips = await self._resolver.addresses(HOST, 443, guild_id)
        refuse(ips, private=False)
        return f"[{ips[0]}]" if ":" in ips[0] else ips[0]

    async def _fetched(self, path: str, address: str) -> bytes | None:
        import httpx2  # the same

        client = self._client = self._client or httpx2.AsyncClient(
            transport=self._transport,
            timeout=SECONDS,
            limits=httpx2.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS),
            trust_env=False,
            headers={"Accept": "image/png", "Accept-Encoding": "identity", "Host": HOST},
        )
        request = client.build_request("GET", f"https://{address}{path}", extensions={"sni_hostname": HOST})
        answer = await client.send(request, stream=True)
        try:
            if answer.status_code != 200 or answer.headers.get("content-encoding", "identity") != "identity":
                return None  # what is compressed may be of any size
            body = bytearray()
            async for chunk in answer.aiter_bytes():
                body += chunk
                if len(body) > LARGEST:
                    return None
            return bytes(body)
        finally:
            await answer.aclose()
