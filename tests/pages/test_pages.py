"""The pages over HTTP: what they say, and how their files are sent."""

import gzip
import hashlib
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from litestar.handlers import HTTPRouteHandler

from api.http.policy import policy_of
from api.lib.version import VERSION
from api.pages import controller
from api.pages.assets import Asset, accepts_gzip, names_etag
from api.pages.controller import CONTENT_SECURITY_POLICY, DASHBOARD_SECURITY_POLICY, PagesController
from tests.pages.stub import READY
from tests.support.serving import NO_TLS, in_process, serve

ASSETS = Path(controller.__file__).parent / "assets"
VIEWER = ASSETS / "vendor" / "swagger-ui"
FORMS = ASSETS / "vendor" / "jedison"
AXE = Path(__file__).parents[1] / "support" / "vendor" / "axe-core"


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    async with in_process(READY, "http://guildhall.test:8000") as made:
        yield made


def loaded(html: str) -> list[str]:
    """The addresses of the files that a page loads, in its order."""
    return re.findall(r'(?:src|href)="(/assets/[^"]+)"', html)


async def test_home_says_what_this_is_and_where_to_go(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/")

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "self-hosted REST API" in answer.text
    assert f"Version {VERSION}" in answer.text
    for place in ("/dashboard/", "/schema", "/schema/openapi.json", "/admin/", "/metrics", "/health/ready"):
        assert f'<a href="{place}">' in answer.text
    assert "$GUILDHALL_KEY" in answer.text
    assert "<span data-origin>http://guildhall.test:8000</span>/v1/guilds" in answer.text


@pytest.mark.parametrize("host", ["$(reboot)", "a;b", "a&b", "a'b", ""])
async def test_a_host_that_is_none_is_not_shown(client: httpx2.AsyncClient, host: str) -> None:
    answer = await client.get("/", headers={"Host": host})

    assert answer.status_code == 200
    assert "<span data-origin>http://your-server</span>" in answer.text


@pytest.mark.parametrize("host", ['"><script>alert(1)</script>', "a`id`", "a b", "a/b"])
async def test_a_host_that_no_url_can_have_is_never_echoed(client: httpx2.AsyncClient, host: str) -> None:
    answer = await client.get("/", headers={"Host": host})

    assert host not in answer.text


@pytest.mark.parametrize("path", ["/", "/schema", "/dashboard", "/dashboard/"])
async def test_pages_keep_scripts_and_styles_in_files(client: httpx2.AsyncClient, path: str) -> None:
    answer = await client.get(path)

    policy = DASHBOARD_SECURITY_POLICY if path.startswith("/dashboard") else CONTENT_SECURITY_POLICY
    assert answer.headers["content-security-policy"] == policy
    added = " https://cdn.discordapp.com"  # the faces of members, on the dashboard alone
    assert policy.replace(added, "").startswith(CONTENT_SECURITY_POLICY)
    assert "unsafe" not in policy
    assert answer.headers["cache-control"] == "no-cache"
    assert not re.search(r"<style|<script(?![^>]*\ssrc=)|\son\w+=|\sstyle=|https?://(?!guildhall\.test)", answer.text)


@pytest.mark.parametrize("path", ["/", "/schema", "/dashboard/"])
async def test_what_a_page_loads_is_there_and_kept_for_a_year(client: httpx2.AsyncClient, path: str) -> None:
    addresses = loaded((await client.get(path)).text)

    assert addresses
    for address in addresses:
        answer = await client.get(address)
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize("query", ["", "?v=", "?v=0123456789abcdef"])
async def test_without_the_right_digest_an_asset_is_asked_for_again(client: httpx2.AsyncClient, query: str) -> None:
    answer = await client.get(f"/assets/home.css{query}")

    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("home.css", "text/css; charset=utf-8"),
        ("home.js", "text/javascript; charset=utf-8"),
        ("logo.svg", "image/svg+xml"),
        ("vendor/swagger-ui/swagger-ui-bundle.js", "text/javascript; charset=utf-8"),
        ("vendor/swagger-ui/LICENSE", "text/plain; charset=utf-8"),
    ],
)
async def test_media_types(client: httpx2.AsyncClient, name: str, media_type: str) -> None:
    answer = await client.get(f"/assets/{name}")

    assert answer.headers["content-type"] == media_type


