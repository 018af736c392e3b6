"""People at the admin's door."""

import itertools
from collections.abc import AsyncIterator

import httpx2
import pytest
from litestar import Litestar
from litestar.types import ASGIApp, Receive, Scope, Send

from api.admin.entrance import Entrance
from api.admin.mount import Mount
from api.http.context import RequestContext, start_context
from tables.admin import AdminUser
from tests.support.clients import BASE_URL
from tests.support.serving import Application
from tests.support.wiring import services_of

# Pydantic's: `modules` has a column of this name. The application silences it, pytest listens again.
IGNORE_SCHEMA = 'ignore:Field name "schema" in "RegisteredModule:UserWarning'
PASSWORD = "correct horse battery"

_addresses = (f"10.0.{number // 250}.{number % 250 + 1}" for number in itertools.count())


async def make_admin(name: str = "ada", *, superuser: bool = True) -> int:
    """An admin with `PASSWORD`; gives the id."""
    user = await AdminUser.create_user(
        username=name, password=PASSWORD, email=f"{name}@localhost", active=True, admin=True, superuser=superuser
    )
    return int(user.id)


def at_the_door(app: Application, address: str | None = None) -> httpx2.AsyncClient:
    """Somebody who has not logged in, at an address of their own: tries are counted by address."""
    transport = httpx2.ASGITransport(app, client=(address or next(_addresses), 1))
    return httpx2.AsyncClient(transport=transport, base_url=BASE_URL)


def alone(mount: Mount) -> ASGIApp:
    """A mount with no application around it: a request has the context that the outermost middleware makes."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        start_context(scope, RequestContext("request", is_head=False, is_gone=lambda: False))
        await mount(scope, receive, send)

    return app


async def log_in(client: httpx2.AsyncClient, name: str = "ada", password: str = PASSWORD) -> httpx2.Response:
    """Does what the page does: fetches the token, then sends name and password."""
    if "x-csrftoken" not in client.headers:
        await client.get("/admin/")
        client.headers["X-CSRFToken"] = client.cookies["csrftoken"]
    return await client.post("/admin/public/login/", json={"username": name, "password": password})


@pytest.fixture(autouse=True)
def _quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A password's hash takes a quarter of a second, and nearly every test here logs somebody in."""
    monkeypatch.setattr(AdminUser, "_pbkdf2_iteration_count", 1000)


@pytest.fixture
def entrance(litestar_app: Litestar) -> Entrance:
    """The admin's door."""
    found: Entrance = services_of(litestar_app).entrance
    return found


@pytest.fixture
async def door(app: ASGIApp) -> AsyncIterator[httpx2.AsyncClient]:
    """Not logged in."""
    async with at_the_door(app) as client:
        yield client


@pytest.fixture
async def ada_id(app: ASGIApp) -> int:
    """Ada, a superuser."""
    return await make_admin()


@pytest.fixture
async def ada(door: httpx2.AsyncClient, ada_id: int) -> httpx2.AsyncClient:
    """Ada, logged in."""
    response = await log_in(door)
    assert response.status_code == 200, response.text
    return door


@pytest.fixture
async def bo(app: ASGIApp, ada_id: int) -> AsyncIterator[httpx2.AsyncClient]:
    """Bo, an admin who is no superuser, logged in."""
    await make_admin("bo", superuser=False)
    async with at_the_door(app) as client:
        assert (await log_in(client, "bo")).status_code == 200
        yield client
