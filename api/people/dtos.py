"""Shapes of who is logged in."""

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from api.lib.pagination import CursorText, Limit


class LoginQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where to go after the log-in."""

    return_to: Annotated[
        str, Meta(min_length=1, max_length=512, description="The page of this server to go to afterwards")
    ] = "/"


class CallbackQuery(msgspec.Struct, frozen=True):
    """What Discord sends the browser back with."""

    state: str | None = None
    code: str | None = None
    error: str | None = None


class MyGuildsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A page of the list."""

    limit: Limit = 50
    cursor: CursorText | None = None


class MeView(msgspec.Struct, frozen=True):
    """Who is logged in. `csrf_token` goes into `X-CSRF-Token` of every request that changes something."""

    id: str
    username: str
    display_name: str | None
    avatar: str | None
    csrf_token: str
    logged_in_at: datetime
    expires_at: datetime


class MyGuildView(msgspec.Struct, frozen=True):
    """A guild that the person manages, as Discord tells it. `is_here`: whether its bot has brought it here."""

    id: str
    name: str
    icon: str | None
    is_owner: bool
    permissions: str
    is_here: bool
