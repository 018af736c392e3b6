"""`/v1/keys`, and `/v1/guilds/{guild_id}/keys`."""

from litestar import Controller, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from api.auth.scopes import Scope
from api.http.policy import RoutePolicy
from api.http.requests import GuildhallRequest
from api.keys.dtos import CreateGuildKey, CreateKey, GuildKeyQuery, KeyQuery, KeyView, RotateKey
from api.keys.service import KeyService
from api.lib.pagination import Page

MANAGE = Scope.KEYS_MANAGE


class KeyController(Controller):
    path = "/v1/keys"
    tags = ("keys",)

    @post("/", opt=RoutePolicy(MANAGE, bots=True, conflicts=True).opt)
    async def create_key(
        self, data: JSONBody[CreateKey], request: GuildhallRequest, keys: NamedDependency[KeyService]
    ) -> KeyView:
        """Create a key. It has no rights that its maker lacks, ends with its maker at the latest, and spends from its
        maker's budget. Only this answer has the `secret`. A repeated call creates another key."""
        return await keys.create(request.actor, data)

    @get("/", opt=RoutePolicy(MANAGE, bots=True).opt)
    async def list_keys(
        self,
        params: NamedDependency[KeyQuery],
        request: GuildhallRequest,
        keys: NamedDependency[KeyService],
    ) -> Page[KeyView]:
        """List the keys whose rights the caller has itself, newest first."""
        return await keys.list_keys(request.actor, params)

    @get("/{key_id:str}", opt=RoutePolicy(MANAGE, bots=True, conditional=True).opt)
    async def get_key(
        self, key_id: FromPath[int], request: GuildhallRequest, keys: NamedDependency[KeyService]
    ) -> KeyView:
        """Get a key, without its secret."""
        return await keys.get(request.actor, key_id)

    @delete("/{key_id:str}", opt=RoutePolicy(MANAGE, bots=True).opt)
    async def revoke_key(
        self, key_id: FromPath[int], request: GuildhallRequest, keys: NamedDependency[KeyService]
    ) -> None:
        """Revoke a key and all keys that it made, directly or not. They stop working on every worker within five
        seconds. A key cannot revoke its ancestors."""
        await keys.revoke(request.actor, key_id)

    @post(
        "/{key_id:str}/rotate",
        opt=RoutePolicy(MANAGE, bots=True, finds_key=True, optional_body=True, conflicts=True).opt,
    )
    async def rotate_key(
        self,
        key_id: FromPath[int],
        data: JSONBody[RotateKey],
        request: GuildhallRequest,
        keys: NamedDependency[KeyService],
    ) -> KeyView:
        """Replace a key by a new one with its rights and its maker. The old key ends after a grace period, a day by
        default. Keys and webhooks that it made continue with the new key. Only the key itself and its ancestors may
        rotate it."""
        return await keys.rotate(request.actor, key_id, data)


class GuildKeyController(Controller):
    path = "/v1/guilds/{guild_id:str}/keys"
    tags = ("keys",)

    @post("/", opt=RoutePolicy(MANAGE, conflicts=True).opt)
    async def create_guild_key(
        self,
        guild_id: FromPath[int],
        data: JSONBody[CreateGuildKey],
        request: GuildhallRequest,
        keys: NamedDependency[KeyService],
    ) -> KeyView:
        """Create a key for this guild alone. It has no rights that its maker lacks here. Only this answer has the
        `secret`. A key that a person made has no parent: it belongs to the guild, and stays until somebody revokes it,
        it expires, or the guild is purged. People cannot give `members:write`, since keys with it see hidden people. A
        guild has 25 keys without a parent. A repeated call creates another key."""
        return await keys.create(request.actor, data.for_guild(guild_id), guild_id)

    @get("/", opt=RoutePolicy(MANAGE).opt)
    async def list_guild_keys(
        self,
        guild_id: FromPath[int],
        params: NamedDependency[GuildKeyQuery],
        request: GuildhallRequest,
        keys: NamedDependency[KeyService],
    ) -> Page[KeyView]:
        """List the keys for this guild alone whose rights the caller has itself, newest first."""
        query = KeyQuery(limit=params.limit, cursor=params.cursor, deleted=params.deleted)
        return await keys.list_keys(request.actor, query, guild_id)

    @delete("/{key_id:str}", opt=RoutePolicy(MANAGE).opt)
    async def revoke_guild_key(
        self,
        guild_id: FromPath[int],
        key_id: FromPath[int],
        request: GuildhallRequest,
        keys: NamedDependency[KeyService],
    ) -> None:
        """Revoke a key for this guild alone, and all keys that it made. They stop working on every worker within five
        seconds."""
        await keys.revoke(request.actor, key_id, guild_id)
