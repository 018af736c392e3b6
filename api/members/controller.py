"""`/v1/guilds/{guild_id}/members/{user_id}`, and the activity of members and guilds in time."""

from litestar import Controller, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from api.auth.scopes import Scope
from api.http.policy import RoutePolicy
from api.http.requests import GuildhallRequest
from api.members.dtos import AdjustXp, MemberView, RoleQuery, SeriesQuery, SeriesView, XpAdjustedView
from api.members.levels import RoleChanges
from api.members.service import MemberService

READ, WRITE = Scope.MEMBERS_READ, Scope.MEMBERS_WRITE


class MemberController(Controller):
    path = "/v1/guilds/{guild_id:str}"
    tags = ("members",)

    @get("/members/{user_id:str}", opt=RoutePolicy(READ, conditional=True, personal=True).opt)
    async def get_member(
        self,
        guild_id: FromPath[int],
        user_id: FromPath[int],
        request: GuildhallRequest,
        members: NamedDependency[MemberService],
    ) -> MemberView:
        """A member's profile: XP, level, exact rank, stats and streak."""
        return await members.get(request.actor, guild_id, user_id)

    @delete("/members/{user_id:str}", opt=RoutePolicy(WRITE).opt)
    async def delete_member(
        self,
        guild_id: FromPath[int],
        user_id: FromPath[int],
        request: GuildhallRequest,
        members: NamedDependency[MemberService],
    ) -> None:
        """The member left. The guild's setting `on_leave` says what becomes of their standing."""
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
        """Give, take or set XP by hand. It is never below zero, and counts in the period in which it is given. A key
        with `members:write` makes the member where there is none; for people somebody unknown is 404, as somebody
        hidden is."""
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
        """What a member did, hour by hour, day by day or week by week of the guild's time zone."""
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
        """What makes the roles that the member has into those that their level deserves."""
        return await members.role_rewards(request.actor, guild_id, user_id, params)
