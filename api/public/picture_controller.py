"""`/g/{place}/….png`: the pictures of public pages, for the pages themselves and for whoever embeds their address."""

import msgspec
from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from api.auth.actors import STRANGER
from api.cards.controller import answer, known
from api.cards.dtos import BoardPictureQuery
from api.cards.service import Picture, PictureService
from api.errors import NotFound
from api.http.policy import RoutePolicy
from api.http.requests import GuildhallRequest
from api.leaderboards.dtos import Period, StatName
from api.public.controller import caching
from api.public.limits import spend
from api.public.service import PublicGuild, PublicService


# As for pages: others append names of their own to links.
class PublicPictureQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=False):
    """The stat and the period of the leaderboard."""

    stat: StatName | None = None
    period: Period = "all"


class PublicPictureController(Controller):
    path = "/g/{place:str}"
    include_in_schema = False
    guards = (spend,)

    @get("/leaderboard.png", opt=RoutePolicy(reads_query=True, by_address=True, conditional=True).opt)
    async def public_leaderboard_picture(
        self,
        place: FromPath[str],
        params: NamedDependency[PublicPictureQuery],
        request: GuildhallRequest,
        public: NamedDependency[PublicService],
        pictures: NamedDependency[PictureService],
    ) -> ASGIResponse:
        """The first ten rows of a leaderboard that the guild publishes."""
        guild = await public.find(place, request.headers.get("cookie"))
        query = BoardPictureQuery(stat=guild.published(params.stat), period=params.period)
        return _answer(guild, await pictures.leaderboard(STRANGER, guild.id, query, "png", known(request)))

    @get("/members/{user_id:str}/card.png", opt=RoutePolicy(by_address=True, conditional=True).opt)
    async def public_card(
        self,
        place: FromPath[str],
        user_id: FromPath[str],
        request: GuildhallRequest,
        public: NamedDependency[PublicService],
        pictures: NamedDependency[PictureService],
    ) -> ASGIResponse:
        """A member's rank card, where the guild publishes XP."""
        guild = await public.find(place, request.headers.get("cookie"))
        if not guild.shows_xp:
            raise NotFound
        member = await public.find_member(guild, user_id)
        return _answer(guild, await pictures.card(STRANGER, guild.id, int(member.user_id), "png", known(request)))


def _answer(guild: PublicGuild, picture: Picture) -> ASGIResponse:
    return answer(picture, "image/png", caching=caching(guild), embeds=guild.is_for_everyone)
