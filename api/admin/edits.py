"""Edits in the admin, validated like those of the API."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from fastapi import HTTPException
from piccolo.columns import Column
from starlette.requests import Request

from api.errors import Invalid
from api.guilds import rules
from api.guilds.dtos import PatchGuild
from api.http.bodies import BodyReader
from api.lib.faults import Fault
from tables.admin import AdminUser
from tables.guilds import Guild

if TYPE_CHECKING:
    from piccolo_api.crud.endpoints import PiccoloCRUD

Values = dict[Column, Any]  # Any: a column's value

_read_patch = BodyReader(PatchGuild).read


async def change_guild(row_id: int, values: Values) -> Values:
    """The columns that an edit changes. Piccolo Admin sends its whole form; unchanged values are no edit."""
    row = await Guild.select().where(Guild.id == row_id).first()
    assert row is not None  # Piccolo has looked
    changed = {
        column._meta.name: value
        for column, value in values.items()
        # It moves with every save, and the page shows what it first read until it is loaded anew.
        if column._meta.name != "updated_at" and not _same(row[column._meta.name], value)
    }
    faults = [Fault(f"/{name}", "is maintained by Guildhall") for name in changed if name not in rules.FIELDS]
    data = {name: value for name, value in changed.items() if name in rules.FIELDS}
    # Form fields know no null: what is emptied goes back to its first value.
    data |= {name: None for name, value in data.items() if value == "" and name != "name"}
    _refuse(faults)
    try:
        patch = _read_patch(msgspec.json.encode(data))
    except Invalid as invalid:
        _refuse(invalid.errors)
        raise
    assert isinstance(patch, PatchGuild)
    _refuse(rules.faults(patch))
    kept = rules.values(patch) or {"name": row["name"]}  # an UPDATE of nothing is no statement
    return {getattr(Guild, name): value for name, value in kept.items()}


def _same(before: Any, after: Any) -> bool:  # Any: a column's value
    """Whether a form left a value unchanged. A form has no null for text, and no fractions of a second."""
    if isinstance(before, datetime) and isinstance(after, datetime):
        return abs(before - after) < timedelta(seconds=1)
    return before == after or (before is None and after == "")


async def change_admin(row_id: int, values: Values, request: Request) -> Values:
    """Validates an edit of an administrator. A new password is hashed in a thread and ends the person's sessions.
    Nobody can lock themselves out."""
    named = {column._meta.name: value for column, value in values.items()}
    if named.pop("id", row_id) != row_id:
        _refuse([Fault("/id", "is maintained by Guildhall")])
    if row_id == request.user.user_id:
        _refuse(
            [
                Fault(f"/{right}", "is your own: ask another superuser to change it")
                for right in ("active", "admin", "superuser")
                if named.get(right) is False
            ]
        )
    named.pop("last_login", None)
    if "username" in named:
        try:
            AdminUser.refuse_name(named["username"] or "")
        except ValueError as error:
            _refuse([Fault("/username", str(error))])
    password = named.pop("password", None)
    if password:
        try:
            await AdminUser.update_password(row_id, password)
        except ValueError as error:
            _refuse([Fault("/password", str(error))])
    return {getattr(AdminUser, name): value for name, value in (named or {"id": row_id}).items()}


def refuse_self_removal(piccolo_crud: "PiccoloCRUD", request: Request) -> None:
    """Refuses to delete one's own account: it may be the last one that can create others."""
    if str(request.path_params.get("row_id")).lstrip("0 ") == str(request.user.user_id):
        raise HTTPException(405, "You cannot delete yourself: ask another superuser.")


def _refuse(faults: Iterable[object]) -> None:
    """Raises a 422 in FastAPI's shape, which Piccolo Admin's page can show, if there are faults."""
    detail = [
        {"loc": ["body", fault.pointer.removeprefix("/")], "msg": fault.message, "type": "value_error"}
        for fault in faults
        if isinstance(fault, Fault)
    ]
    if detail:
        raise HTTPException(422, detail)
