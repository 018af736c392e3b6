"""Small changes of Piccolo Admin's page, and of the descriptions of tables that it gets."""

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from piccolo.utils.pydantic import create_pydantic_model
from piccolo_admin.endpoints import ASSET_PATH, AdminRouter, TableConfig
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.admin.permissions import refuse

# Kept by triggers and services: a form that offers them promises what it cannot do.
HIDDEN = {"changed_xid"}
HIDDEN_OF = {"guilds": {"revision", "roles_synced_at", "channels_synced_at", "created_at"}}


# Of an answer that refuses all until the second factor is set up: where. The page's own script goes there.
SET_UP_FIRST = "X-Set-Up-First"
# Its dark colours can be chosen in its menu. Until somebody does, the system's choice counts.
_OURS = f"""
if (localStorage.getItem("darkMode") === null && matchMedia("(prefers-color-scheme: dark)").matches)
  localStorage.setItem("darkMode", "true");
const send = XMLHttpRequest.prototype.send;
XMLHttpRequest.prototype.send = function (body) {{
  this.addEventListener("load", () => {{
    const where = this.getResponseHeader("{SET_UP_FIRST}");
    if (where) location.assign(where);
  }});
  return send.call(this, body);
}};
"""

# What stands in Piccolo Admin's script, and what has to stand there instead.
_MENDED = (
    # What a bundled polyfill tries first, and the policy rightly forbids and reports; what it finds by it.
    (b'new Function("return this")()', b"globalThis"),
    # A refusal's message stayed after a good log-in: nothing took its place.
    (
        b'return}await this.$store.dispatch("fetchUser");const e=this.$route.query.nextURL',
        b'return}this.$store.commit("updateApiResponseMessage",{contents:"Logged in",type:"success"});'
        b'await this.$store.dispatch("fetchUser");const e=this.$route.query.nextURL',
    ),
    # Every message stayed for ever where a clock's millisecond fell badly: it looked after 3,000 ms whether
    # 3,000 ms had gone by since it appeared, which is a moment later.
    (b"this.getTime()-e.timeLastAppeared>=3e3", b"this.getTime()-e.timeLastAppeared>=2500"),
)


def present(admin: AdminRouter, configs: Sequence[TableConfig]) -> None:
    """Gives Piccolo Admin's page our title, icon and style, and makes sure that its script evaluates no text."""
    head = (
        '<title>Guildhall</title><link rel="icon" href="../favicon.ico">'
        f'<script src="./assets/guildhall.js"></script><style>{_style(configs)}</style>'
    )
    admin.template = admin.template.replace("<title>Piccolo Admin</title>", head)
    admin.router.routes.insert(0, Route("/assets/guildhall.js", _ours))
    for script in Path(ASSET_PATH, "assets").glob("*.js"):
        admin.router.routes.insert(0, Route(f"/assets/{script.name}", _script(script)))


def _ours(_request: Request) -> Response:
    return Response(_OURS, media_type="text/javascript")


def _script(path: Path) -> Callable[[Request], Response]:
    def answer(_request: Request) -> Response:
        return Response(_mended(path.read_bytes()), media_type="text/javascript")

    return answer


def _mended(script: bytes) -> bytes:
    for before, after in _MENDED:
        script = script.replace(before, after)
    return script


def _style(configs: Sequence[TableConfig]) -> str:
    """CSS that hides actions which would be refused. The page does not mark elements with their table: a list is
    recognized by its link to add a row, a form by a field that no other form has."""

    def fields(configs: Iterable[TableConfig]) -> set[str]:
        return {column._meta.name for config in configs for column in config.table_class._meta.columns}

    def refusing(verb: str) -> list[TableConfig]:
        return [config for config in configs if config.validators and getattr(config.validators, verb) == [refuse]]

    def having(configs: Sequence[TableConfig], others: Sequence[TableConfig]) -> str:
        names = sorted(fields(configs) - fields(other for other in others if other not in configs))
        return ":has(" + ",".join(f">form [name={name}]" for name in names) + ")"

    adding = ",".join(f'a[href$="#/{config.table_class._meta.tablename}/add/"]' for config in refusing("post_single"))
    hidden = [
        adding,
        f".left_column:has({adding}) li:has(.delete)",
        f"div{having(refusing('patch_single'), configs)} button[data-uitest=save_button]",
        f"div{having(refusing('delete_single'), configs)}>div.header p",
    ]
    kept = ",".join(f"div:has(>[name={name}])" for name in ("id", "updated_at", "deleted_at", "last_login"))
    return (
        ",".join(hidden) + "{display:none!important}"
        f"form:has([data-uitest=save_button]) :is({kept}) :is(input,select){{opacity:.6;pointer-events:none}}"
    )


def describe(app: FastAPI, configs: Sequence[TableConfig]) -> None:
    """Replaces Piccolo's own descriptions of the tables, from which its page draws lists, filters and forms. They lack
    the primary key, by which a guild is easiest to find, and offer columns for editing that nobody may edit."""
    described = {route.path: route for route in app.routes if isinstance(route, APIRoute)}
    for config in configs:
        path = f"/tables/{config.table_class._meta.tablename}/schema/"
        app.router.routes.insert(0, Route(path, _Description(described[path], config).answer))


class _Description:
    """The description of one table, made at the first request for it."""

    def __init__(self, route: APIRoute, config: TableConfig) -> None:
        self._original = route.endpoint
        self._config = config
        self._made: bytes | None = None

    async def answer(self, request: Request) -> Response:
        if self._made is None:
            response = await self._original(request=request)
            self._made = json.dumps(self._amended(json.loads(response.body))).encode()
        return Response(self._made, media_type="application/json")

    def _amended(self, schema: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
        table = self._config.table_class
        name = table._meta.tablename
        key = table._meta.primary_key
        properties = schema["properties"]
        if key._meta.name in (*self._config.get_visible_column_names(), *self._config.get_visible_filter_names()):
            model = create_pydantic_model(table, include_columns=(key,), include_default_columns=True)
            properties = {**model.model_json_schema()["properties"], **properties}
        hidden = HIDDEN | HIDDEN_OF.get(name, set())
        schema["properties"] = {
            column: column_schema for column, column_schema in properties.items() if column not in hidden
        }
        return schema
