"""Public pages as HTML, by the templates of this folder. All that a page shows is escaped; styles and pictures are
files, so nothing inline has to be allowed."""

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta

from api.errors import GuildhallError
from api.leaderboards.dtos import Period, StatName
from api.lib.languages import LANGUAGES, Language
from api.lib.pagination import CursorText
from api.pages.assets import address as asset_address
from api.public.dtos import PublicEntryView, PublicGuildView, PublicLeaderboardView, PublicMemberView
from api.public.service import LevelReward
from api.public.writing import Written
from api.settings.builtin.public import PublicSettings

if TYPE_CHECKING:
    from jinja2 import Environment, Template

ROWS = 50
HEADERS = {
    # Avatars and icons are Discord's. Nothing runs, and nobody may put the page into a frame.
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self' https://cdn.discordapp.com; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
}

_COLORS = 8  # of the faces of people without a picture: .face-0 and so on in public.css
_is_hash = re.compile(r"(a_)?[0-9a-f]{32}").fullmatch


# Others append names of their own to links to pages (`utm_source`, `fbclid`): these are ignored.
class PageQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=False):
    """What a reader chose: the stat, the period, a name to look for, and the page."""

    stat: StatName | None = None
    period: Period = "all"
    q: Annotated[str, Meta(max_length=200)] | None = None
    cursor: CursorText | None = None


def leaderboard(
    address: str,
    place: str,
    board: PublicLeaderboardView,
    query: PageQuery,
    found: list[PublicMemberView] | None,
    rewards: list[LevelReward],
    settings: PublicSettings,
    language: Language,
    *,
    has_pictures: bool,
) -> str:
    """The page of a leaderboard. `found`: the members with the name that was searched for; None without a search."""
    return _template("leaderboard.html", language.tag).render(
        address=address,
        path=f"/g/{place}",
        guild=board.guild,
        board=board,
        query=query,
        periods=_periods(language),
        podium=board.items[:3] if query.cursor is None and len(board.items) >= 3 else [],
        found=found,
        rewards=rewards,
        indexed=settings.indexed,
        has_pictures=has_pictures,
    )


def member(
    address: str,
    place: str,
    view: PublicMemberView,
    settings: PublicSettings,
    language: Language,
    *,
    has_pictures: bool,
) -> str:
    """The page of a member."""
    return _template("member.html", language.tag).render(
        address=address,
        path=f"/g/{place}",
        guild=view.guild,
        member=view,
        indexed=settings.indexed,
        has_pictures=has_pictures and view.level is not None,
    )


def refusal(error: GuildhallError, sentence: str, language: Language) -> str:
    """The page that says why there is none. `sentence`: what is wrong, in words."""
    is_missing = error.status == 404
    return _template("refusal.html", language.tag).render(
        title=language.text("There is nothing here") if is_missing else error.title,
        detail=language.text("No page with this address, or none that you may see.") if is_missing else sentence,
        indexed=False,
    )


def _name(person: PublicEntryView | PublicMemberView) -> str:
    return person.display_name or person.username or person.user_id


def _initials(text: str) -> str:
    letters = [next(filter(str.isalnum, word), "") for word in text.split()]
    return "".join(filter(None, letters))[:2].upper()


def _periods(language: Language) -> dict[Period, str]:
    return {
        "all": language.text("All time"),
        "month": language.text("This month"),
        "week": language.text("This week"),
        "day": language.text("Today"),
    }


def _icon(guild: PublicGuildView) -> str | None:
    """Where Discord has the guild's icon (https://discord.com/developers/docs/reference#image-formatting)."""
    if guild.icon is None or not _is_hash(guild.icon):
        return None
    return f"https://cdn.discordapp.com/icons/{guild.id}/{guild.icon}.png?size=128"


@cache
def _template(name: str, tag: str) -> "Template":
    """A template. Jinja is loaded for the first page, so that nothing waits for it at the start."""
    return _environment(tag).get_template(name)


@cache
def _environment(tag: str) -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    language = LANGUAGES[tag]
    written = Written(language)
    made.filters |= {
        "amount": written.amount,
        "day": written.day,
        "icon": _icon,
        "initials": _initials,
        "name": _name,
        "number": written.number,
        "stat": written.stat,
    }
    made.globals |= {
        "asset": asset_address,
        "colors": _COLORS,
        "language": language.tag,
        "t": language.text,
        "tn": written.count,
    }
    return made
