"""A change of a guild's settings, applied to one revision and checked, not yet stored."""

from collections.abc import Callable
from typing import NamedTuple

from api.errors import Invalid, PreconditionFailed
from api.lib.beside import beside
from api.lib.encoded import encoded
from api.lib.etags import Preconditions
from api.lib.faults import Fault
from api.lib.json import JsonObject
from api.postgres.database import Connection
from api.settings.modules import Module
from api.settings.states import Settings, to_view


class Edit(NamedTuple):
    """What makes new overrides of a module's old ones. Raises `Invalid`, `RevisionConflict`. `size`: of what it
    brings, in bytes of JSON."""

    size: int
    apply: Callable[[Module, JsonObject], JsonObject]


async def edited(connection: Connection, before: Settings, edit: Edit, preconditions: Preconditions | None) -> Settings:
    """The settings after the edit, not yet stored. Raises `PreconditionFailed`, `Invalid`."""
    if preconditions is not None and not preconditions.hold(encoded(await to_view(connection, before)).etag):
        raise PreconditionFailed
    return await beside(edit.size + len(before.row["overrides"]), _applied, before, edit)


def _applied(before: Settings, edit: Edit) -> Settings:
    overrides = edit.apply(before.module, before.overrides)
    after = before._replace(overrides=overrides, values=before.module.effective(overrides))
    refuse(after.module.faults(overrides, after.values))
    return after


def refuse(faults: list[Fault]) -> None:
    if faults:
        raise Invalid(errors=faults)
