"""Something real for every operation that the document has."""

from typing import Any

import httpx

from tests.architecture.described import Description, Json
from tests.support.people import HARBOUR

MSGPACK = "application/vnd.msgpack"


class World:
    """Something real for every part of an address, put right again before each operation."""

    def __init__(self, bot: httpx.AsyncClient, description: Description) -> None:
        self.bot = bot
        self.description = description
        self.key_id = ""

    async def restore(self) -> None:
        """Harbour with one revision of its settings, the module `welcome`, a key that nobody uses."""
        module = self.description.document["components"]["schemas"]["PutModule"]["examples"][0]
        await self._put(f"/v1/guilds/{HARBOUR}", {"name": "Harbour"})
        await self._put(f"/v1/guilds/{HARBOUR}/settings/leveling", {"max_level": 100})
        await self._put("/v1/modules/welcome?on_conflict=reset", module)
        key = await self.bot.post("/v1/keys", json={"name": "spare", "scopes": ["guilds:read"]})
        self.key_id = key.json()["id"]

    async def _put(self, path: str, body: Json) -> None:
        answer = await self.bot.put(path, json=body)
        assert answer.is_success, answer.text

    def parts(self, path: str) -> dict[str, str]:
        """What stands in an address, by name."""
        module = "welcome" if path.startswith("/v1/modules") else "leveling"
        return {"guild_id": str(HARBOUR), "key_id": self.key_id, "module": module, "revision": "1"}

    def request(
        self, path: str, method: str, operation: Json, *, parts: dict[str, str] | None = None, **more: Any
    ) -> httpx.Request:  # Any: httpx's own arguments
        """The request that the document's examples make, changed by `more`."""
        if "requestBody" in operation:
            media_type, media = next(iter(operation["requestBody"]["content"].items()))
            example = media.get("example") or self.description.resolved(media["schema"])["examples"][0]
            if "content" not in more:
                more["json"] = example
            more["headers"] = {"Content-Type": media_type, **more.get("headers", {})}
        return self.bot.build_request(method, path.format(**(parts or self.parts(path))), **more)
