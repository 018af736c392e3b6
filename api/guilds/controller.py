"""`/v1/guilds`, with the roles and channels of a guild."""

from litestar import Controller, delete, get, patch, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from api.auth.scopes import Scope
from api.guilds.dtos import (
    AccessView,
    ChannelsView,
    GuildQuery,
    GuildView,
    PatchGuild,
    PutChannels,
    PutGuild,
    PutRoles,
    RolesView,
)
from api.guilds.roles_and_channels import RolesAndChannels
from api.guilds.service import GuildService
from api.http.context import context_of
from api.http.policy import RoutePolicy
from api.http.requests import GuildhallRequest
from api.http.responses import ApiResponse
from api.lib.pagination import Page

READ, WRITE = Scope.GUILDS_READ, Scope.GUILDS_WRITE


class GuildController(Controller):
    path = "/v1/guilds"
    tags = ("guilds",)

    @get("/", opt=RoutePolicy(READ).opt)
    async def list_guilds(
        self,
        params: NamedDependency[GuildQuery],
        request: GuildhallRequest,
        guilds: NamedDependency[GuildService],
    ) -> Page[GuildView]:
        """List the guilds that the key sees, by id."""
        return await guilds.list_guilds(request.actor, limit=params.limit, cursor=params.cursor, deleted=params.deleted)

    @put(
        "/{guild_id:str}",
        opt=RoutePolicy(
            WRITE,
            if_match=True,
            conditional=True,
            personal=True,
            creates_guild=True,
            mends_names=True,
            statuses=(201, 200),
        ).opt,
    )
    async def put_guild(
        self,
        guild_id: FromPath[int],
        data: JSONBody[PutGuild],
        request: GuildhallRequest,
        guilds: NamedDependency[GuildService],
    ) -> ApiResponse[GuildView]:
        """Create, update or restore a guild. Send it when the bot joins a guild, and when the guild changes."""
        guild, created = await guilds.put(request.actor, guild_id, data, request.preconditions)
        return ApiResponse(guild, status_code=201 if created else 200)

    @patch(
        "/{guild_id:str}", opt=RoutePolicy(WRITE, if_match=True, conditional=True, personal=True, merge_patch=True).opt
    )
    async def patch_guild(
        self,
        guild_id: FromPath[int],
        data: JSONBody[PatchGuild],
        request: GuildhallRequest,
        guilds: NamedDependency[GuildService],
    ) -> GuildView:
        """Change a guild with a merge patch. Null returns a member to its initial value."""
        return await guilds.patch(request.actor, guild_id, data, request.preconditions)

    @get("/{guild_id:str}", opt=RoutePolicy(READ, conditional=True, personal=True).opt)
    async def get_guild(self, guild_id: FromPath[int], guilds: NamedDependency[GuildService]) -> GuildView:
        """Get a guild."""
        return await guilds.get(guild_id)

    @get("/{guild_id:str}/access", opt=RoutePolicy(READ, conditional=True, personal=True).opt)
    async def get_access(self, guild_id: FromPath[int], request: GuildhallRequest) -> AccessView:
        """Get what the credential may do in a guild. A dashboard can hide what a person may not use."""
        return AccessView(guild_id=str(guild_id), scopes=sorted(context_of(request.scope).caller.scopes))

    @delete("/{guild_id:str}", opt=RoutePolicy(WRITE, if_match=True).opt)
    async def delete_guild(
        self,
        guild_id: FromPath[int],
        request: GuildhallRequest,
        guilds: NamedDependency[GuildService],
    ) -> None:
        """Delete a guild. Send it when the bot leaves. The guild can be restored until the retention ends, 30 days by
        default."""
        await guilds.delete(request.actor, guild_id, request.preconditions)

    @post(
        "/{guild_id:str}/restore",
        opt=RoutePolicy(WRITE, conditional=True, personal=True, creates_guild=True).opt,
        status_code=200,
    )
    async def restore_guild(
        self, guild_id: FromPath[int], request: GuildhallRequest, guilds: NamedDependency[GuildService]
    ) -> GuildView:
        """Restore a deleted guild. A guild that is not deleted stays unchanged."""
        return await guilds.restore(request.actor, guild_id)

    @get("/{guild_id:str}/roles", opt=RoutePolicy(READ, conditional=True).opt)
    async def get_roles(
        self, guild_id: FromPath[int], roles_and_channels: NamedDependency[RolesAndChannels]
    ) -> RolesView:
        """List the guild's roles, as its bot last sent them, highest first."""
        return await roles_and_channels.roles(guild_id)

    @put("/{guild_id:str}/roles", opt=RoutePolicy(WRITE, if_match=True, conditional=True, mends_names=True).opt)
    async def put_roles(
        self,
        guild_id: FromPath[int],
        data: JSONBody[PutRoles],
        request: GuildhallRequest,
        roles_and_channels: NamedDependency[RolesAndChannels],
    ) -> RolesView:
        """Replace all roles of a guild. Settings that refer to a missing role report it in `stale_references`."""
        return await roles_and_channels.replace_roles(request.actor, guild_id, data.items, request.preconditions)

    @get("/{guild_id:str}/channels", opt=RoutePolicy(READ, conditional=True).opt)
    async def get_channels(
        self, guild_id: FromPath[int], roles_and_channels: NamedDependency[RolesAndChannels]
    ) -> ChannelsView:
        """List the guild's channels, as its bot last sent them, by position."""
        return await roles_and_channels.channels(guild_id)

    @put("/{guild_id:str}/channels", opt=RoutePolicy(WRITE, if_match=True, conditional=True, mends_names=True).opt)
    async def put_channels(
        self,
        guild_id: FromPath[int],
        data: JSONBody[PutChannels],
        request: GuildhallRequest,
        roles_and_channels: NamedDependency[RolesAndChannels],
    ) -> ChannelsView:
        """Replace all channels of a guild. Settings that refer to a missing channel report it in `stale_references`."""
        return await roles_and_channels.replace_channels(request.actor, guild_id, data.items, request.preconditions)
