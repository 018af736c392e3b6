"""A module's settings at one revision, and their view."""

from typing import Any, NamedTuple

import asyncpg
import msgspec

from api.lib.json import JsonObject
from api.postgres.database import Connection
from api.settings import queries
from api.settings.dtos import SettingsView, StaleReference
from api.settings.modules import Module

State = asyncpg.Record | dict[str, Any]  # Any: what a column of `queries.READ` holds

decode = msgspec.json.decode


class Settings(NamedTuple):
    """A module's settings at one revision: the guild's overrides, and the effective values."""

    module: Module
    overrides: JsonObject
    values: JsonObject
    row: State

    @classmethod
    def of(cls, module: Module, row: State) -> "Settings":
        overrides: JsonObject = decode(row["overrides"])
        return cls(module, overrides, module.effective(overrides), row)


async def to_view(connection: Connection, settings: Settings) -> SettingsView:
    """The view of the settings, with stale references."""
    module, overrides, values, row = settings
    return SettingsView(
        module=module.name,
        revision=row["revision"],
        values=values,
        overridden=module.overridden(overrides),
        updated_at=row["updated_at"],
        stale_references=await _stale(connection, module, values, row),
    )


async def _stale(connection: Connection, module: Module, values: JsonObject, row: State) -> list[StaleReference]:
    """Values that name a deleted role or channel. None of a kind that the bot never sent."""
    known = {"role": row["roles_synced_at"], "channel": row["channels_synced_at"]}
    if not any(known.values()):
        return []
    references = [found for found in module.references(values) if known.get(found.kind) is not None]
    if not references:
        return []
    missing = {
        (kind, str(id_))
        for kind, id_ in await connection.fetch(
            queries.MISSING,
            row["guild_id"],
            [int(found.id) for found in references if found.kind == "role"],
            [int(found.id) for found in references if found.kind == "channel"],
        )
    }
    return [
        StaleReference(found.pointer, found.kind, found.id) for found in references if (found.kind, found.id) in missing
    ]
