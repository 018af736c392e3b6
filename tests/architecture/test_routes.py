"""Every route declares its scope, as in the contract, and describes itself."""

from collections.abc import Iterator

from litestar import Litestar
from litestar.handlers.base import BaseRouteHandler
from litestar.routes import ASGIRoute, HTTPRoute

from api.auth.scopes import Scope
from api.http.policy import policy_of

EXPECTED = {
    "GET /": None,
    "GET /assets/{asset_path}": None,
    "GET /dashboard": None,
    "GET /favicon.ico": None,
    "GET /schema": None,
    "GET /schema/openapi.json": None,
    "GET /health/live": None,
    "GET /health/ready": None,
    "GET /metrics": None,
    "GET /g/{place}": None,
    "GET /g/{place}/leaderboard.png": None,
    "GET /g/{place}/members/{user_id}": None,
    "GET /g/{place}/members/{user_id}/card.png": None,
    "GET /v1/public/guilds/{place}/leaderboard": None,
    "GET /v1/public/guilds/{place}/members/{user_id}": None,
    "GET /v1/guilds": "guilds:read",
    "GET /v1/guilds/{guild_id}": "guilds:read",
    "PUT /v1/guilds/{guild_id}": "guilds:write",
    "PATCH /v1/guilds/{guild_id}": "guilds:write",
    "DELETE /v1/guilds/{guild_id}": "guilds:write",
    "POST /v1/guilds/{guild_id}/restore": "guilds:write",
    "GET /v1/guilds/{guild_id}/access": "guilds:read",
    "GET /v1/guilds/{guild_id}/roles": "guilds:read",
    "PUT /v1/guilds/{guild_id}/roles": "guilds:write",
    "GET /v1/guilds/{guild_id}/channels": "guilds:read",
    "PUT /v1/guilds/{guild_id}/channels": "guilds:write",
    "GET /v1/guilds/{guild_id}/settings": "settings:read",
    "GET /v1/guilds/{guild_id}/settings/{module}": "settings:read",
    "PATCH /v1/guilds/{guild_id}/settings/{module}": "settings:write",
    "PUT /v1/guilds/{guild_id}/settings/{module}": "settings:write",
    "DELETE /v1/guilds/{guild_id}/settings/{module}": "settings:write",
    "GET /v1/guilds/{guild_id}/settings/{module}/revisions": "settings:read",
    "POST /v1/guilds/{guild_id}/settings/{module}/revisions/{revision}/restore": "settings:write",
    "POST /v1/guilds/{guild_id}/level-curve/preview": "settings:read",
    "GET /v1/modules": "settings:read",
    "GET /v1/modules/{module}": "settings:read",
    "PUT /v1/modules/{module}": "modules:write",
    "POST /v1/guilds/{guild_id}/activity": "activity:write",
    "GET /v1/guilds/{guild_id}/activity": "members:read",
    "POST /v1/guilds/{guild_id}/activity/explain": "members:read",
    "GET /v1/guilds/{guild_id}/members": "members:read",
    "PUT /v1/guilds/{guild_id}/members/names": "members:write",
    "GET /v1/guilds/{guild_id}/members/{user_id}": "members:read",
    "PATCH /v1/guilds/{guild_id}/members/{user_id}": "members:write",
    "DELETE /v1/guilds/{guild_id}/members/{user_id}": "members:write",
    "POST /v1/guilds/{guild_id}/members/{user_id}/xp": "members:write",
    "GET /v1/guilds/{guild_id}/members/{user_id}/activity": "members:read",
    "GET /v1/guilds/{guild_id}/members/{user_id}/role-rewards": "members:read",
    "GET /v1/guilds/{guild_id}/leaderboard": "members:read",
    "GET /v1/guilds/{guild_id}/members/{user_id}/card": "members:read",
    "PUT /v1/guilds/{guild_id}/members/{user_id}/card": "members:write",
    "GET /v1/guilds/{guild_id}/members/{user_id}/card.png": "members:read",
    "GET /v1/guilds/{guild_id}/members/{user_id}/card.webp": "members:read",
    "GET /v1/guilds/{guild_id}/members/{user_id}/card.svg": "members:read",
    "GET /v1/guilds/{guild_id}/leaderboard.png": "members:read",
    "GET /v1/guilds/{guild_id}/leaderboard.webp": "members:read",
    "GET /v1/guilds/{guild_id}/leaderboard.svg": "members:read",
    "GET /v1/guilds/{guild_id}/members/{user_id}/activity.png": "members:read",
    "GET /v1/guilds/{guild_id}/members/{user_id}/activity.webp": "members:read",
    "GET /v1/guilds/{guild_id}/members/{user_id}/activity.svg": "members:read",
    "GET /v1/cards/{link}/card.png": None,
    "GET /v1/cards/{link}/card.webp": None,
    "GET /v1/cards/{link}/card.svg": None,
    "POST /v1/guilds/{guild_id}/members/{user_id}/card-link": "members:read",
    "PUT /v1/guilds/{guild_id}/card-background": "settings:write",
    "GET /v1/guilds/{guild_id}/card-background": "settings:read",
    "DELETE /v1/guilds/{guild_id}/card-background": "settings:write",
    "GET /v1/guilds/{guild_id}/achievements": "achievements:read",
    "POST /v1/guilds/{guild_id}/achievements": "achievements:write",
    "POST /v1/guilds/{guild_id}/achievements/simulate": "achievements:read",
    "GET /v1/guilds/{guild_id}/achievements/{achievement}": "achievements:read",
    "PATCH /v1/guilds/{guild_id}/achievements/{achievement}": "achievements:write",
    "DELETE /v1/guilds/{guild_id}/achievements/{achievement}": "achievements:write",
    "POST /v1/guilds/{guild_id}/achievements/{achievement}/restore": "achievements:write",
    "GET /v1/achievement-packs": "achievements:read",
    "GET /v1/achievements": "achievements:read",
    "POST /v1/achievements": "achievements:write",
    "POST /v1/achievements/simulate": "achievements:read",
    "GET /v1/achievements/{achievement}": "achievements:read",
    "PATCH /v1/achievements/{achievement}": "achievements:write",
    "DELETE /v1/achievements/{achievement}": "achievements:write",
    "POST /v1/achievements/{achievement}/restore": "achievements:write",
    "GET /v1/guilds/{guild_id}/members/{user_id}/achievements": "members:read",
    "PUT /v1/guilds/{guild_id}/members/{user_id}/achievements/{achievement}": "achievements:write",
    "DELETE /v1/guilds/{guild_id}/members/{user_id}/achievements/{achievement}": "achievements:write",
    "POST /v1/guilds/{guild_id}/imports": "members:write",
    "GET /v1/guilds/{guild_id}/imports": "members:read",
    "GET /v1/imports/{import_id}": "members:read",
    "GET /v1/guilds/{guild_id}/export": "members:write",
    "GET /v1/users/{user_id}/export": "users:export",
    "GET /v1/users/{user_id}/privacy": "users:export",
    "PUT /v1/users/{user_id}/privacy": "users:erase",
    "DELETE /v1/users/{user_id}": "users:erase",
    "GET /v1/events": "events:read",
    "POST /v1/guilds/{guild_id}/webhooks": "webhooks:write",
    "GET /v1/guilds/{guild_id}/webhooks": "webhooks:write",
    "GET /v1/guilds/{guild_id}/webhooks/{webhook_id}": "webhooks:write",
    "PATCH /v1/guilds/{guild_id}/webhooks/{webhook_id}": "webhooks:write",
    "DELETE /v1/guilds/{guild_id}/webhooks/{webhook_id}": "webhooks:write",
    "POST /v1/guilds/{guild_id}/webhooks/{webhook_id}/test": "webhooks:write",
    "GET /v1/guilds/{guild_id}/webhooks/{webhook_id}/deliveries": "events:read",
    "POST /v1/guilds/{guild_id}/webhooks/{webhook_id}/deliveries/{delivery}/resend": "webhooks:write",
    "GET /v1/guilds/{guild_id}/stats": "members:read",
    "GET /v1/guilds/{guild_id}/keys": "keys:manage",
    "POST /v1/guilds/{guild_id}/keys": "keys:manage",
    "DELETE /v1/guilds/{guild_id}/keys/{key_id}": "keys:manage",
    "GET /v1/keys": "keys:manage",
    "POST /v1/keys": "keys:manage",
    "GET /v1/keys/{key_id}": "keys:manage",
    "DELETE /v1/keys/{key_id}": "keys:manage",
    "POST /v1/keys/{key_id}/rotate": "keys:manage",
    "GET /v1/guilds/{guild_id}/audit-log": "audit:read",
    "GET /auth/discord/login": None,
    "GET /auth/discord/callback": None,
    "POST /auth/logout": None,
    "GET /v1/me": None,
    "GET /v1/me/guilds": None,
    "GET /v1/me/sessions": None,
    "DELETE /v1/me/sessions": None,
    "DELETE /v1/me/sessions/{session_id}": None,
}

