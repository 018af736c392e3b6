"""The client: one method for what a bot does often, `request` for everything else."""

from collections.abc import AsyncIterator, Mapping, Sequence
from types import TracebackType
from typing import TypeVar
from urllib.parse import quote

import httpx2
import msgspec

from guildhall_client import errors, streaming
from guildhall_client.achievements import Achievements
from guildhall_client.cards import Cards
from guildhall_client.imports import Imports
from guildhall_client.models import (
    Activity,
    Board,
    Erasure,
    Member,
    Members,
    NamesPut,
    Privacy,
    RoleChanges,
    Settings,
    StreamEvent,
    XpAdjusted,
)
from guildhall_client.requests import Id, Json, Requests
from guildhall_client.webhooks import Webhooks

T = TypeVar("T")


class Guildhall:
    """A connection to one server with one key. Use it as `async with`, or call `close`."""

    def __init__(
        self,
        url: str,
        key: str,
        *,
        patience: float = 60.0,
        timeout: float = 20.0,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        """`patience`: for how many seconds a request is tried again, while the server is away, restarts or asks
        to wait; then `Unreachable`. `timeout`: for one try."""
        self.http = httpx2.AsyncClient(
            base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=timeout, transport=transport
        )
        self.requests = Requests(self.http, patience)
        self.request = self.requests.request  # for routes that have no method here
        self.achievements = Achievements(self.requests)
        self.cards = Cards(self.requests)
        self.imports = Imports(self.requests)
        self.webhooks = Webhooks(self.requests)

    async def __aenter__(self) -> "Guildhall":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes the connections."""
        await self.http.aclose()

    # Guilds and settings

    async def put_guild(self, guild_id: Id, name: str, **more: str | None) -> None:
        """The bot joined, or something changed: `icon`, `owner_id`, `locale`, `timezone`. What is absent stays."""
        await self.request("PUT", f"/v1/guilds/{guild_id}", object, body={"name": name, **more})

    async def delete_guild(self, guild_id: Id) -> None:
        """The bot left. Of a guild that is not there nothing happens."""
        await self.requests.unless_absent("DELETE", f"/v1/guilds/{guild_id}")

    async def put_module(self, module: str, schema: Json, title: str, description: str | None = None) -> None:
        """Registers a module of settings; call it whenever the bot starts."""
        body = {"schema": schema, "title": title, "description": description}
        await self.request("PUT", f"/v1/modules/{quote(module)}", object, body=body)

    async def settings(self, guild_id: Id, module: str, as_type: type[T]) -> Settings[T]:
        """A module's values, as this type: `dict`, or a msgspec struct. Asked again, the server
        sends them only if they changed."""
        path = f"/v1/guilds/{guild_id}/settings/{quote(module)}"
        kind: type[Settings[T]] = Settings[as_type]  # type: ignore[valid-type] # a type that the caller names
        return msgspec.json.decode(await self.requests.cached(path), type=kind)

    async def patch_settings(self, guild_id: Id, module: str, changes: Json, reason: str | None = None) -> None:
        """Changes some of it; None returns a value to its default."""
        await self.request(
            "PATCH", f"/v1/guilds/{guild_id}/settings/{quote(module)}", object, body=changes, reason=reason
        )

    # Activity, members, boards

    async def record(self, guild_id: Id, events: Sequence[Mapping[str, object]]) -> Activity:
        """What members did, 1 to 1,000 events. Sent again it counts nothing: hence it may be tried again."""
        body = {"events": events}
        return await self.request("POST", f"/v1/guilds/{guild_id}/activity", Activity, body=body, key=False)

    async def member(self, guild_id: Id, user_id: Id) -> Member | None:
        """The profile, None if there is no such member. Raises `GuildNotFound` if there is no such guild."""
        response = await self.requests.send("GET", f"/v1/guilds/{guild_id}/members/{user_id}")
        if response.is_success:
            return msgspec.json.decode(response.content, type=Member)
        if response.status_code != 404:
            raise errors.problem(response)
        await self.requests.find_guild(guild_id)
        return None

    async def members(self, guild_id: Id, **query: str | int) -> Members:
        """A page of members by name: `search` (the beginning of a name, or an id), `ids`, `limit`, `cursor`."""
        return await self.request("GET", f"/v1/guilds/{guild_id}/members", Members, params=query)

    async def rename(self, guild_id: Id, user_id: Id, **names: str | None) -> Member:
        """What a member is called: `username`, `display_name`, `avatar` (Discord's hash). What is absent stays. The
        bot's events may say it too, as `user`."""
        return await self.request("PATCH", f"/v1/guilds/{guild_id}/members/{user_id}", Member, body=names)

    async def put_names(self, guild_id: Id, items: Sequence[Mapping[str, object]]) -> NamesPut:
        """The same of 1 to 1,000 members, each with `user_id`."""
        return await self.request("PUT", f"/v1/guilds/{guild_id}/members/names", NamesPut, body={"items": items})

    async def member_left(self, guild_id: Id, user_id: Id) -> None:
        """The member left; of somebody who is not there nothing happens."""
        await self.requests.unless_absent("DELETE", f"/v1/guilds/{guild_id}/members/{user_id}")

    async def adjust_xp(self, guild_id: Id, user_id: Id, amount: int, reason: str | None = None) -> XpAdjusted:
        """Gives (or takes) XP by hand, once, however often it is tried."""
        path = f"/v1/guilds/{guild_id}/members/{user_id}/xp"
        return await self.request("POST", path, XpAdjusted, body={"amount": amount}, reason=reason)

    async def role_rewards(self, guild_id: Id, user_id: Id, role_ids: Sequence[Id]) -> RoleChanges:
        """What makes the roles that a member has into those that the level deserves."""
        path = f"/v1/guilds/{guild_id}/members/{user_id}/role-rewards"
        return await self.request("GET", path, RoleChanges, params={"role_ids": ",".join(map(str, role_ids))})

    async def leaderboard(self, guild_id: Id, **query: str | int) -> Board:
        """A page of a board: `stat`, `period`, `at`, `around`, `limit`, `cursor`."""
        return await self.request("GET", f"/v1/guilds/{guild_id}/leaderboard", Board, params=query)

    # People

    async def privacy(self, user_id: Id) -> Privacy:
        """What somebody has chosen, for every guild."""
        return await self.request("GET", f"/v1/users/{user_id}/privacy", Privacy)

    async def choose_privacy(self, user_id: Id, **choice: str | bool) -> Privacy:
        """`visibility="hidden"` or `"public"`, `opt_out=True` or `False`; what is absent stays."""
        return await self.request("PUT", f"/v1/users/{user_id}/privacy", Privacy, body=choice)

    async def erase(self, user_id: Id, *, opt_out: bool = False) -> Erasure:
        """Erases somebody everywhere; done when it returns."""
        params: dict[str, str | int] = {"opt_out": "true"} if opt_out else {}
        return await self.request("DELETE", f"/v1/users/{user_id}", Erasure, params=params)

    # The stream

    def events(
        self,
        *,
        guild_id: Id | None = None,
        types: Sequence[str] = (),
        last_event_id: str | None = None,
    ) -> AsyncIterator[StreamEvent]:
        """Events as they come, for ever: after a lost connection it goes on after the last one, with nothing
        left out. `last_event_id`: go on after that one; without, from now on. Raises `Problem`, with status 410
        where what was missed is no longer kept."""
        params = {} if guild_id is None else {"guild_id": str(guild_id)}
        if types:
            params["types"] = ",".join(types)
        return streaming.events(self.http, params, last_event_id)
