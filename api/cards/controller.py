"""`/v1/guilds/{guild_id}/…/card.png` and its kin: pictures, each as PNG, WebP or SVG."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import get_args

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from api.auth.scopes import Scope
from api.cards.dtos import BoardPictureQuery, CardLinkView
from api.cards.frames import Format
from api.cards.service import Picture, PictureService
from api.http.gate import gate_of
from api.http.headers import entity_tags
from api.http.policy import RoutePolicy
from api.http.requests import GuildhallRequest
from api.http.responses import BytesResponse, base_url
from api.members.dtos import SeriesQuery

READ = Scope.MEMBERS_READ
NO_STORE: Mapping[str, str] = MappingProxyType({"Cache-Control": "no-store"})

MEDIA_TYPES: dict[Format, str] = {"png": "image/png", "webp": "image/webp", "svg": "image/svg+xml"}

# An SVG may be opened as a page: it shows its own pictures and styles, and runs nothing.
_POLICY = (
    b"default-src 'none'; base-uri 'none'; img-src data:; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"
)


def paths(path: str) -> list[str]:
    """The addresses of a picture, one for each format."""
    return [f"{path}.{each}" for each in get_args(Format)]


class PictureController(Controller):
    path = "/v1/guilds/{guild_id:str}"
    tags = ("pictures",)

    @get(paths("/members/{user_id:str}/card"), opt=RoutePolicy(READ, conditional=True, personal=True, picture=True).opt)
    async def get_card(
        self,
        guild_id: FromPath[int],
        user_id: FromPath[int],
        request: GuildhallRequest,
        pictures: NamedDependency[PictureService],
    ) -> ASGIResponse:
        """Draw a member's rank card: 934 by 282 pixels, or 600 by 150 with the layout `compact`. The module `cards`
        says how it looks. A picture of the same numbers has the same ETag."""
        format_ = wanted(request)
        picture = await pictures.card(request.actor, guild_id, user_id, format_, known(request))
        return answer(picture, MEDIA_TYPES[format_])

    @get(paths("/leaderboard"), opt=RoutePolicy(READ, conditional=True, personal=True, picture=True).opt)
    async def get_leaderboard_picture(
        self,
        guild_id: FromPath[int],
        params: NamedDependency[BoardPictureQuery],
        request: GuildhallRequest,
        pictures: NamedDependency[PictureService],
    ) -> ASGIResponse:
        """Draw the first page of a leaderboard, ten rows by default, 25 at most. It takes the query parameters
        of the leaderboard, except `cursor`."""
        format_ = wanted(request)
        picture = await pictures.leaderboard(request.actor, guild_id, params, format_, known(request))
        return answer(picture, MEDIA_TYPES[format_])

    @get(
        paths("/members/{user_id:str}/activity"),
        opt=RoutePolicy(READ, conditional=True, personal=True, picture=True).opt,
    )
    async def get_member_activity_picture(
        self,
        guild_id: FromPath[int],
        user_id: FromPath[int],
        params: NamedDependency[SeriesQuery],
        request: GuildhallRequest,
        pictures: NamedDependency[PictureService],
    ) -> ASGIResponse:
        """Draw a member's activity as a chart: messages, or XP if there were none. It takes the query parameters
        of the time series."""
        format_ = wanted(request)
        picture = await pictures.activity(request.actor, guild_id, user_id, params, format_, known(request))
        return answer(picture, MEDIA_TYPES[format_])

    @post("/members/{user_id:str}/card-link", opt=RoutePolicy(READ, effect_free=True, draws=True).opt, status_code=200)
    async def create_card_link(
        self,
        guild_id: FromPath[int],
        user_id: FromPath[int],
        request: GuildhallRequest,
        pictures: NamedDependency[PictureService],
    ) -> CardLinkView:
        """Make an address that shows the member's card without credentials for 7 days, for embeds. It ends when the
        member is erased, and shows nothing while they are hidden. `.webp` or `.svg` at its end give these formats."""
        link, ends = await pictures.link(request.actor, guild_id, user_id)
        url = request.url
        base = base_url(gate_of(request.app).public_url, url.scheme, url.netloc)
        return CardLinkView(f"{base}/v1/cards/{link}/card.png", ends)


def wanted(request: GuildhallRequest) -> Format:
    """The format that the address ends with."""
    return next(each for each in MEDIA_TYPES if request.scope["path"].rstrip("/").endswith(f".{each}"))


def known(request: GuildhallRequest) -> frozenset[str] | None:
    """The tags that the client has."""
    return entity_tags("If-None-Match", request.headers, weak=True)


def answer(
    picture: Picture, media_type: str, *, caching: Mapping[str, str] = NO_STORE, embeds: bool = False
) -> ASGIResponse:
    """The picture, or 304. `caching`: the headers for caches. `embeds`: other sites may show it."""
    headers = [(b"etag", f'"{picture.etag}"'.encode())]
    headers += [(name.lower().encode(), value.encode()) for name, value in caching.items()]
    if picture.body is None:
        return BytesResponse(304, headers, b"")
    headers += [(b"content-type", media_type.encode()), (b"content-security-policy", _POLICY)]
    if embeds:
        headers.append((b"cross-origin-resource-policy", b"cross-origin"))
    return BytesResponse(200, headers, picture.body)