async def test_the_icon_at_its_old_address(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/favicon.ico")

    assert answer.headers["content-type"] == "image/x-icon"
    assert answer.content == (ASSETS / "favicon.ico").read_bytes()


async def test_an_unchanged_asset_is_not_sent_again(client: httpx2.AsyncClient) -> None:
    first = await client.get("/assets/home.css")
    again = await client.get("/assets/home.css", headers={"If-None-Match": f'"other", W/{first.headers["etag"]}'})
    changed = await client.get("/assets/home.css", headers={"If-None-Match": '"other"'})

    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert again.headers["cache-control"] == "no-cache"
    # A cache takes over what a 304 says of the file (RFC 9111, 3.2): better nothing than what is not so.
    assert not {"content-type", "content-length"} & set(again.headers)
    assert changed.status_code == 200


async def test_gzipped_and_plain_are_one_file_with_two_validators(client: httpx2.AsyncClient) -> None:
    address = "/assets/vendor/swagger-ui/swagger-ui.css"
    plain = await client.get(address, headers={"Accept-Encoding": "identity"})
    zipped = await client.get(address, headers={"Accept-Encoding": "gzip, br"})

    assert "content-encoding" not in plain.headers
    assert zipped.headers["content-encoding"] == "gzip"
    assert plain.content == zipped.content == gzip.decompress((VIEWER / "swagger-ui.css.gz").read_bytes())
    assert int(zipped.headers["content-length"]) < len(plain.content) / 4
    assert plain.headers["etag"] != zipped.headers["etag"]
    assert plain.headers["vary"] == zipped.headers["vary"] == "Accept-Encoding"


@pytest.mark.parametrize(
    "path",
    [
        "/assets/none.css",
        "/assets/",
        "/assets/vendor",
        "/assets/../controller.py",
        "/assets/%2e%2e/controller.py",
        "/assets/..%2fcontroller.py",
        "/assets/vendor/..%2f..%2f..%2fcontroller.py",
        "/assets//etc/passwd",
        "/assets/%2fetc%2fpasswd",
        "/assets/home.css%00.js",
        "/assets/vendor/swagger-ui/swagger-ui.css.gz",
    ],
)
async def test_only_files_of_the_folder_are_served(path: str) -> None:
    async with serve(READY) as base_url, httpx2.AsyncClient(base_url=base_url, verify=NO_TLS) as client:
        # `raw_path` goes out as it is written: httpx2 would fold the dots.
        url = client.base_url.copy_with(raw_path=path.encode())
        answer = await client.send(httpx2.Request("GET", url))

    assert answer.status_code == 404


def test_every_page_is_open_to_all() -> None:
    handlers = [member for member in vars(PagesController).values() if isinstance(member, HTTPRouteHandler)]

    assert len(handlers) == 5
    for handler in handlers:
        assert policy_of(handler).is_public


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        (VIEWER, "swagger-ui-bundle.js"),
        (VIEWER, "swagger-ui.css"),
        (FORMS, "jedison.umd.js"),
        (AXE, "axe.min.js"),
    ],
)
def test_what_others_wrote_is_what_its_version_note_says(folder: Path, name: str) -> None:
    published = gzip.decompress((folder / f"{name}.gz").read_bytes())

    assert f"{hashlib.sha256(published).hexdigest()}  {name}" in (folder / "VERSION").read_text()
    assert (folder / "LICENSE").read_text()


@pytest.mark.parametrize(
    ("value", "taken"),
    [
        ("gzip", True),
        ("br;q=1, GZIP;q=0.5", True),
        ("gzip; q=0", False),
        ("gzip;q=0.000", False),
        ("x-gzip-no", False),
        ("", False),
    ],
)
def test_accept_encoding(value: str, *, taken: bool) -> None:
    assert accepts_gzip(value) is taken


@pytest.mark.parametrize(
    ("value", "named"),
    [('"a"', True), ('W/"a"', True), ('"b", "a"', True), ("*", True), ('"b"', False), ("", False)],
)
def test_if_none_match(value: str, *, named: bool) -> None:
    assert names_etag(value, Asset("text/css", "a", b"", None).etag) is named
