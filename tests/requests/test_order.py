"""One request with everything wrong at once, mended step by step: 401, 403, 404, 415, 400, 413, 422."""

import httpx2
import pytest

from api.auth.scopes import ALL, Scope
from tests.requests.routes import SCOPED, Route
from tests.support.clients import Clients
from tests.support.people import BAD_IDS, HARBOUR, QUARRY

PATCH = {"Content-Type": "application/merge-patch+json"}


async def test_one_fault_after_the_other(bot: httpx2.AsyncClient, clients: Clients) -> None:
    url = f"/v1/guilds/{HARBOUR}?nonsense=1"
    too_large = b"\xff" * (1024 * 1024 + 1)
    bad = {"Content-Type": "text/plain", "If-Match": "bad", "X-Audit-Log-Reason": "%FF"}
    without_scope = await clients.key(scopes=ALL - {Scope.GUILDS_WRITE}, guilds=[QUARRY])
    stranger = await clients.key(guilds=[QUARRY])
    own = await clients.key(guilds=[HARBOUR])
    steps: list[tuple[int, str, str | None, dict[str, str], bytes]] = [
        (401, "unauthorized", None, bad, too_large),
        (401, "unauthorized", own[:-1] + ("0" if own[-1] != "0" else "1"), bad, too_large),
        (403, "missing-scope", without_scope, bad, too_large),
        (404, "not-found", stranger, bad, too_large),
        (415, "unsupported-media-type", own, bad, too_large),
        (400, "bad-header", own, bad | PATCH, too_large),
        (400, "bad-header", own, PATCH | {"X-Audit-Log-Reason": "%FF"}, too_large),
        (400, "bad-header", own, PATCH | {"If-Match": "bad"}, too_large),
        (413, "body-too-large", own, PATCH, too_large),
        (400, "unreadable-body", own, PATCH, b"\xff"),
        (422, "invalid", own, PATCH, b'{"name": 1}'),
        (422, "invalid", own, PATCH, b'{"name": "Port"}'),
    ]
    async with clients.anonymous() as client:
        for status, kind, key, headers, body in steps:
            credentials = {} if key is None else {"Authorization": f"Bearer {key}"}
            response = await client.patch(url, headers=headers | credentials, content=body)
            assert response.status_code == status, response.text
            assert response.json()["type"] == f"urn:guildhall:problem:{kind}"
        mended = await client.patch(
            f"/v1/guilds/{HARBOUR}", headers=PATCH | {"Authorization": f"Bearer {own}"}, content=b'{"name": "Port"}'
        )
    assert mended.status_code == 200


async def test_faults_of_query_and_body_are_reported_together(bot: httpx2.AsyncClient) -> None:
    response = await bot.put(f"/v1/guilds/{HARBOUR}?a=1", json={"icon": 1, "more": 2, "owner_id": "0"})
    found = response.json()["errors"]
    assert [fault["parameter"] for fault in found if "parameter" in fault] == ["a"]
    assert {fault["pointer"] for fault in found if "pointer" in fault} == {"/icon", "/more", "/name", "/owner_id"}


async def test_ids_that_cannot_exist(bot: httpx2.AsyncClient) -> None:
    """Not found, whatever else is wrong with the request."""
    asked = [(each, name) for each in SCOPED for name in each.ids]
    for route, name in asked:
        for bad in BAD_IDS:
            elsewhere = name not in {"guild_id", "key_id"} or "achievements" in route.path or "}/keys" in route.path
            if bad in {"..", "%2e%2e"} and elsewhere:
                continue  # the client itself makes another address of it, which may well be there
            response = await bot.request(route.method, route.url(**{name: bad}), content=b"{", headers=PATCH)
            expected = {404, 405} if bad in {"..", "%2e%2e"} else {404}
            assert response.status_code in expected, (str(route), bad)
            assert response.headers["content-type"] == "application/problem+json", (str(route), bad)


@pytest.mark.parametrize("route", [route for route in SCOPED if "{revision" in route.path], ids=str)
async def test_revisions_that_cannot_exist(bot: httpx2.AsyncClient, route: Route) -> None:
    for bad in BAD_IDS:
        if bad != "0":
            response = await bot.request(route.method, route.url(revision=bad))
            assert response.status_code == 404, bad


@pytest.mark.parametrize("route", [route for route in SCOPED if "{module" in route.path], ids=str)
async def test_modules_that_cannot_exist(bot: httpx2.AsyncClient, route: Route) -> None:
    for bad in ("Leveling", "1a", "_a", "a" * 65, "a-b", "a%00", "a%0A", "l%C3%A9", "%20leveling", "leveling%20"):
        response = await bot.request(
            route.method, route.url(module=bad), json={"schema": {"type": "object", "properties": {}}}
        )
        assert response.status_code == 404, bad
