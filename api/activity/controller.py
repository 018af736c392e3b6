"""`/v1/guilds/{guild_id}/activity`: events of members' activity.

The guild's time series are here, too: Litestar needs one controller for an address.
"""

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
        opt=RoutePolicy(Scope.ACTIVITY_WRITE, largest_body=LARGEST_BODY, most_values=MOST_VALUES, mends_names=True).opt,
        status_code=200,
    )
    async def record_activity(
        self,
        guild_id: FromPath[int],
        data: JSONBody[RecordActivity],
        request: GuildhallRequest,
        activity: NamedDependency[ActivityService],
    ) -> ActivityView:
        """Report events of members' activity. Each event counts once, even if it is sent again. The answer comes after
        the events are stored, and tells the bot what to do: level-ups, roles, announcements, achievements."""
        return await activity.record(guild_id, data.events, request.claim)

    @post(
        "/explain",
        opt=RoutePolicy(
            Scope.MEMBERS_READ,
            effect_free=True,
            largest_body=LARGEST_BODY,
            most_values=MOST_VALUES,
            mends_names=True,
        ).opt,
        status_code=200,
    )
    async def explain_activity(
        self,
        guild_id: FromPath[int],
        data: JSONBody[RecordActivity],
        request: GuildhallRequest,
        explaining: NamedDependency[ExplainService],
    ) -> Explanation:
        """Explain how much XP each event would earn, and why. Nothing is stored."""
        return await explaining.explain(request.actor, guild_id, data.events)

    @get("/", opt=RoutePolicy(Scope.MEMBERS_READ, conditional=True).opt)
    async def get_guild_activity(
        self,
        guild_id: FromPath[int],
        params: NamedDependency[SeriesQuery],
        members: NamedDependency[MemberService],
    ) -> SeriesView:
        """Get the activity of all members together, by hour, day or week in the guild's time zone."""
        return await members.guild_activity(guild_id, params)
