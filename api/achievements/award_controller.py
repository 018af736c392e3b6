"""`/v1/guilds/{guild_id}/members/{user_id}/achievements`: what a member has of the achievements."""

from litestar import Controller, delete, get, put
from litestar.di import NamedDependency
from litestar.params import FromPath

from api.achievements.awards import AwardService
from api.achievements.dtos import AwardedView, MemberAchievementsView, RevokeQuery
from api.auth.scopes import Scope
from api.http.policy import RoutePolicy
from api.http.requests import GuildhallRequest
from api.http.responses import ApiResponse


class AwardController(Controller):
    path = "/v1/guilds/{guild_id:str}/members/{user_id:str}/achievements"
    tags = ("achievements",)

    @get("/", opt=RoutePolicy(Scope.MEMBERS_READ, conditional=True, personal=True).opt)
    async def get_member_achievements(
        self,
        guild_id: FromPath[int],
        user_id: FromPath[int],
        request: GuildhallRequest,
        awards: NamedDependency[AwardService],
    ) -> MemberAchievementsView:
        """List a member's achievements, and their progress towards the others. A hidden achievement appears only if
        the member has it."""
        return await awards.list_of(request.actor, guild_id, user_id)

    @put("/{achievement:str}", opt=RoutePolicy(Scope.ACHIEVEMENTS_WRITE, statuses=(201, 200)).opt)
    async def award_achievement(
        self,
        guild_id: FromPath[int],
        user_id: FromPath[int],
        achievement: FromPath[str],
        request: GuildhallRequest,
        awards: NamedDependency[AwardService],
    ) -> ApiResponse[AwardedView]:
        """Award an achievement by hand, with its rewards. Its condition does not count. If the member has the
        achievement, nothing changes."""
        awarded, is_new = await awards.award(request.actor, guild_id, user_id, achievement)
        return ApiResponse(awarded, status_code=201 if is_new else 200)

    @delete("/{achievement:str}", opt=RoutePolicy(Scope.ACHIEVEMENTS_WRITE).opt)
    async def revoke_achievement(
        self,
        guild_id: FromPath[int],
        user_id: FromPath[int],
        achievement: FromPath[str],
        params: NamedDependency[RevokeQuery],
        request: GuildhallRequest,
        awards: NamedDependency[AwardService],
    ) -> None:
        """Revoke an achievement, and take back the XP of its reward. It stays revoked until it is awarded by hand."""
        await awards.revoke(request.actor, guild_id, user_id, achievement, keep_rewards=params.keep_rewards)
