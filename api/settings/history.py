"""The revisions of a guild's settings."""

from datetime import datetime
from typing import cast

import msgspec
from piccolo.columns import And

from api.audit.dtos import ActorView
from api.lib.diff import Change
from api.settings.dtos import RevisionView
from tables.settings import SettingsRevision
from tables.sql import Row

_decode = msgspec.json.decode


def _of(guild_id: int, name: str) -> And:
    return (SettingsRevision.guild_id == guild_id) & (SettingsRevision.module == name)


async def page(guild_id: int, name: str, before: int | None, limit: int) -> list[Row]:
    """The revisions of a module's settings below `before`, newest first."""
    query = SettingsRevision.select().where(_of(guild_id, name))
    if before is not None:
        query = query.where(SettingsRevision.revision < before)
    return [*await query.order_by(SettingsRevision.revision, ascending=False).limit(limit)]


async def overrides_at(guild_id: int, name: str, revision: int) -> str | None:
    """The overrides of a revision, as stored; None if there is no such revision."""
    query = SettingsRevision.select(SettingsRevision.after).where(_of(guild_id, name))
    row = await query.where(SettingsRevision.revision == revision).first()
    return None if row is None else cast("str", row["after"])


def to_view(row: Row) -> RevisionView:
    """The view of a revision."""
    at: datetime = row["at"]
    return RevisionView(
        revision=row["revision"],
        module=row["module"],
        at=at,
        actor=ActorView(row["actor_kind"], row["actor_id"]),
        reason=row["reason"],
        before=_decode(row["before"]),
        after=_decode(row["after"]),
        changes=_decode(row["changes"], type=dict[str, Change]),
    )
