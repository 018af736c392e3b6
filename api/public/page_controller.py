"""`/g/{place}`: public pages for people, which need no script."""

from types import MappingProxyType
from typing import Any

from litestar import Controller, Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from api.cards.service import PictureService
from api.errors import GuildhallError
from api.http.gate import gate_of
from api.http.policy import RoutePolicy
from api.http.problems import logged, sentence
from api.http.requests import GuildhallRequest
from api.http.responses import base_url
from api.lib.languages import Language, choose
from api.public import pages
from api.public.controller import caching
from api.public.dtos import PublicLeaderboardQuery
from api.public.limits import spend
from api.public.pages import PageQuery
from api.public.service import PublicGuild, PublicService


def _refused(request: Request[Any, Any, Any], error: Exception) -> Response[str]:  # Any: Litestar's own
    """The page that says why there is none. It says the same of what does not exist and of what is not shown."""
    ours = logged(request, error)
    headers = {**pages.HEADERS, **ours.headers, "Cache-Control": "no-store", "X-Robots-Tag": "noindex"}
    html = pages.refusal(ours, sentence(ours), _language(request))
    return Response(html, status_code=ours.status, media_type="text/html", headers=headers)


class PublicPageController(Controller):
    path = "/g/{place:str}"
    include_in_schema = False
    guards = (spend,)
    exception_handlers = MappingProxyType(  # type: ignore[assignment] # Litestar only reads it
        {Exception: _refused, GuildhallError: _refused}  # both, as the application has both
    )

    @get("/", media_type="text/html", opt=RoutePolicy(reads_query=True, by_address=True).opt)
    async def leaderboard_page(
        self,
        place: FromPath[str],
        params: NamedDependency[PageQuery],
        request: GuildhallRequest,
        public: NamedDependency[PublicService],
        pictures: NamedDependency[PictureService],
    ) -> Response[str]:
        """A guild's leaderboard, with its periods and stats, a search, and the rewards of levels."""
        guild = await public.find(place, request.headers.get("cookie"))
        asked = PublicLeaderboardQuery(stat=params.stat, period=params.period, cursor=params.cursor, limit=pages.ROWS)
        board = await public.leaderboard(guild, asked)
        found = await public.search(guild, params.q) if params.q else None
        rewards = [] if params.q or params.cursor else await public.level_rewards(guild)
        address = f"{_base(request)}/g/{place}"
        return _answer(
            guild,
            pages.leaderboard(
                address,
                place,
                board,
                params,
                found,
                rewards,
                guild.settings,
                _language(request, guild),
                has_pictures=pictures.is_installed,
            ),
        )

    @get("/members/{user_id:str}", media_type="text/html", opt=RoutePolicy(by_address=True).opt)
    async def member_page(
        self,
        place: FromPath[str],
        user_id: FromPath[str],
        request: GuildhallRequest,
        public: NamedDependency[PublicService],
        pictures: NamedDependency[PictureService],
    ) -> Response[str]:
        """A member: rank, level, stats, achievements."""
        guild = await public.find(place, request.headers.get("cookie"))
        member = await public.member(guild, user_id)
        address = f"{_base(request)}/g/{place}/members/{user_id}"
        language = _language(request, guild)
        html = pages.member(address, place, member, guild.settings, language, has_pictures=pictures.is_installed)
        return _answer(guild, html)


def _language(request: Request[Any, Any, Any], guild: PublicGuild | None = None) -> Language:  # Any: Litestar's own
    """The first language that the reader accepts, or the guild's. A chosen one would need a cookie, which keeps shared
    caches from answering."""
    accepted = request.headers.get("accept-language", "")
    return choose(accepted, None if guild is None else guild.locale)


def _base(request: GuildhallRequest) -> str:
    return base_url(gate_of(request.app).public_url, request.url.scheme, request.url.netloc)


def _answer(guild: PublicGuild, html: str) -> Response[str]:
    headers = {**pages.HEADERS, **caching(guild, by="Accept-Language")}
    if not (guild.settings.indexed and guild.is_for_everyone):
        headers["X-Robots-Tag"] = "noindex"
    return Response(html, media_type="text/html", headers=headers)
