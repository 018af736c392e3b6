"""The first administrator and the first key, and the commands about administrators."""

import contextlib
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import asyncpg
import msgspec

from api.auth import scopes
from api.auth.actors import system
from api.config import Settings
from api.errors import NotFound
from api.keys.dtos import CreateKey
from api.runtime.lifespan import connected
from api.services import Services
from tables.admin import AdminSecondFactor, AdminUser
from tables.auth import ApiKey

FIRST_ADMIN = "admin"
FIRST_KEY = "first key"


class NameTaken(ValueError):
    """An administrator with that name exists already."""


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Services]:
    """The services for a short command."""
    settings = msgspec.structs.replace(settings, pool_size=2, acquire_timeout_ms=5000)
    services = Services(settings)
    async with connected(services, settings):
        yield services


async def make_first(settings: Settings, show: Callable[[str], None]) -> str | None:
    """Creates the first administrator and the first key if there are none. Returns the key. `show` gets each secret as
    soon as it is made, because secrets are not stored. A second call does nothing."""
    async with opened(settings) as services:
        no_admin, no_key = not await AdminUser.exists(), not await ApiKey.exists()
        if no_admin:
            # A simultaneous first start may have made the administrator, and shown the password there.
            with contextlib.suppress(NameTaken):
                show(f"  First admin               {FIRST_ADMIN}, password {await create_admin(FIRST_ADMIN)}")
        if not no_key:
            return None
        data = CreateKey(name=FIRST_KEY, scopes=sorted(scopes.ALL), rate_limit=None)
        key = str((await services.keys.create(system("first start"), data)).secret)
        show(f"  First key                 {key}")
        show("  Each secret is shown only once. More: guildhall keys create, guildhall admins create")
        return key


async def create_admin(name: str, password: str | None = None) -> str:
    """Creates an administrator and returns the password. Raises `NameTaken`, and `ValueError` for an invalid name or
    password."""
    password = password or secrets.token_urlsafe(12)
    try:
        await AdminUser.create_user(
            username=name,
            password=password,
            email=f"{name}@localhost",
            active=True,
            admin=True,
            superuser=True,
        )
    except asyncpg.UniqueViolationError:
        raise NameTaken(f"There is already an administrator named {name}.") from None
    return password


async def reset_admin(name: str, password: str | None = None, *, second_factor: bool = False) -> str:
    """Sets a new password for an administrator, ends their sessions, and with `second_factor` turns off their second
    factor. Returns the password. Raises `NotFound`, and `ValueError` for an invalid password."""
    password = password or secrets.token_urlsafe(12)
    await _refuse_unknown(name)
    await AdminUser.update_password(name, password)
    if second_factor:
        row = await AdminUser.select(AdminUser.id).where(AdminUser.username == name).first()
        await AdminSecondFactor.delete().where(AdminSecondFactor.user_id == (row or {"id": 0})["id"])
    return password


async def delete_admin(name: str) -> None:
    """Deletes an administrator and ends their sessions. Raises `NotFound`, also at a second call."""
    await _refuse_unknown(name)
    await AdminUser.delete_user(name)


async def _refuse_unknown(name: str) -> None:
    if not await AdminUser.exists().where(AdminUser.username == name):
        raise NotFound(f"There is no administrator named {name}.")
