"""No browser and no proxy may store answers about people."""

from collections.abc import Iterator
from typing import Any

import httpx2
from litestar import Litestar

from api.http.policy import policy_of
from tests.architecture.described import Description, Json
from tests.architecture.test_routes import of_the_api
from tests.architecture.world import World, is_of_people

# Members of answers that identify a person.
PERSONAL = {"user_id", "owner_id", "username", "display_name", "avatar", "avatar_url", "ip", "csrf_token", "opt_out"}


PUBLISHED = "/v1/public/"  # what a guild publishes may be kept for a while: these routes say for how long


def is_personal(description: Description, path: str, operation: Json) -> bool:
    answers = [description.resolved(answer) for status, answer in operation["responses"].items() if status < "300"]
    media = [each for answer in answers for each in answer.get("content", {}).values()]
    return "{user_id}" in path or bool(PERSONAL & {name for each in media for name in _members(description, each)})


def _members(description: Description, node: Any, seen: frozenset[str] = frozenset()) -> Iterator[str]:  # Any: JSON
    """The names of all members of an answer."""
    if isinstance(node, list):
        for each in node:
            yield from _members(description, each, seen)
    elif isinstance(node, dict):
        if (reference := node.get("$ref")) is not None:
            if reference not in seen:
                yield from _members(description, description.resolved(node), seen | {reference})
            return
        yield from node.get("properties", {})
        for name, each in node.items():
            if name not in ("example", "examples", "default"):
                yield from _members(description, each, seen)


def personal(description: Description) -> list[tuple[str, str, Json]]:
    found = [each for each in description.operations() if is_personal(description, each[0], each[2])]
    assert len(found) > 20, [each[:2] for each in found]
    return found


def test_every_route_says_so(description: Description, running_app: Litestar) -> None:
    """An answer with an entity tag may be stored, unless its route is marked as personal. No other answer may."""
    handlers = of_the_api(running_app)
    for path, method, _ in personal(description):
        handler = handlers[f"{method} {path}"]
        if path.startswith(PUBLISHED):
            continue
        assert not policy_of(handler).conditional or policy_of(handler).personal, f"{method} {path}: `personal=True`"


async def test_nobody_keeps_them(world: World, bot: httpx2.AsyncClient, description: Description) -> None:
    await world.restore()
    for path, method, operation in personal(description):
        if method != "GET" or path.startswith(("/auth", PUBLISHED)):
            continue
        for client in (bot, world.browser) if not is_of_people(operation) else (world.browser,):
            answer = await client.get(path.format(**world.parts(path)))
            assert answer.status_code == 200, (path, answer.text)
            assert answer.headers["cache-control"] == "no-store", path
            if "etag" in answer.headers:
                known = {"If-None-Match": answer.headers["etag"]}
                again = await client.get(path.format(**world.parts(path)), headers=known)
                assert (again.status_code, again.headers["cache-control"]) == (304, "no-store"), path
