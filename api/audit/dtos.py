"""Shapes of the audit log."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec

from api.lib.diff import Change
from api.lib.pagination import CursorText, Limit
from api.lib.times import DayOrTime


class ActorView(msgspec.Struct, frozen=True):
    """The actor of a change."""

    kind: Literal["key", "user", "admin", "system"]
    id: str | None


class AuditEntryView(msgspec.Struct, frozen=True):
    """One change: who, what, when, why, from where."""

    id: str
    at: datetime
    actor: ActorView
    action: str
    target: str | None
    reason: str | None
    changes: dict[str, Change]
    ip: str | None


class AuditQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Filters of the audit log."""

    limit: Limit = 50
    cursor: CursorText | None = None
    actor: Annotated[str, msgspec.Meta(max_length=64, description="Only entries of the actor with this id")] | None = (
        None
    )
    action: (
        Annotated[str, msgspec.Meta(max_length=64, description="Only this action, such as `settings.updated`")] | None
    ) = None
    from_: Annotated[
        DayOrTime | None,
        msgspec.Meta(description="From this day (of the guild) or RFC 3339 time, inclusive"),
    ] = msgspec.field(default=None, name="from")
    to: Annotated[DayOrTime | None, msgspec.Meta(description="Up to this day or time, exclusive")] = None
