"""Clients of the API, as bots use them."""

from collections.abc import Iterable, Sequence

import httpx2
from litestar.types import ASGIApp

from api.auth.actors import system
from api.auth.scopes import ALL, Scope
from api.keys.dtos import CreateKey
from api.keys.service import KeyService
from api.lib.snowflakes import Snowflake
from tests.support.serving import in_process

BASE_URL = "http://guildhall.test"


class Clients:
    """Makes clients, each with a key of its own."""

    def __init__(self, app: ASGIApp, keys: KeyService) -> None:
        self._app = app
        self._keys = keys

    async def key(
        self, *, scopes: Iterable[Scope] = ALL, guilds: Sequence[int] | None = None, name: str = "test"
    ) -> str:
        """A key's secret."""
        ids = None if guilds is None else [Snowflake(guild) for guild in guilds]
        data = CreateKey(name=name, scopes=sorted(scopes), guild_ids=ids, rate_limit=None)
        return str((await self._keys.create(system("test"), data)).secret)

    async def bot(self, *, scopes: Iterable[Scope] = ALL, guilds: Sequence[int] | None = None) -> httpx2.AsyncClient:
        """A client with a new key."""
        return self.bearer(await self.key(scopes=scopes, guilds=guilds))

    def bearer(self, secret: str) -> httpx2.AsyncClient:
        """A client with this key."""
        client = self.anonymous()
        client.headers["Authorization"] = f"Bearer {secret}"
        return client

    def anonymous(self) -> httpx2.AsyncClient:
        """A client without a key."""
        return in_process(self._app, BASE_URL)
