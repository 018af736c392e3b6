"""What may be done to tables in the admin: nothing, but for what is allowed."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from piccolo.columns import Column
from piccolo.table import Table
from piccolo_admin.endpoints import TableConfig
from piccolo_api.crud.endpoints import OrderBy
from piccolo_api.crud.validators import Validators
from starlette.exceptions import HTTPException
from starlette.requests import Request

if TYPE_CHECKING:
    from piccolo_api.crud.endpoints import PiccoloCRUD

WRITES = ("post_single", "put_single", "patch_single", "delete_single", "delete_all")


def refuse(piccolo_crud: "PiccoloCRUD", request: Request) -> None:
    """A status whose sentence Piccolo Admin shows as it is."""
    verb = {"POST": "added", "DELETE": "deleted"}.get(request.method, "changed")
    table = piccolo_crud.table._meta.tablename.replace("_", " ")
    raise HTTPException(405, f"Nothing in {table} can be {verb} here. Use the API.")


def only(*allowed: str) -> Validators:
    """Lets these of `WRITES` pass, and refuses the others. `put_single` is never one of them: it
    passes by the hooks, and would store a password as it is typed."""
    validators = Validators()
    for name in WRITES:
        setattr(validators, name, [] if name in allowed else [refuse])
    return validators


def read_only(
    table: type[Table],
    group: str,
    columns: Sequence[Column],
    filters: Sequence[Column],
    *,
    link: Column,
    order: OrderBy,
) -> TableConfig:
    """A table that the admin shows, in this group and order, and does not change."""
    return TableConfig(
        table,
        visible_columns=list(columns),
        visible_filters=list(filters),
        link_column=link,
        order_by=[order],
        menu_group=group,
        validators=only(),
    )
