"""The whole document."""

from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from string import Template

from litestar.routes import BaseRoute

from api.auth.cookies import Cookies
from api.http.bodies import DEPTH
from api.http.headers import REASON_CHARACTERS
from api.http.policy import LARGEST_BODY
from api.http.problems import TYPE_BASE
from api.lib.pagination import LARGEST_PAGE, LIFETIME_SECONDS
from api.openapi import problems
from api.openapi.facts import Facts, read
from api.openapi.operations import operation
from api.openapi.parameters import HEADERS
from api.openapi.schemas import Schema, Schemas

TAGS = {
    "guilds": "The guilds that bots are in, with their roles and channels.",
    "settings": "What a guild has set, module by module, and every revision of it.",
    "modules": "The groups of settings that there are: built-in ones, and those that bots register.",
    "activity": "What members did: each event counts once. XP, levels and what the bot is to do about them.",
    "members": "Members' profiles: XP, level, exact rank, stats, streak, and their activity in time.",
    "achievements": "What members can earn and by what, who has earned it, and how near the others are.",
    "leaderboards": "Boards of any stat, of all time, a day, a week, a month or any other window of days.",
    "imports": "Standings and history brought from elsewhere, and a whole guild taken away.",
    "users": "People: what is stored about them, what they choose, and how they are forgotten.",
    "events": "What happens, as it happens.",
    "people": "Who is logged in to a dashboard, and how they log in and out.",
    "webhooks": "Events sent to an address of yours, signed, until it says that they arrived.",
    "keys": "The keys by which bots come in.",
    "audit": "Who changed what.",
    "operation": "How the server is, and what it offers.",
}

_CONVENTIONS = Template((Path(__file__).parent / "conventions.md").read_text(encoding="utf-8"))


def document(routes: Iterable[BaseRoute]) -> dict[str, object]:
    """The OpenAPI 3.1 document of these routes. It needs nothing that runs."""
    operations = read(routes)
    schemas = Schemas(facts.body for facts in operations if facts.body is not None)
    problems.add_problem(schemas)
    paths = _paths(operations, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Guildhall",
            "version": version("guildhall"),
            "summary": "Guild settings, activity, XP, levels and boards for community bots.",
            "description": _description(),
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": TAGS[name]} for name in _tags(operations)],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.components.items())),
            "parameters": HEADERS,
            "headers": {name: header for name, (_, header) in problems.HEADERS.items()},
            "responses": {
                refusal.name: problems.response(refusal)
                for refusal in (*problems.REFUSALS.values(), problems.PATCH_REFUSAL)
            },
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A key: `gh_` and 38 letters and digits. Each operation names the scope it needs.",
                },
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": Cookies(https=True).session,
                    "description": "Somebody who is logged in by Discord. Without TLS the name has no `__Host-`.",
                },
                "csrf": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "X-CSRF-Token",
                    "description": "`csrf_token` of `GET /v1/me`: a session's requests that change something need it.",
                },
            },
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
