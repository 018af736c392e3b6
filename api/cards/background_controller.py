"""`/v1/guilds/{guild_id}/card-background`, and `/v1/cards/{link}/card.png`."""

from litestar import Controller, delete, get, put
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from api.auth.scopes import Scope
from api.cards.backgrounds import LARGEST_UPLOAD, Backgrounds
from api.cards.controller import MEDIA_TYPES, answer, known, paths, wanted
from api.cards.dtos import CardBackgroundView
from api.cards.service import Picture, PictureService
from api.errors import BodyTooLarge, UnsupportedMediaType
from api.http.headers import content_length
from api.http.policy import RoutePolicy
from api.http.requests import GuildhallRequest, refuse_encoded
from api.http.responses import ApiResponse
from api.lib.encoded import Encoded

FILES = ("image/png", "image/jpeg", "image/webp")


class CardBackgroundController(Controller):
    path = "/v1/guilds/{guild_id:str}/card-background"
    tags = ("pictures",)

    @put(
        "/",
        opt=RoutePolicy(
            Scope.SETTINGS_WRITE,
            if_match=True,
            conditional=True,
            largest_body=LARGEST_UPLOAD,
            files=FILES,
            statuses=(200, 201),
            draws=True,
        ).opt,
    )
    async def put_card_background(
        self, guild_id: FromPath[int], request: GuildhallRequest, backgrounds: NamedDependency[Backgrounds]
    ) -> ApiResponse[Encoded[CardBackgroundView]]:
        """Upload the picture behind a guild's cards: PNG, JPEG or WebP, 4 MiB and 4,096 pixels on a side at most. Of a
        moving picture, only the first frame is used. Guildhall stores a JPEG of at most 512 KiB. The module `cards`
        shows it with `"background": "picture"`."""
        body = await _uploaded(request)
        view, is_new = await backgrounds.put(request.actor, guild_id, body, request.preconditions)
        return ApiResponse(view, status_code=201 if is_new else 200)

    @get("/", opt=RoutePolicy(Scope.SETTINGS_READ, conditional=True).opt, media_type="image/jpeg")
    async def get_card_background(
        self, guild_id: FromPath[int], request: GuildhallRequest, backgrounds: NamedDependency[Backgrounds]
    ) -> ASGIResponse:
        """Get the picture behind a guild's cards, as it is stored."""
        body, tag = await backgrounds.get(guild_id)
        tags = known(request) or frozenset()
        picture = Picture(tag, None if tag in tags or "*" in tags else body)
        return answer(picture, "image/jpeg", caching={"Cache-Control": "private, no-cache"})

    @delete("/", opt=RoutePolicy(Scope.SETTINGS_WRITE, if_match=True).opt)
    async def delete_card_background(
        self, guild_id: FromPath[int], request: GuildhallRequest, backgrounds: NamedDependency[Backgrounds]
    ) -> None:
        """Delete the picture behind a guild's cards."""
        await backgrounds.delete(request.actor, guild_id, request.preconditions)


class LinkedCardController(Controller):
    path = "/v1/cards"
    tags = ("pictures",)

    @get(paths("/{link:str}/card"), opt=RoutePolicy(conditional=True, picture=True).opt)
    async def get_linked_card(
        self, link: FromPath[str], request: GuildhallRequest, pictures: NamedDependency[PictureService]
    ) -> ASGIResponse:
        """Draw the card that a link of `card-link` shows, for embeds. It is 404 when the link has ended, and while the
        member is hidden or after they are erased."""
        format_ = wanted(request)
        picture = await pictures.linked_card(link, format_, known(request))
        return answer(picture, MEDIA_TYPES[format_], caching={"Cache-Control": "no-cache"}, embeds=True)


async def _uploaded(request: GuildhallRequest) -> bytes:
    refuse_encoded(request)
    kind, _ = request.content_type
    if kind.lower() not in FILES:
        accepted = ", ".join(FILES)
        raise UnsupportedMediaType(f"Send the picture as {accepted}.", headers={"Accept": accepted})
    length = content_length(request.headers.get("content-length"))
    if length is not None and length > LARGEST_UPLOAD:
        raise BodyTooLarge(f"The picture is larger than {LARGEST_UPLOAD} bytes.")
    return await request.raw_body(LARGEST_UPLOAD)