# Piccolo Admin has a log-in of its own, without keys.
ADMIN = "/admin"


def handlers(app: Litestar) -> Iterator[tuple[str, BaseRouteHandler]]:
    """Every handler except those that Litestar adds for OPTIONS, as `METHOD /address`."""
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            for handler in route.route_handlers:
                if not handler.fn.__module__.startswith("litestar."):
                    for method in handler.http_methods:
                        yield f"{getattr(method, 'value', method)} {route.path_format}", handler
        else:
            assert isinstance(route, ASGIRoute), f"{route.path} is of a kind that nothing here looks at"
            yield f"ASGI {route.path_format}", route.route_handler


def of_the_api(app: Litestar) -> dict[str, BaseRouteHandler]:
    return {name: handler for name, handler in handlers(app) if not name.split(" ")[1].startswith(ADMIN)}


def test_every_route_declares_the_scope_it_needs(running_app: Litestar) -> None:
    undeclared = [name for name, handler in handlers(running_app) if "policy" not in handler.opt]
    assert not undeclared, f"say `opt=RoutePolicy(Scope.…).opt`, or `opt=PUBLIC.opt`: {undeclared}"


def test_the_scopes_are_those_of_the_contract(running_app: Litestar) -> None:
    declared = {name: policy_of(handler).scope for name, handler in of_the_api(running_app).items()}
    assert declared == EXPECTED


def test_scopes_are_of_the_known_kind(running_app: Litestar) -> None:
    for name, handler in of_the_api(running_app).items():
        scope = policy_of(handler).scope
        assert scope is None or isinstance(scope, Scope), name


def test_every_handler_says_what_it_is_for(running_app: Litestar) -> None:
    silent = [name for name, handler in of_the_api(running_app).items() if not handler.fn.__doc__]
    assert not silent, f"their docstrings are what the API's user reads: {silent}"
