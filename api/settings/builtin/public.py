"""Settings of a guild's public pages."""

import re
from typing import Annotated, Literal

import msgspec

from api.lib.faults import Fault
from api.lib.json import JsonObject
from api.settings.builtin.structs import Values, form, schema_of, struct_of
from api.settings.modules import Module

VERSION = 1

_SLUG = r"[a-z0-9][a-z0-9-]{2,31}"
is_slug = re.compile(_SLUG).fullmatch
Slug = Annotated[str, msgspec.Meta(pattern=f"^{_SLUG}$")]
StatName = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Audience = Literal["off", "members", "everyone"]


class PublicSettings(Values, frozen=True):
    """Who may see a guild's leaderboard, and what it shows."""

    leaderboard: Annotated[
        Audience,
        form(
            1,
            "audience",
            "Leaderboard",
            "Who may open it: nobody (`off`), members who are logged in (`members`), or everyone.",
        ),
    ] = "off"
    slug: Annotated[
        Slug | None,
        form(2, "audience", "Short name", "The page's address is /g/ and this name; without one, the guild's id."),
    ] = None
    stats: Annotated[
        Annotated[list[StatName], msgspec.Meta(min_length=1, max_length=20)],
        form(
            3,
            "content",
            "Stats",
            "The leaderboards to show: `xp`, `messages`, or any other stat of the guild.",
            default=["xp"],
        ),
    ] = msgspec.field(default_factory=lambda: ["xp"])
    indexed: Annotated[bool, form(4, "audience", "Search engines", "Whether search engines may list the page.")] = False


def public_settings(values: JsonObject) -> PublicSettings:
    """Effective values, which the module accepts, as a struct."""
    return struct_of(values, PublicSettings)


def _faults(values: JsonObject) -> list[Fault]:
    settings = public_settings(values)
    faults = []
    if settings.slug is not None and settings.slug.isdecimal():
        # It would be the address of another guild.
        faults.append(Fault("/slug", "needs a letter: an address of digits alone is a guild's id"))
    for number, stat in enumerate(settings.stats):
        if stat in settings.stats[:number]:
            faults.append(Fault(f"/stats/{number}", "names a stat that is in the list already"))
    return faults


PUBLIC = Module(
    "public",
    VERSION,
    schema_of(PublicSettings),
    title="Public page",
    description="A page that shows the leaderboard to people who do not manage the guild.",
    built_in=True,
    rules=_faults,
)
