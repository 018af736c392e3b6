"""Piccolo Admin's package, the extra `admin`: whether it is there, its application, and its scripts. It brings a
framework of its own, so it is loaded at the first request."""

from collections.abc import Awaitable, Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from api.admin.cookies import reads_token, with_prefix
from api.admin.entrance import Entrance
from api.config import Settings
from api.errors import GuildhallError

# Any: starlette has names of its own for the three arguments.
Site = Callable[[Any, Any, Any], Awaitable[None]]


class AdminNotInstalled(GuildhallError):
    status = 501
    type = "admin-not-installed"
    title = "Admin not installed"
    detail = (
        "This server has no Piccolo Admin yet: install its package with the extra `admin`, as docs/installing.md "
        "says, and start it again."
    )


def is_installed() -> bool:
    return find_spec("piccolo_admin") is not None


def load(settings: Settings, entrance: Entrance) -> Site:
    """The application. Raises `AdminNotInstalled`."""
    if not is_installed():
        raise AdminNotInstalled
    from api.admin.site import build

    return build(settings, entrance)


def read_scripts() -> dict[str, bytes]:
    """The page's scripts that read a cookie, by path, as they are with TLS."""
    package = find_spec("piccolo_admin")
    assert package is not None
    assert package.origin is not None
    folder = Path(package.origin).parent / "dist" / "assets"
    found = {f"/assets/{file.name}": file.read_bytes() for file in folder.glob("*.js")}
    return {path: with_prefix(script) for path, script in found.items() if reads_token(script)}
