"""What the addresses of these tests name."""

import httpx2
import pytest

from api.postgres.engine import PlainConnection
from tests.requests.routes import Route
from tests.support.people import HARBOUR


@pytest.fixture
async def chatterbox(request: pytest.FixtureRequest, bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    """The achievement or webhook of an address that has one is there: else it is not found, before anything else is
    wrong. Both, for a test that asks every route."""
    callspec = getattr(request.node, "callspec", None)
    route = None if callspec is None else callspec.params.get("route")
    if not isinstance(route, Route) or "{achievement" in route.path:
        draft = {"key": "chatterbox", "name": "Chatterbox", "condition": {"stat": "messages", "gte": 1}}
        for scope in ("/v1/achievements", f"/v1/guilds/{HARBOUR}/achievements"):
            assert (await bot.post(scope, json=draft)).status_code == 201
    if not isinstance(route, Route) or "{webhook_id" in route.path:
        await owner.execute("INSERT INTO webhooks (id, guild_id, url, secret) VALUES (1, $1, 'https://x', '')", HARBOUR)
