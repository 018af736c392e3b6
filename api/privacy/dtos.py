"""Shapes of what people choose, of what is stored about them, and of the receipt when it is erased."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from api.lib.json import JsonObject

Visibility = Literal["public", "hidden"]


class PrivacyView(msgspec.Struct, frozen=True):
    """What a person has chosen, for every guild: `hidden` is on no board and in no list, `opt_out` has their
    future events dropped."""

    visibility: Visibility
    opt_out: bool


class PutPrivacy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What they choose; what is absent stays as it is."""

    visibility: Annotated[Visibility, Meta(description="`hidden`: on no board and in no list")] | UnsetType = UNSET
    opt_out: Annotated[bool, Meta(description="Drop their events from now on")] | UnsetType = UNSET


class EraseQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What goes with erasing."""

    opt_out: Annotated[
        bool, Meta(description="Drop their future events too; not for a key that has a list of guilds")
    ] = False


class ErasureView(msgspec.Struct, frozen=True):
    """That a person was erased. `guilds` is in how many something was, `rows` how much; the audit log has the
    receipt, and not the person."""

    receipt: str
    erased_at: datetime
    guilds: int
    rows: int


class PersonView(msgspec.Struct, frozen=True):
    """All that is stored about a person: `stored` has rows by the name of their table."""

    user_id: str
    exported_at: datetime
    stored: dict[str, list[JsonObject]]
