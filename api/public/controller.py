"""`/v1/public/guilds/{place}`: what a guild publishes, without credentials."""

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from api.http.policy import RoutePolicy
from api.http.requests import GuildhallRequest
from api.http.responses import ApiResponse
from api.public.dtos import PublicLeaderboardQuery, PublicLeaderboardView, PublicMemberView
from api.public.limits import spend
from api.public.service import PublicGuild, PublicService

SECONDS = 30  # in which caches may answer


def caching(guild: PublicGuild, *, by: str | None = None) -> dict[str, str]:
    """How long caches may keep an answer about the guild; only the reader's own, where it is for members. `by`: the
    header that chooses between forms of the answer."""
    varies = [] if by is None else [by]
    if not guild.is_for_everyone:
        varies.append("Cookie")
    who = "public" if guild.is_for_everyone else "private"
    return {"Cache-Control": f"{who}, max-age={SECONDS}"} | ({"Vary": ", ".join(varies)} if varies else {})


class PublicController(Controller):
    path = "/v1/public/guilds/{place:str}"
    tags = ("public",)
    guards = (spend,)

    @get("/leaderboard", opt=RoutePolicy(reads_query=True, by_address=True).opt)
    async def get_public_leaderboard(
        self,
        place: FromPath[str],
        params: NamedDependency[PublicLeaderboardQuery],
        request: GuildhallRequest,
        public: NamedDependency[PublicService],
    ) -> ApiResponse[PublicLeaderboardView]:
        """Get a page of a guild's public leaderboard, by the guild's short name or id. It needs no credentials: the
        module `public` says who may see it. A leaderboard for members needs the session of one. Each address has 60
        requests a minute."""
        guild = await public.find(place, request.headers.get("cookie"))
        return ApiResponse(await public.leaderboard(guild, params), headers=caching(guild, by="Accept"))

    @get("/members/{user_id:str}", opt=RoutePolicy(reads_query=True, by_address=True, conditional=True).opt)
    async def get_public_member(
        self,
        place: FromPath[str],
        user_id: FromPath[str],
        request: GuildhallRequest,
        public: NamedDependency[PublicService],
    ) -> ApiResponse[PublicMemberView]:
        """Get a member of a guild with a public leaderboard, with the stats that the guild publishes and the
        achievements that the member has."""
        guild = await public.find(place, request.headers.get("cookie"))
        return ApiResponse(await public.member(guild, user_id), headers=caching(guild, by="Accept"))
