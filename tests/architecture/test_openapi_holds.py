"""The application does what its OpenAPI document says, and every refusal in it is real."""

from collections import Counter
from collections.abc import AsyncIterator
from secrets import token_hex
from typing import Any

import httpx2
import pytest

from api.auth.scopes import ALL, Scope
from tests.architecture.described import Json
from tests.architecture.world import MSGPACK, World
from tests.support.clients import Clients


@pytest.mark.timeout(600)  # hundreds of requests, on a busy machine
async def test_examples_are_accepted_and_answered_as_described(world: World) -> None:
    packed: set[str] = set()  # answers of one form are packed by the same code
    for path, method, operation in world.description.operations():
        form = str([operation["responses"].get(status) for status in ("200", "201")])
        for accept in ("application/json",) if form in packed else ("application/json", MSGPACK):
            packed.add(form)
            await world.restore()
            answer = await world.bot.send(world.request(path, method, operation, headers={"Accept": accept}))
            assert answer.is_success or answer.status_code == 303, (
                f"{method} {path}: {answer.status_code} {answer.text}"
            )
            assert list(world.description.faults(operation, answer)) == [], f"{method} {path} as {accept}"


async def test_every_single_thing_can_be_asked_for_conditionally(world: World) -> None:
    asked = 0
    for path, method, operation in world.description.operations():
        if "304" in operation["responses"]:
            asked += 1
            await world.restore()
            first = await world.bot.send(world.request(path, method, operation))
            known = {"If-None-Match": first.headers["etag"]}
            again = await world.bot.send(world.request(path, method, operation, headers=known))
            assert again.status_code == 304, path
            assert list(world.description.faults(operation, again)) == []
    assert asked > 5


async def test_repeated_answers_are_as_described(world: World) -> None:
    """The secret is null then."""
    nulls = 0
    for path, method, operation in world.description.operations():
        takes_key = any(
            world.description.resolved(each)["name"] == "Idempotency-Key" for each in operation["parameters"]
        )
        if not takes_key:
            continue
        await world.restore()
        request = world.request(path, method, operation, headers={"Idempotency-Key": token_hex(8)})
        for replayed in (None, "true"):
            answer = await world.bot.send(request)
            assert answer.headers.get("idempotent-replayed") == replayed, f"{path}: {answer.status_code} {answer.text}"
            assert list(world.description.faults(operation, answer)) == [], path
        nulls += "secret" in answer.text and answer.json().get("secret", "") is None
    assert nulls == 4  # a key, one for a guild, one that was rotated, and a webhook


class Refused:
    """How to get each refusal, by its status. A status that is missing here needs concurrent work, or a fault of
    ours."""

    def __init__(self, world: World, clients: Clients) -> None:
        self._world = world
        self._clients = clients

    async def answers(self, path: str, method: str, operation: Json) -> AsyncIterator[tuple[int, httpx2.Response]]:
        """Each documented refusal that a request alone can cause, with its answer."""
        unsafe = method != "GET"
        body = "requestBody" in operation and not {"text/csv", "image/png"} & set(operation["requestBody"]["content"])
        largest = operation.get("x-largest-body", 1024 * 1024)
        asked: dict[int, dict[str, Any]] = {  # Any: httpx2's own arguments
            404: {"parts": dict.fromkeys(self._world.parts(path), "NOT-THERE")},
            412: {"headers": {"If-Match": '"not-its-tag"'}},
            413: {"content": b'"' + b"x" * min(largest, 8 * 1024 * 1024) + b'"'},
            415: {"content": b"{}", "headers": {"Content-Type": "text/plain"}},
            422: {"params": {"no_such_parameter": "1"}},
        }
        if body:
            asked[400] = {"content": b"{"}
        else:
            asked[400] = {"headers": {"X-Audit-Log-Reason": "%ff"} if unsafe else {"If-None-Match": "not-a-tag"}}
        if largest > 8 * 1024 * 1024:
            del asked[413]  # too large to be sent here
        if "{" not in path:
            del asked[404]  # nothing can be missing
        if path.endswith("/callback"):
            asked[400] = {"params": {"state": "of-nobody", "code": "of-nobody"}}
        if path == "/metrics":
            return  # the setup of the server decides who is refused there
        await self._world.restore()
        if not unsafe:  # a stored answer is refused as the original one
            await self._world.bot.send(self._world.request(path, method, operation))
        for status, change in asked.items():
            if str(status) in operation["responses"]:
                yield status, await self._world.bot.send(self._world.request(path, method, operation, **change))
        if "401" in operation["responses"]:
            async with self._clients.anonymous() as nobody:
                yield (
                    401,
                    await nobody.send(self._world.request(path, method, operation, headers={"Authorization": ""})),
                )
        if "403" in operation["responses"]:
            scope = operation["x-required-scope"]
            secret = await self._clients.key(scopes=ALL if scope is None else ALL - {Scope(scope)})
            bearer = {"Authorization": f"Bearer {secret}"}
            yield 403, await self._world.bot.send(self._world.request(path, method, operation, headers=bearer))


async def test_every_refusal_is_real_and_as_described(world: World, clients: Clients) -> None:
    refused = Refused(world, clients)
    seen: Counter[int] = Counter()
    for path, method, operation in world.description.operations():
        async for status, answer in refused.answers(path, method, operation):
            assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text}"
            assert list(world.description.faults(operation, answer)) == [], f"{method} {path}"
            seen[status] += 1
    assert set(seen) == {400, 401, 403, 404, 412, 413, 415, 422}
    every = {int(status) for _, _, operation in world.description.operations() for status in operation["responses"]}
    assert every - set(seen) == {200, 201, 202, 204, 303, 304, 409, 429, 501, 503}


async def test_a_stranger_gets_only_answers_that_are_described(world: World, mallory: httpx2.AsyncClient) -> None:
    for path, method, operation in world.description.operations():
        if "{guild_id}" in path:
            request = world.request(
                path, method, operation, headers={"Authorization": mallory.headers["Authorization"]}
            )
            answer = await mallory.send(request)
            assert answer.status_code == 404
            assert list(world.description.faults(operation, answer)) == []
