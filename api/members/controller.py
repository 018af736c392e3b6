"""`/v1/guilds/{guild_id}/members/{user_id}`, and time series of members and guilds."""

from litestar import Controller, delete, get, patch, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from api.auth.scopes import Scope
from api.http.policy import RoutePolicy
from api.http.requests import GuildhallRequest
from api.lib.pagination import Page
from api.members.dtos import (
    AdjustXp,
    ListedMemberView,
    MembersQuery,
    MemberView,
    NamesPutView,
    PatchMember,
    PutNames,
    RoleQuery,
    SeriesQuery,
    SeriesView,
    XpAdjustedView,
)
from api.members.levels import RoleChanges
from api.members.listing import MemberLists
from api.members.renaming import Renaming
from api.members.service import MemberService

READ, WRITE = Scope.MEMBERS_READ, Scope.MEMBERS_WRITE


class MemberController(Controller):
    path = "/v1/guilds/{guild_id:str}"
    tags = ("members",)

    @get("/members", opt=RoutePolicy(READ, personal=True).opt)
    async def list_members(
        self,
        guild_id: FromPath[int],
        params: NamedDependency[MembersQuery],
        request: GuildhallRequest,
        member_lists: NamedDependency[MemberLists],
    ) -> Page[ListedMemberView]:
        """List the guild's members, or search them: by display name without case and accents, then by id; members
        without a display name last."""
        return await member_lists.read(request.actor, guild_id, params)

    @put("/members/names", opt=RoutePolicy(WRITE, mends_names=True).opt)
    async def put_names(
        self,
        guild_id: FromPath[int],
        data: JSONBody[PutNames],
        request: GuildhallRequest,
        renaming: NamedDependency[Renaming],
    ) -> NamesPutView:
        """Set the names and avatars of many members at once. Only for those who are members. Names of people who
        opted out can only be cleared, with null."""
        return await renaming.put(request.actor, guild_id, data.items)

    @patch(
        "/members/{user_id:str}",
        opt=RoutePolicy(WRITE, if_match=True, conditional=True, personal=True, merge_patch=True, mends_names=True).opt,
    )
    async def patch_member(
        self,
        guild_id: FromPath[int],
        user_id: FromPath[int],
        data: JSONBody[PatchMember],
        request: GuildhallRequest,
        renaming: NamedDependency[Renaming],
    ) -> MemberView:
        """Change a member's names and avatar (JSON Merge Patch). If the member does not exist, a key with
        `members:write` creates it; for people, unknown and hidden members are 404."""
        return await renaming.patch(request.actor, guild_id, user_id, data, request.preconditions)

    @get("/members/{user_id:str}", opt=RoutePolicy(READ, conditional=True, personal=True).opt)
    async def get_member(
        self,
        guild_id: FromPath[int],
        user_id: FromPath[int],
        request: GuildhallRequest,
        members: NamedDependency[MemberService],
    ) -> MemberView:
        """Get a member's profile: XP, level, exact rank, stats and streak."""
        return await members.get(request.actor, guild_id, user_id)

    @delete("/members/{user_id:str}", opt=RoutePolicy(WRITE).opt)
    async def delete_member(
        self,
        guild_id: FromPath[int],
        user_id: FromPath[int],
        request: GuildhallRequest,
        members: NamedDependency[MemberService],
    ) -> None:
        """Report that a member left. The guild's setting `on_leave` decides what happens to their XP and stats."""
        await members.leave(request.actor, guild_id, user_id)

    @post("/members/{user_id:str}/xp", opt=RoutePolicy(WRITE).opt, status_code=200)
    async def adjust_xp(
        self,
        guild_id: FromPath[int],
        user_id: FromPath[int],
        data: JSONBody[AdjustXp],
        request: GuildhallRequest,
        members: NamedDependency[MemberService],
    ) -> XpAdjustedView:
        """Give, take or set XP by hand. XP never falls below zero, and counts in the present period. If the member does
        not exist, a key with `members:write` creates it; for people, unknown and hidden members are 404."""
        return await members.adjust_xp(request.actor, guild_id, user_id, data)

    @get("/members/{user_id:str}/activity", opt=RoutePolicy(READ, conditional=True, personal=True).opt)
    async def get_member_activity(
        self,
        guild_id: FromPath[int],
        user_id: FromPath[int],
        params: NamedDependency[SeriesQuery],
        request: GuildhallRequest,
        members: NamedDependency[MemberService],
    ) -> SeriesView:
        """Get a member's activity, by hour, day or week in the guild's time zone."""
        return await members.member_activity(request.actor, guild_id, user_id, params)

    @get("/members/{user_id:str}/role-rewards", opt=RoutePolicy(READ, conditional=True, personal=True).opt)
    async def get_role_rewards(
        self,
        guild_id: FromPath[int],
        user_id: FromPath[int],
        params: NamedDependency[RoleQuery],
        request: GuildhallRequest,
        members: NamedDependency[MemberService],
    ) -> RoleChanges:
        """Get the roles to add and to remove, so that the member has the role rewards of their level."""
        return await members.role_rewards(request.actor, guild_id, user_id, params)
