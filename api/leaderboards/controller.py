"""`/v1/guilds/{guild_id}/leaderboard`."""

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from api.auth.scopes import Scope
from api.http.policy import RoutePolicy
from api.http.requests import GuildhallRequest
from api.leaderboards.dtos import LeaderboardQuery, LeaderboardView
from api.leaderboards.service import LeaderboardService


class LeaderboardController(Controller):
    path = "/v1/guilds/{guild_id:str}/leaderboard"
    tags = ("leaderboards",)

    @get("/", opt=RoutePolicy(Scope.MEMBERS_READ).opt)
    async def get_leaderboard(
        self,
        guild_id: FromPath[int],
        params: NamedDependency[LeaderboardQuery],
        request: GuildhallRequest,
        leaderboards: NamedDependency[LeaderboardService],
    ) -> LeaderboardView:
        """Get a page of a leaderboard: any stat, for all time, a day, a week, a month or any window of days."""
        return await leaderboards.read(request.actor, guild_id, params)
