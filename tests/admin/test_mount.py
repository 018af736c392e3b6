"""The admin as a part of the application: loaded late, with a policy of its own."""

import asyncio
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest
from litestar.types import ASGIApp
from msgspec.structs import replace

from api.admin.entrance import Entrance
from api.admin.mount import LARGEST_BODY, Mount
from api.config import Settings
from tests.admin.conftest import IGNORE_SCHEMA, alone, log_in
from tests.support.serving import in_process

pytestmark = pytest.mark.filterwarnings(IGNORE_SCHEMA)

_START = """
import asyncio, sys
from msgspec import json
from api.app import create_litestar
from api.config import Settings
from api.lib.clock import Clock
from api.lib.metrics import Metrics

async def start():
    app = create_litestar(json.decode(sys.argv[1], type=Settings), clock=Clock(), metrics=Metrics())
    async with app.lifespan():
        pass

asyncio.run(start())
print(*sorted({"black", "fastapi", "pydantic", "jinja2", "piccolo_admin"} & set(sys.modules)))
"""


_WITHOUT = """
import sys

for name in sys.argv[2:]:
    sys.modules[name] = None  # as if it were not installed
import asyncio
import httpx2
from msgspec import json
from api.app import create_litestar
from api.config import Settings
from api.lib.clock import Clock
from api.lib.metrics import Metrics

async def start():
    app = create_litestar(json.decode(sys.argv[1], type=Settings), clock=Clock(), metrics=Metrics())
    transport = httpx2.ASGITransport(app=app)
    async with app.lifespan(), httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
        for path in ("/health/live", "/schema", "/admin/"):
            answer = await client.get(path)
            print(answer.status_code, answer.headers["content-type"].partition(";")[0])
        print(answer.json()["detail"])

asyncio.run(start())
import piccolo.apps.migrations.commands.forwards  # what migrates
"""

OF_THE_EXTRA = (
    "piccolo_admin",
    "piccolo_api",
    "fastapi",
    "starlette",
    "hypercorn",
    "aiofiles",
    "pyotp",
    "qrcode",
    "jwt",
)
NOT_IN_THE_IMAGE = ("faker", "polyfactory", "pip", "hatchling", "PIL", "typst")


def test_without_the_extra_the_server_starts_and_says_what_is_missing(settings: Settings) -> None:
    """Nor does it need what the image leaves out."""
    import msgspec

    command = [sys.executable, "-c", _WITHOUT, msgspec.json.encode(settings).decode(), *OF_THE_EXTRA, *NOT_IN_THE_IMAGE]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    live, schema, admin, detail = done.stdout.splitlines()
    assert (live, schema) == ("200 application/json", "200 text/html")
    assert admin == "501 application/json"
    assert "the extra `admin`" in detail


def test_starting_the_api_loads_no_library_of_the_admin_or_of_the_command_line(settings: Settings) -> None:
    import msgspec

    result = subprocess.run(
        [sys.executable, "-c", _START, msgspec.json.encode(settings).decode()],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == ""


async def test_first_requests_at_once_load_it_once(
    settings: Settings, entrance: Entrance, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads = []

    async def site(scope: object, receive: object, send: object) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})  # type: ignore[operator] # ASGI
        await send({"type": "http.response.body", "body": b"in"})  # type: ignore[operator] # ASGI

    def load(_settings: Settings, _entrance: Entrance) -> object:
        loads.append(1)
        if len(loads) == 1:
            raise OSError("a file is missing")
        return site

    monkeypatch.setattr("api.admin.package.load", load)
    async with in_process(Mount(settings, entrance), "http://guildhall.test") as client:
        assert (await client.get("/admin/")).status_code == 503
        answers = await asyncio.gather(*(client.get("/admin/") for _ in range(5)))
    assert [answer.text for answer in answers] == ["in"] * 5
    assert len(loads) == 2


async def test_without_its_slash_it_leads_to_it(door: httpx2.AsyncClient) -> None:
    answer = await door.get("/admin")
    assert (answer.status_code, answer.headers["location"]) == (308, "admin/")
    assert "./assets/" in (await door.get("/admin/")).text


def test_piccolo_admins_script_is_the_one_that_is_mended() -> None:
    """A newer one, in which these texts stand no longer, has to be looked at."""
    from piccolo_admin.endpoints import ASSET_PATH

    from api.admin.pages import _MENDED, _mended

    (script,) = [path.read_bytes() for path in Path(ASSET_PATH, "assets").glob("*.js")]
    for before, after in _MENDED:
        assert before in script
        assert after in _mended(script)


