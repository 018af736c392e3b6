"""`/v1/guilds/{guild_id}/activity`: what members did.

The guild's series stand here beside the events: Litestar wants one controller for an address."""

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from api.activity.dtos import MOST_EVENTS, MOST_ROLES, ActivityView, Explanation, RecordActivity
from api.activity.explaining import ExplainService
from api.activity.service import ActivityService
from api.auth.scopes import Scope
from api.http.policy import RoutePolicy
from api.http.requests import GuildhallRequest
from api.members.dtos import SeriesQuery, SeriesView
from api.members.service import MemberService

LARGEST_BODY = 8 * 1024 * 1024
MOST_VALUES = MOST_EVENTS * (MOST_ROLES + 20)  # an event has a dozen members, and may name who did it


class ActivityController(Controller):
    path = "/v1/guilds/{guild_id:str}/activity"
    tags = ("activity",)

    @post(
        "/",
        opt=RoutePolicy(Scope.ACTIVITY_WRITE, largest_body=LARGEST_BODY, most_values=MOST_VALUES).opt,
        status_code=200,
    )
    async def record_activity(
        self,
        guild_id: FromPath[int],
        data: JSONBody[RecordActivity],
        request: GuildhallRequest,
        activity: NamedDependency[ActivityService],
    ) -> ActivityView:
        """Report what members did: each event counts once, however often it is sent. Answers what the bot
        is to do, after it is safely stored."""
        return await activity.record(guild_id, data.events, request.claim)

    @post(
        "/explain",
        opt=RoutePolicy(Scope.MEMBERS_READ, effect_free=True, largest_body=LARGEST_BODY, most_values=MOST_VALUES).opt,
        status_code=200,
    )
    async def explain_activity(
        self,
        guild_id: FromPath[int],
        data: JSONBody[RecordActivity],
        request: GuildhallRequest,
        explaining: NamedDependency[ExplainService],
    ) -> Explanation:
        """Say of each event how much XP it would earn, and why. Nothing is stored."""
        return await explaining.explain(request.actor, guild_id, data.events)

    @get("/", opt=RoutePolicy(Scope.MEMBERS_READ, conditional=True).opt)
    async def get_guild_activity(
        self,
        guild_id: FromPath[int],
        params: NamedDependency[SeriesQuery],
        members: NamedDependency[MemberService],
    ) -> SeriesView:
        """What all members did together, hour by hour, day by day or week by week of the guild's time zone."""
        return await members.guild_activity(guild_id, params)
