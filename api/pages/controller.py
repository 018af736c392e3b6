"""The pages for people: the home page, the API reference, the dashboard, and their files."""

import re
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from litestar import Controller, Request, Response, get
from litestar.datastructures import State
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, FromQuery

from api.http.policy import PUBLIC
from api.lib.languages import ENGLISH, LANGUAGES, Language, choose
from api.lib.version import VERSION
from api.pages.assets import ASSETS, Asset, accepts_gzip, address, names_etag

_HERE = Path(__file__).parent
LANGUAGE_COOKIE = "guildhall_language"  # written by the dashboard and the home page

# All pages keep scripts and styles in files, so nothing inline has to be allowed.
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "font-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
# The dashboard shows names that any user may have chosen. With Trusted Types, in browsers that support them, text
# becomes markup or script only through the page's own policy.
# The faces of members are at Discord.
DASHBOARD_SECURITY_POLICY = (
    CONTENT_SECURITY_POLICY.replace("img-src 'self' data:", "img-src 'self' data: https://cdn.discordapp.com")
    + "; require-trusted-types-for 'script'; trusted-types default"
)
_PAGE_HEADERS = {"Content-Security-Policy": CONTENT_SECURITY_POLICY, "Cache-Control": "no-cache"}
_DASHBOARD_HEADERS = {**_PAGE_HEADERS, "Content-Security-Policy": DASHBOARD_SECURITY_POLICY}
_BY_LANGUAGE = {"Vary": "Accept-Language, Cookie"}
_IMMUTABLE = "public, max-age=31536000, immutable"
_REVALIDATE = "no-cache"
_ORIGIN = re.compile(r"https?://[A-Za-z0-9._\-\[\]:]+")


def _page(name: str, language: Language) -> str:
    """A page whose `/assets/…` addresses carry the content's digest: `?v=…`. A missing file is a KeyError. Texts in
    double braces are translated."""
    html = (_HERE / name).read_text(encoding="utf-8")
    html = html.replace("${language}", language.tag).replace("${catalog}", _catalog(language))
    html = html.replace("${languages}", _options(language))
    html = re.sub(r"\{\{(.+?)\}\}", lambda found: escape(language.text(found[1])), html)
    return re.sub(r"/assets/([\w./-]+)", lambda found: address(found[1]), html)


def _catalog(language: Language) -> str:
    """Where the page's scripts find their texts."""
    if language is ENGLISH:
        return ""
    return f'<link rel="preload" href="/assets/languages/{language.tag}.json" as="fetch" crossorigin id="catalog">'


def _options(chosen: Language) -> str:
    return "".join(
        f'<option value="{each.tag}" lang="{each.tag}"{" selected" if each is chosen else ""}>{escape(each.name)}'
        for each in LANGUAGES.values()
    )


_HOME = {tag: Template(_page("home.html", language)) for tag, language in LANGUAGES.items()}
_REFERENCE = _page("reference.html", ENGLISH)
_DASHBOARD = {tag: _page("dashboard.html", language) for tag, language in LANGUAGES.items()}


def language_of(request: Request[Any, Any, Any], *others: str) -> Language:  # Any: Litestar's user, auth and state
    """The language of a page for the sender of a request. `others`: tags for those who accept none of ours."""
    accepted = request.headers.get("accept-language", "")
    return choose(accepted, *others, chosen=request.cookies.get(LANGUAGE_COOKIE))


def _origin(request: Request[object, object, State]) -> str:
    """Scheme and authority of the client's request, such as `http://localhost:8000`.

    The authority is the client's own `Host`. A malformed one might break out of the command line that shows it, so a
    placeholder replaces it."""
    called = f"{request.scope['scheme']}://{request.headers.get('host', '')}"
    return called if _ORIGIN.fullmatch(called) else "http://your-server"


def _asset_response(asset: Asset, request: Request[object, object, State], v: str | None) -> Response[bytes]:
    gzipped = asset.gzipped if accepts_gzip(request.headers.get("accept-encoding", "")) else None
    headers = {
        "ETag": asset.etag if gzipped is None else asset.gzip_etag,
        "Cache-Control": _IMMUTABLE if v == asset.digest else _REVALIDATE,
    }
    if asset.gzipped is not None:
        headers["Vary"] = "Accept-Encoding"
    if names_etag(request.headers.get("if-none-match", ""), headers["ETag"]):
        return Response(b"", status_code=304, headers=headers)
    if gzipped is not None:
        headers["Content-Encoding"] = "gzip"
    return Response(asset.body if gzipped is None else gzipped, headers=headers, media_type=asset.media_type)


class PagesController(Controller):
    path = "/"
    include_in_schema = False

    @get("/", media_type="text/html", opt=PUBLIC.opt)
    async def home(self, request: Request[object, object, State]) -> Response[str]:
        """The home page: what Guildhall is, whether it is ready, and links."""
        language = language_of(request)
        html = _HOME[language.tag].substitute(version=escape(VERSION), origin=escape(_origin(request)))
        return Response(html, media_type="text/html", headers={**_PAGE_HEADERS, **_BY_LANGUAGE})

    @get("/schema", media_type="text/html", opt=PUBLIC.opt)
    async def reference(self) -> Response[str]:
        """The API reference, drawn in the browser from `/schema/openapi.json`."""
        return Response(_REFERENCE, media_type="text/html", headers=_PAGE_HEADERS)

    @get("/dashboard", media_type="text/html", opt=PUBLIC.opt)
    async def dashboard(self, request: Request[object, object, State]) -> Response[str]:
        """The dashboard: an ordinary client of the API, which uses the session's cookie."""
        html = _DASHBOARD[language_of(request).tag]
        return Response(html, media_type="text/html", headers={**_DASHBOARD_HEADERS, **_BY_LANGUAGE})

    @get("/assets/{asset_path:path}", opt=PUBLIC.opt)
    async def asset(
        self,
        request: Request[object, object, State],
        asset_path: FromPath[str],
        v: FromQuery[str | None] = None,
    ) -> Response[bytes]:
        """A file of a page. With `v`, the digest of its content, clients may cache it for a year."""
        found = ASSETS.get(asset_path.removeprefix("/"))
        if found is None:
            raise NotFoundException(f"There is no file {asset_path} here.")
        return _asset_response(found, request, v)

    @get("/favicon.ico", opt=PUBLIC.opt)
    async def favicon(self, request: Request[object, object, State]) -> Response[bytes]:
        """The icon at its traditional address."""
        return _asset_response(ASSETS["favicon.ico"], request, None)
