"""Pictures: rank cards, leaderboards, activity in time."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec

from api.achievements.awards import AwardService
from api.auth.actors import STRANGER, Actor
from api.cards import boards, data, frames
from api.cards.avatars import Avatars
from api.cards.backgrounds import Backgrounds
from api.cards.bounds import GuildBounds
from api.cards.choices import CardChoices
from api.cards.data import Look
from api.cards.dtos import BoardPictureQuery
from api.cards.frames import Format
from api.cards.links import Linked, Links
from api.cards.names import Person, person
from api.cards.renderer import Renderer
from api.errors import NotFound, PicturesBusy
from api.leaderboards.service import LeaderboardService
from api.lib import etags
from api.lib.json import JsonObject
from api.members.dtos import SeriesQuery
from api.members.leveling_config_cache import LevelingConfigCache
from api.members.service import MemberService
from api.settings.builtin.cards import CardSettings
from tables.members import Member

VERSION = 1  # of what the templates make of the same data: another one makes another tag
_TRIES = 2

Layout = Callable[[Sequence[str | None]], JsonObject]  # of the names of the people's stored pictures


class Picture(NamedTuple):
    """A picture with its entity tag. `body` None: the client has it."""

    etag: str
    body: bytes | None


class PictureService:
    def __init__(
        self,
        renderer: Renderer,
        avatars: Avatars,
        backgrounds: Backgrounds,
        links: Links,
        members: MemberService,
        leaderboards: LeaderboardService,
        choices: CardChoices,
        leveling_configs: LevelingConfigCache,
        awards: AwardService,
    ) -> None:
        self._renderer = renderer
        self._avatars = avatars
        self._backgrounds = backgrounds
        self._links = links
        self._members = members
        self._leaderboards = leaderboards
        self._choices = choices
        self._leveling_configs = leveling_configs
        self._awards = awards
        self._bounds = GuildBounds()

    @property
    def is_installed(self) -> bool:
        """Whether pictures can be drawn here."""
        return self._renderer.is_installed

    async def card(
        self, actor: Actor, guild_id: int, user_id: int, format_: Format, known: frozenset[str] | None
    ) -> Picture:
        """A member's rank card. `known`: tags that the client has. Raises `NotFound`, `PicturesNotInstalled`,
        `PicturesBusy`."""
        member = await self._members.get(actor, guild_id, user_id)
        settings = await self._choices.of_member(guild_id, user_id)
        look = Look(settings, await self._backgrounds.name(guild_id, settings))
        shown = person(member)
        is_wide = settings.layout == "wide"
        icons = await self._awards.latest_icons(guild_id, user_id) if is_wide else []

        def laid_out(faces: Sequence[str | None]) -> JsonObject:
            return data.card(look, member, shown, faces[0], icons)

        template = "card" if is_wide else "compact"
        return await self._drawn(guild_id, template, format_, [shown], laid_out, known, look)

    async def leaderboard(
        self, actor: Actor, guild_id: int, query: BoardPictureQuery, format_: Format, known: frozenset[str] | None
    ) -> Picture:
        """A page of a leaderboard, of 25 rows at most. Raises as `card` does, and `Invalid`."""
        view = await self._leaderboards.read(actor, guild_id, query.of_board(boards.MOST_ROWS))
        config = await self._leveling_configs.get(guild_id)
        look = _plain(await self._choices.settings_of(guild_id))
        people = [person(each) for each in view.items]

        def laid_out(faces: Sequence[str | None]) -> JsonObject:
            return boards.board(look, config.name, view, people, faces)

        return await self._drawn(guild_id, "leaderboard", format_, people, laid_out, known, look)

    async def activity(
        self,
        actor: Actor,
        guild_id: int,
        user_id: int,
        query: SeriesQuery,
        format_: Format,
        known: frozenset[str] | None,
    ) -> Picture:
        """A member's activity in time. Raises as `card` does, and `Invalid`."""
        member = await self._members.get(actor, guild_id, user_id)
        series = await self._members.member_activity(actor, guild_id, user_id, query)
        config = await self._leveling_configs.get(guild_id)
        look = _plain(await self._choices.of_member(guild_id, user_id))
        shown = person(member)

        def laid_out(faces: Sequence[str | None]) -> JsonObject:
            return boards.chart(look, shown, faces[0], series, config.zone)

        return await self._drawn(guild_id, "activity", format_, [shown], laid_out, known, look)

    async def link(self, actor: Actor, guild_id: int, user_id: int) -> tuple[str, datetime]:
        """The text of a link to a member's card, and when it ends. Stores nothing. Raises `NotFound`,
        `PicturesNotInstalled`."""
        await self._members.get(actor, guild_id, user_id)
        self._renderer.require()
        row = await _member_row(guild_id, user_id)
        if row is None:
            raise NotFound
        return self._links.write(Linked(guild_id, user_id, row))

    async def linked_card(self, text: str, format_: Format, known: frozenset[str] | None) -> Picture:
        """The card that a link shows, as a stranger sees it. Raises `NotFound`, also for a link that was changed or has
        ended, and for somebody who is hidden, or was erased since."""
        linked = self._links.read(text)
        if linked is None or await _member_row(linked.guild_id, linked.user_id) != linked.row:
            raise NotFound
        return await self.card(STRANGER, linked.guild_id, linked.user_id, format_, known)

    async def _drawn(
        self,
        guild_id: int,
        template: str,
        format_: Format,
        people: Sequence[Person],
        laid_out: Layout,
        known: frozenset[str] | None,
        look: Look,
    ) -> Picture:
        """The picture, with the faces of these people as far as they can be had. For a client that has it, nothing
        is drawn."""
        self._renderer.require()
        tag = _tag(template, format_, laid_out([self._avatars.name(each) for each in people]))
        if known is not None and (etags.ANY in known or tag in known):
            return Picture(tag, None)
        self._bounds.spend(guild_id)
        for _ in range(_TRIES):
            if look.picture is not None:
                await self._backgrounds.ready(guild_id, look)
            shown = laid_out(await self._avatars.get_all(people, guild_id))
            tag = _tag(template, format_, shown)
            if known is not None and tag in known:
                return Picture(tag, None)
            reply = await self._renderer.ask(frames.Draw(template, format_, shown))
            if isinstance(reply, frames.Drawn):
                return Picture(tag, reply.body)
            self._avatars.clear()  # the process began anew meanwhile
            self._backgrounds.clear()
        raise PicturesBusy


async def _member_row(guild_id: int, user_id: int) -> int | None:
    """The number of a member's row: erasing ends it, and whoever comes back has another one."""
    row = await Member.select(Member.id).where(Member.guild_id == guild_id, Member.user_id == user_id).first()
    return None if row is None else int(row["id"])


def _plain(settings: CardSettings) -> Look:
    """The look of boards and charts, behind which no uploaded picture lies: it is cut for a card."""
    return Look(settings, None)


def _tag(template: str, format_: Format, shown: JsonObject) -> str:
    return etags.tag(msgspec.json.encode((VERSION, template, format_, shown)))
