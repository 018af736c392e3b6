"""`/v1/guilds/{guild_id}/members/{user_id}/card`: what a member chose for their own card."""

from litestar import Controller, get, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from api.auth.scopes import Scope
from api.cards.choices import CardChoices
from api.cards.dtos import MemberCardView, PutMemberCard
from api.http.policy import RoutePolicy
from api.http.requests import GuildhallRequest


class CardChoiceController(Controller):
    path = "/v1/guilds/{guild_id:str}/members/{user_id:str}/card"
    tags = ("pictures",)

    @get("/", opt=RoutePolicy(Scope.MEMBERS_READ, conditional=True, personal=True).opt)
    async def get_member_card(
        self,
        guild_id: FromPath[int],
        user_id: FromPath[int],
        request: GuildhallRequest,
        card_choices: NamedDependency[CardChoices],
    ) -> MemberCardView:
        """Get the accent that a member chose for their own card and chart. It is shown if the module `cards` has
        `"members_may_choose": true`."""
        return await card_choices.get(request.actor, guild_id, user_id)

    @put("/", opt=RoutePolicy(Scope.MEMBERS_WRITE, conditional=True, personal=True, if_match=True).opt)
    async def put_member_card(
        self,
        guild_id: FromPath[int],
        user_id: FromPath[int],
        data: JSONBody[PutMemberCard],
        request: GuildhallRequest,
        card_choices: NamedDependency[CardChoices],
    ) -> MemberCardView:
        """Set the accent of a member's own card and chart; null removes it. If the module `cards` does not let
        members choose, the answer is 409. Text stays readable with any accent."""
        return await card_choices.put(request.actor, guild_id, user_id, data.accent, request.preconditions)
