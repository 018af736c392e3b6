"""Shapes of log-in, sessions, and the guilds of a person."""

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from api.lib.pagination import CursorText, Limit


class LoginQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The page to return to after the log-in."""

    return_to: Annotated[
        str, Meta(min_length=1, max_length=512, description="The page of this server to which the browser returns")
    ] = "/"


class CallbackQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The parameters with which Discord sends the browser back."""

    state: Annotated[str | None, Meta(description="The `state` with which the log-in was sent to Discord")] = None
    code: Annotated[str | None, Meta(description="The code to exchange for Discord's token")] = None
    error: Annotated[str | None, Meta(description="Why there is no code: `access_denied` if the person refused")] = None
    error_description: Annotated[str | None, Meta(description="The reason in words; ignored")] = None


class MyGuildsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A page of the list."""

    limit: Limit = 50
    cursor: CursorText | None = None


class MySessionsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A page of the list."""

    limit: Limit = 50
    cursor: CursorText | None = None


class SessionView(msgspec.Struct, frozen=True):
    """A session of the person. `current` marks the session of this request. `user_agent` and `ip` are those of the
    log-in. `last_used_at` is accurate to the minute. `expires_at` is the latest end, however often the session is
    used."""

    id: str
    current: bool
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    user_agent: str | None
    ip: str | None


class MeView(msgspec.Struct, frozen=True):
    """The person who is logged in. Every change needs `csrf_token` in its header `X-CSRF-Token`."""

    id: str
    username: str
    display_name: str | None
    avatar: str | None
    csrf_token: str
    logged_in_at: datetime
    expires_at: datetime


class MyGuildView(msgspec.Struct, frozen=True):
    """A guild that the person manages at Discord. `is_here`: its bot has registered it with Guildhall."""

    id: str
    name: str
    icon: str | None
    is_owner: bool
    permissions: str
    is_here: bool
