"""Settings of the pictures that show members, boards and activity."""

from typing import Annotated, Literal

import msgspec

from api.settings.builtin.structs import Values, form, schema_of
from api.settings.modules import Module

VERSION = 1

Color = Annotated[str, msgspec.Meta(pattern=r"^#[0-9A-Fa-f]{6}$")]


class CardSettings(Values, frozen=True):
    """How a guild's pictures look."""

    accent: Annotated[
        Color,
        form(1, "look", "Accent", "Colour of the bar, the ring and the level. Text stays readable with any colour."),
    ] = "#5865f2"
    background: Annotated[
        Literal["color", "gradient", "picture"],
        form(2, "look", "Background", "What lies behind a card. `picture` shows the uploaded picture."),
    ] = "color"
    layout: Annotated[
        Literal["wide", "compact"],
        form(3, "look", "Layout", "`wide` is 934 by 282 pixels, `compact` is 600 by 150."),
    ] = "wide"
    members_may_choose: Annotated[
        bool, form(4, "look", "Members' own accent", "Whether members may have an accent of their own.")
    ] = False


CARDS = Module(
    "cards",
    VERSION,
    schema_of(CardSettings),
    title="Cards",
    description="How rank cards and other pictures look.",
    built_in=True,
)
