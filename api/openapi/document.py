"""The complete document."""

from collections.abc import Iterable
from pathlib import Path
from string import Template

from litestar.routes import BaseRoute

from api.auth.cookies import Cookies
from api.http.bodies import DEPTH
from api.http.headers import REASON_CHARACTERS
from api.http.policy import LARGEST_BODY
from api.http.problems import TYPE_BASE
from api.lib.pagination import LARGEST_PAGE, LIFETIME_SECONDS
from api.lib.version import VERSION
from api.openapi import headers, problems
from api.openapi.facts import Facts, read
from api.openapi.operations import operation
from api.openapi.parameters import HEADERS
from api.openapi.schemas import Schema, Schemas

TAGS = {
    "guilds": "The guilds that bots are in, with their roles and channels.",
    "settings": "A guild's settings by module, and their revisions.",
    "modules": "Groups of settings: built-in modules, and modules that bots register.",
    "activity": "Events of members' activity, each counted once. XP, levels, and what the bot has to do.",
    "members": "Members' profiles: XP, level, exact rank, stats, streak, and their activity over time.",
    "achievements": "Definitions, awards, and members' progress.",
    "pictures": "Pictures: rank cards, leaderboards and activity, as PNG, WebP or SVG.",
    "leaderboards": "Leaderboards of any stat: all time, a day, a week, a month or any window of days.",
    "public": "What a guild shows to everyone, without credentials.",
    "imports": "Imports of standings and history from other bots, and the export of a guild.",
    "users": "People's data: privacy choices, export and erasure.",
    "events": "The stream of events.",
    "people": "Log-in, log-out, and the sessions of people.",
    "webhooks": "Signed deliveries of events to an address of yours.",
    "keys": "API keys of bots.",
    "audit": "The audit log: who changed what.",
    "operation": "Health, metrics and the OpenAPI document.",
}

SECURITY_SCHEMES = {
    "key": {
        "type": "http",
        "scheme": "bearer",
        "description": "A key: `gh_` and 38 letters and digits. Each operation names the scope it needs.",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": Cookies(https=True).session,
        "description": (
            "The session of a person who is logged in with Discord. Without TLS, the cookie's name has no `__Host-`."
        ),
    },
    "csrf": {
        "type": "apiKey",
        "in": "header",
        "name": "X-CSRF-Token",
        "description": "The `csrf_token` of `GET /v1/me`. With a session, every change needs it.",
    },
}

_CONVENTIONS = Template((Path(__file__).parent / "conventions.md").read_text(encoding="utf-8"))


def document(routes: Iterable[BaseRoute]) -> dict[str, object]:
    """The OpenAPI 3.1 document of these routes. It needs no running server."""
    operations = read(routes)
    schemas = Schemas(facts.body for facts in operations if facts.body is not None)
    problems.add_problem(schemas)
    paths = _paths(operations, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Guildhall",
            "version": VERSION,
            "summary": "Guild settings, activity, XP, levels and leaderboards for community bots.",
            "description": _description(),
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": TAGS[name]} for name in _tags(operations)],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.components.items())),
            "parameters": HEADERS,
            "headers": {name: header for name, (_, header) in headers.HEADERS.items()},
            "responses": {
                refusal.name: problems.response(refusal)
                for refusal in (*problems.REFUSALS.values(), problems.PATCH_REFUSAL)
            },
            "securitySchemes": SECURITY_SCHEMES,
        },
    }


def _paths(operations: Iterable[Facts], schemas: Schemas) -> dict[str, Schema]:
    paths: dict[str, Schema] = {}
    for facts in operations:
        paths.setdefault(facts.path, {})[facts.method.lower()] = operation(facts, schemas)
    return paths


def _tags(operations: Iterable[Facts]) -> Iterable[str]:
    return dict.fromkeys(tag for facts in operations for tag in facts.tags)


def _description() -> str:
    rows = (f"| `{kind.type}` | {kind.status} | {kind.title} |" for kind in problems.types())
    return _CONVENTIONS.substitute(
        problems="\n".join(rows),
        type_base=TYPE_BASE,
        depth=DEPTH,
        body=LARGEST_BODY // 1024**2,
        reason=REASON_CHARACTERS,
        page=LARGEST_PAGE,
        cursor_hours=LIFETIME_SECONDS // 3600,
    )
