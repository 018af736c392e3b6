"""Every route asks for its scope, and for no other; strangers and nobody get nowhere."""

import httpx2
import pytest

from api.auth.scopes import ALL
from tests.requests.routes import SCOPED, Route
from tests.support.clients import Clients
from tests.support.people import HARBOUR, NOBODYS

PROBLEM = {"type", "title", "status", "detail", "instance", "request_id"}

# Routes that delete come last, so that the others find what they need.
BY_SCOPE = {
    scope: [route for route in sorted(SCOPED, key=lambda each: each.method == "DELETE") if route.scope == scope]
    for scope in sorted({route.scope for route in SCOPED if route.scope is not None})
}
GUILD_ROUTES = [route for route in SCOPED if "guild_id" in route.ids and not route.policy.creates_guild]


def test_the_table_has_the_routes() -> None:
    assert len(SCOPED) >= 26
    assert len(GUILD_ROUTES) >= 15


async def test_nobody_is_challenged(anonymous: httpx2.AsyncClient) -> None:
    for route in SCOPED:
        response = await anonymous.request(route.method, route.url())
        assert response.status_code == 401, str(route)
        assert response.headers["www-authenticate"] == 'Bearer realm="guildhall"'
        assert response.headers["content-type"] == "application/problem+json"
        assert response.json().keys() == PROBLEM
        assert response.json()["type"] == "urn:guildhall:problem:unauthorized"


@pytest.mark.usefixtures("bot")
async def test_all_scopes_but_the_one_are_too_few(clients: Clients) -> None:
    for scope, routes in BY_SCOPE.items():
        async with await clients.bot(scopes=ALL - {scope}) as lacking:
            for route in routes:
                response = await lacking.request(route.method, route.url())
                assert response.status_code == 403, str(route)
                assert response.json()["type"] == "urn:guildhall:problem:missing-scope", str(route)
                assert f"`{scope}`" in response.json()["detail"], str(route)


@pytest.mark.usefixtures("bot", "chatterbox")
async def test_the_one_scope_is_enough(clients: Clients) -> None:
    for scope, routes in BY_SCOPE.items():
        async with await clients.bot(scopes=[scope]) as holder:
            for route in routes:
                # What does not end is asked for its headers alone.
                response = await holder.request("HEAD" if route.policy.streams else route.method, route.url())
                assert response.status_code not in {401, 403, 405, 500}, str(route)


async def test_a_strangers_guild_is_nobodys(mallory: httpx2.AsyncClient) -> None:
    """Mallory asks with every fault that could come after 404: none of them is shown."""
    headers = {"Content-Type": "text/plain", "If-Match": "bad", "X-Request-ID": "the-same"}
    for route in GUILD_ROUTES:
        urls = (f"{route.url(guild_id=id_)}?limit=abc&nonsense=1" for id_ in (HARBOUR, NOBODYS))
        theirs, nobodys = [
            await mallory.request(route.method, url, content=b"{" if route.has_body else None, headers=headers)
            for url in urls
        ]
        assert theirs.status_code == nobodys.status_code == 404, str(route)
        assert theirs.json() | {"instance": ""} == nobodys.json() | {"instance": ""}
        revealing = {name for name in theirs.headers if theirs.headers[name] != nobodys.headers.get(name)}
        assert revealing <= {"content-length"}  # the address, which the problem repeats, is longer


async def test_a_missing_guild_is_not_found(bot: httpx2.AsyncClient) -> None:
    for route in GUILD_ROUTES:
        response = await bot.request(route.method, route.url(guild_id=NOBODYS))
        assert response.status_code == 404, str(route)
        assert response.json()["type"] == "urn:guildhall:problem:not-found"


@pytest.mark.parametrize("route", [route for route in SCOPED if route.policy.whole_installation], ids=str)
async def test_what_concerns_all_is_forbidden_with_a_list(harbour_bot: httpx2.AsyncClient, route: Route) -> None:
    response = await harbour_bot.request(route.method, route.url())
    assert response.status_code == 403
    assert response.json()["type"] == "urn:guildhall:problem:forbidden"