@pytest.mark.parametrize("path", ["/administrator", "/admin.php", "/adminx/", "/admin-/"])
async def test_it_takes_no_other_address(door: httpx2.AsyncClient, path: str) -> None:
    assert (await door.get(path)).status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/admin/api/docs/",
        "/admin/api/docs",
        "/admin/api/docs/oauth2-redirect/",
        "/admin/api/openapi.json",
        "/admin/public/docs/",
        "/admin/public/openapi.json",
        "/admin/openapi.json",
        "/admin/nothing/here",
        "/admin/assets/../endpoints.py",
        "/admin/assets/%2e%2e/index.html",
    ],
)
async def test_what_is_not_needed_is_not_there(ada: httpx2.AsyncClient, path: str) -> None:
    answer = await ada.get(path)
    assert answer.status_code == 404
    assert "cdn" not in answer.text


@pytest.mark.parametrize("path", ["/admin/public/login/", "/admin/public/logout/"])
async def test_forms_of_another_making_are_not_shown(door: httpx2.AsyncClient, path: str) -> None:
    assert (await door.get(path)).status_code == 405


async def test_every_answer_bears_the_policy(ada: httpx2.AsyncClient) -> None:
    page = await ada.get("/admin/")
    script = "/admin/" + page.text.split('src="./')[1].split('"')[0]
    for path in ("/admin", "/admin/", script, "/admin/api/tables/guilds/", "/admin/nothing", "/admin/api/docs/"):
        answer = await ada.get(path)
        policy = dict(part.strip().partition(" ")[::2] for part in answer.headers["content-security-policy"].split(";"))
        assert policy["default-src"] == policy["object-src"] == policy["base-uri"] == "'none'"
        assert policy["frame-ancestors"] == "'none'"
        assert policy["script-src"] == "'self'"
        assert "//" not in answer.headers["content-security-policy"]
        stored = answer.headers["cache-control"] != "no-store"
        assert stored == (path == script)
        assert answer.headers["x-content-type-options"] == "nosniff"


async def test_bodies_are_bounded(ada: httpx2.AsyncClient) -> None:
    answer = await ada.patch("/admin/api/tables/guilds/1/", content=b" " * (LARGEST_BODY + 1))
    assert answer.status_code == 413


async def test_head_is_get_without_the_body(door: httpx2.AsyncClient) -> None:
    answer = await door.head("/admin/")
    assert (answer.status_code, answer.content) == (200, b"")


async def test_behind_tls_cookies_are_secure_and_the_origin_is_checked(
    app: ASGIApp, settings: Settings, entrance: Entrance, ada_id: int
) -> None:
    mount = Mount(replace(settings, public_url="https://guildhall.example"), entrance)

    async with in_process(alone(mount), "https://guildhall.example") as client:
        page = await client.get("/admin/")
        assert page.headers["set-cookie"].startswith("__Secure-csrftoken=")
        assert page.headers["set-cookie"].endswith("; Secure")
        scripts = [await client.get("/admin/" + src.split('"')[0]) for src in page.text.split('src="./')[1:]]
        assert all("javascript" in script.headers["content-type"] for script in scripts)
        assert sum('.get("__Secure-csrftoken")' in script.text for script in scripts) == 1
        assert not any('.get("csrftoken")' in script.text for script in scripts)
        client.headers["X-CSRFToken"] = client.cookies["__Secure-csrftoken"]
        assert (await log_in(client)).status_code == 403
        client.headers["Origin"] = "https://elsewhere.example"
        assert (await log_in(client)).status_code == 403
        client.headers["Origin"] = "https://guildhall.example"
        answer = await log_in(client)
        assert answer.status_code == 200, answer.text
        assert {"Secure", "HttpOnly", "SameSite=Strict", "Path=/admin"} <= set(answer.headers["set-cookie"].split("; "))
        assert all(name.startswith("__Secure-") for name in client.cookies)
        assert (await client.get("/admin/api/user/")).status_code == 200
        planted = {"Cookie": f"id={client.cookies['__Secure-id']}"}
        client.cookies.clear()
        assert (await client.get("/admin/api/user/", headers=planted)).status_code == 401
