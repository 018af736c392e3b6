"""Shapes of privacy choices, of a person's export, and of the receipt of an erasure."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from api.lib.json import JsonObject

Visibility = Literal["public", "hidden"]


class PrivacyView(msgspec.Struct, frozen=True):
    """A person's privacy choices for all guilds. `hidden`: on no leaderboard and in no list. `opt_out`: future events
    are dropped."""

    visibility: Visibility
    opt_out: bool


class PutPrivacy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Privacy choices. Absent members stay unchanged."""

    visibility: Annotated[Visibility, Meta(description="`hidden`: on no leaderboard, in no list")] | UnsetType = UNSET
    opt_out: Annotated[bool, Meta(description="Drop their events from now on")] | UnsetType = UNSET


class EraseQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Options of an erasure."""

    opt_out: Annotated[
        bool, Meta(description="Drop their future events too; not for a key that has a list of guilds")
    ] = False


class ErasureView(msgspec.Struct, frozen=True):
    """The receipt of an erasure. `guilds` is the number of guilds with data about the person, `rows` the number of
    rows. The audit log has the receipt, and not the person."""

    receipt: str
    erased_at: datetime
    guilds: int
    rows: int


class PersonView(msgspec.Struct, frozen=True):
    """All data about a person: `stored` has rows by the name of their table."""

    user_id: str
    exported_at: datetime
    stored: dict[str, list[JsonObject]]
