"""Real objects for every operation of the document."""

import asyncio
from secrets import token_hex
from typing import Any

import httpx2

from tests.activity.test_record import message, record
from tests.architecture.described import Description, Json
from tests.cards.pictures import png
from tests.support.browsers import Browsers
from tests.support.people import ADA, HARBOUR

MSGPACK = "application/vnd.msgpack"


def is_of_people(operation: Json) -> bool:
    """Whether the operation needs no key: it needs a session, or nothing."""
    return all("key" not in way for way in operation["security"])


class World:
    """A real object for every part of an address, restored before each operation."""

    def __init__(self, bot: httpx2.AsyncClient, browsers: Browsers, description: Description) -> None:
        self.bot = bot
        self.browser = browsers.fresh()
        self._browsers = browsers
        self.description = description
        self.key_id = ""
        self.guild_key_id = "1"
        self.import_id = ""
        self.webhook_id = "1"
        self.delivery = "1"
        self.session_id = ""
        self.link = ""
        self.came_back: dict[str, str] = {}
        self._is_whole = False

    async def restore(self) -> None:
        """Harbour with one revision of its settings, the module `welcome`, and an unused key. What only reads leaves
        it whole."""
        if self._is_whole:
            return
        module = self.description.document["components"]["schemas"]["PutModule"]["examples"][0]
        await self._put(f"/v1/guilds/{HARBOUR}", {"name": "Harbour"})
        await self._put(f"/v1/guilds/{HARBOUR}/settings/leveling", {"max_level": 100})
        await self._put(f"/v1/guilds/{HARBOUR}/settings/public", {"leaderboard": "everyone"})
        await self._put("/v1/modules/welcome?on_conflict=reset", module)
        key = await self.bot.post("/v1/keys", json={"name": "spare", "scopes": ["guilds:read"]})
        self.key_id = key.json()["id"]
        body = {"name": "spare", "scopes": ["guilds:read"]}
        self.guild_key_id = (await self.bot.post(f"/v1/guilds/{HARBOUR}/keys", json=body)).json()["id"]
        await self._log_in()
        # Ada is a member, even if she has just left.
        await record(self.bot, message(token_hex(8)))
        await self._achievements()
        await self._webhook()
        await self._pictures()
        if not self.import_id:
            await self._import()
        await self.rest()
        self._is_whole = True

    def note(self, path: str, method: str) -> None:
        """What this request leaves is restored before the next operation."""
        if method != "GET" or path.startswith("/auth/"):
            self._is_whole = False

    async def _log_in(self) -> None:
        """A browser in which Ada is logged in, and has started another log-in."""
        if (await self.browser.get("/v1/me")).status_code == 401:
            await self._browsers.log_in(ADA, self.browser)
        self.session_id = (await self.browser.get("/v1/me/sessions")).json()["items"][0]["id"]
        begun = await self.browser.get("/auth/discord/login")
        back = await self._browsers.said(begun.headers["location"], person=str(ADA))
        self.came_back = dict(httpx2.URL(back).params)

    async def _import(self) -> None:
        """Imports something, and waits for its end: a guild has one import at a time."""
        headers = {"Content-Type": "text/csv"}
        begun = await self.bot.post(
            f"/v1/guilds/{HARBOUR}/imports?source=csv", content=f"user_id,xp\n{ADA},5\n", headers=headers
        )
        assert begun.status_code == 202, begun.text
        self.import_id = begun.json()["id"]

    async def rest(self) -> None:
        """Waits until no import is running."""
        for _ in range(200):
            found = (await self.bot.get(f"/v1/guilds/{HARBOUR}/imports")).json()["items"]
            if all(each["status"] in {"finished", "failed"} for each in found):
                return
            await asyncio.sleep(0.05)
        raise AssertionError(found)

    async def _webhook(self) -> None:
        """One webhook that is enabled, and a delivery to it."""
        path = f"/v1/guilds/{HARBOUR}/webhooks"
        if (await self.bot.get(f"{path}/{self.webhook_id}")).json().get("enabled") is True:
            return
        for item in (await self.bot.get(path)).json()["items"]:
            await self.bot.delete(f"{path}/{item['id']}")
        made = await self.bot.post(path, json={"url": "https://93.184.215.14/"})
        self.webhook_id = made.json()["id"]
        self.delivery = (await self.bot.post(f"{path}/{self.webhook_id}/test")).json()["id"]

    async def _pictures(self) -> None:
        """A picture behind Harbour's cards, and a link to Ada's."""
        path = f"/v1/guilds/{HARBOUR}"
        if (await self.bot.get(f"{path}/card-background")).status_code == 404:
            headers = {"Content-Type": "image/png"}
            assert (await self.bot.put(f"{path}/card-background", content=png(), headers=headers)).is_success
        await self.bot.patch(f"{path}/settings/cards", json={"members_may_choose": True})
        self.link = (await self.bot.post(f"{path}/members/{ADA}/card-link")).json()["url"].split("/")[-2]

    async def _achievements(self) -> None:
        """`chatterbox`, of the installation and of Harbour, which Ada has."""
        draft = {"key": "chatterbox", "name": "Chatterbox", "condition": {"stat": "messages", "gte": 1000}}
        for scope in ("/v1/achievements", f"/v1/guilds/{HARBOUR}/achievements"):
            if (await self.bot.get(f"{scope}/chatterbox")).status_code == 404:
                made = await self.bot.post(scope, json=draft)
                if made.status_code == 409:
                    await self.bot.post(f"{scope}/chatterbox/restore")
        await self._put(f"/v1/guilds/{HARBOUR}/members/{ADA}/achievements/chatterbox", {})

    async def _put(self, path: str, body: Json) -> None:
        answer = await self.bot.put(path, json=body)
        assert answer.is_success, answer.text

    def parts(self, path: str) -> dict[str, str]:
        """The values of the parts of an address, by name."""
        module = "welcome" if path.startswith("/v1/modules") else "leveling"
        key_id = self.key_id if path.startswith("/v1/keys") else self.guild_key_id
        return {"guild_id": str(HARBOUR), "place": str(HARBOUR), "user_id": str(ADA), "key_id": key_id,
                "session_id": self.session_id, "import_id": self.import_id,
                "webhook_id": self.webhook_id, "delivery": self.delivery, "module": module, "revision": "1",
                "achievement": "chatterbox", "link": self.link}  # fmt: skip

    def request(
        self, path: str, method: str, operation: Json, *, parts: dict[str, str] | None = None, **more: Any
    ) -> httpx2.Request:  # Any: httpx2's own arguments
        """The request from the document's examples, changed by `more`."""
        if "requestBody" in operation:
            content = operation["requestBody"]["content"]
            media_type = "text/csv" if "text/csv" in content else next(iter(content))
            media = content[media_type]
            is_image = media_type.startswith("image/")
            example = (
                png() if is_image else media.get("example") or self.description.resolved(media["schema"])["examples"][0]
            )
            if isinstance(example, dict) and "key" in example:
                example = {**example, "key": token_hex(8)}  # a deleted one still has its key
            if "content" not in more:
                more["content" if isinstance(example, (str, bytes)) else "json"] = example
            if "params" not in more and isinstance(example, str):
                more["params"] = {"source": "csv"}
            more["headers"] = {"Content-Type": media_type, **more.get("headers", {})}
        if path.endswith("/callback") and "params" not in more:
            more["params"] = self.came_back
        self.note(path, method)
        client = self.browser if is_of_people(operation) else self.bot
        return client.build_request(method, path.format(**(parts or self.parts(path))), **more)
