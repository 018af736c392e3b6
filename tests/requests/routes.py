"""The application's own routes, so that a new one is covered without being named."""

import re

import msgspec
from litestar import Litestar
from litestar.routes import HTTPRoute

from api.app import create_litestar
from api.auth.scopes import Scope
from api.config import Settings
from api.http.policy import RoutePolicy, policy_of
from api.http.requests import plan_of
from api.lib.clock import Clock
from api.lib.metrics import Metrics
from tests.support.people import HARBOUR

_PARAMETER = re.compile(r"\{(\w+)(?::\w+)?\}")
_VALUES = {"guild_id": str(HARBOUR), "module": "leveling", "revision": "0", "achievement": "chatterbox"}


class Route(msgspec.Struct, frozen=True):
    """One method of one address. `scope` None: no credential needed."""

    method: str
    path: str
    scope: Scope | None
    has_body: bool
    kind: type | None
    policy: RoutePolicy

    def url(self, **values: object) -> str:
        """The address with its parameters filled in: Harbour, `leveling`, `chatterbox`, else 1."""
        return _PARAMETER.sub(lambda match: str(values.get(match[1], _VALUES.get(match[1], 1))), self.path)

    @property
    def largest_body(self) -> int:
        """In bytes."""
        return self.policy.largest_body

    @property
    def ids(self) -> list[str]:
        """The names of the ids in the address."""
        return [name for name in _PARAMETER.findall(self.path) if name.endswith("_id")]

    def __str__(self) -> str:
        return f"{self.method} " + _PARAMETER.sub(r"{\1}", self.path)


def routes_of(app: Litestar) -> list[Route]:
    """All that `/v1` serves, and what stands beside it, but no mounted application."""
    found = [
        Route(
            method=str(method),
            path=route.path,
            scope=policy_of(handler).scope,
            kind=None if (body := plan_of(handler).body) is None else body.kind,
            has_body="data" in handler.parsed_fn_signature.parameters,
            policy=policy_of(handler),
        )
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for handler in route.route_handlers
        if "policy" in handler.opt
        for method in handler.http_methods
    ]
    return sorted(found, key=str)


ROUTES = routes_of(
    create_litestar(Settings(secret="0" * 64, admin=False), clock=Clock(), metrics=Metrics()),
)
SCOPED = [route for route in ROUTES if route.scope is not None]
BODIES = [route for route in ROUTES if route.has_body]
