"""Edits: a change of a guild's settings, applied to one revision and validated, not yet stored."""

from collections.abc import Callable
from typing import NamedTuple

from api.errors import Invalid, PreconditionFailed
from api.lib.encoded import encoded
from api.lib.etags import Preconditions
from api.lib.faults import Fault
from api.lib.in_thread import in_thread
from api.lib.json import JsonObject
from api.postgres.database import Connection
from api.settings.modules import Module
from api.settings.states import Settings, to_view


class Edit(NamedTuple):
    """Computes new overrides from the old ones. Raises `Invalid`, `RevisionConflict`. `size`: the bytes of its JSON."""

    size: int
    apply: Callable[[Module, JsonObject], JsonObject]


async def edited(connection: Connection, before: Settings, edit: Edit, preconditions: Preconditions | None) -> Settings:
    """The settings after the edit. Raises `PreconditionFailed`, `Invalid`."""
    if preconditions is not None and not preconditions.hold(encoded(await to_view(connection, before)).etag):
        raise PreconditionFailed
    return await in_thread(edit.size + len(before.row["overrides"]), _applied, before, edit)


def _applied(before: Settings, edit: Edit) -> Settings:
    overrides = edit.apply(before.module, before.overrides)
    after = before._replace(overrides=overrides, values=before.module.effective(overrides))
    refuse(after.module.faults(overrides, after.values))
    return after


def refuse(faults: list[Fault]) -> None:
    if faults:
        raise Invalid(errors=faults)
