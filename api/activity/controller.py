"""`/v1/guilds/{guild_id}/activity`: events of members' activity; and `/v1/guilds/{guild_id}/stats`.

The guild's time series are here, too: Litestar needs one controller for an address.
"""

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from api.activity.custom_stats import CustomStats
from api.activity.dtos import (
    MOST_EVENTS,
    MOST_ROLES,
    ActivityView,
    CustomStatsQuery,
    CustomStatView,
    Explanation,
    RecordActivity,
)
from api.activity.explaining import ExplainService
from api.activity.service import ActivityService
from api.auth.scopes import Scope
from api.http.policy import RoutePolicy
from api.http.requests import GuildhallRequest
from api.lib.pagination import Page
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


class StatController(Controller):
    path = "/v1/guilds/{guild_id:str}/stats"
    tags = ("activity",)

    @get("/", opt=RoutePolicy(Scope.MEMBERS_READ).opt)
    async def list_custom_stats(
        self,
        guild_id: FromPath[int],
        params: NamedDependency[CustomStatsQuery],
        request: GuildhallRequest,
        custom_stats: NamedDependency[CustomStats],
    ) -> Page[CustomStatView]:
        """List the guild's own stats: those that its bot has counted with events of the type `stat`, or imported, by
        name. Each has leaderboards, and can be in conditions of achievements. A guild has 200 at most."""
        return await custom_stats.read(request.actor, guild_id, params)
