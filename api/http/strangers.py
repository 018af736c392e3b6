"""Strangers: authenticates outside the framework, at an address that was refused too often or where no route
matched."""

import re
from collections.abc import Callable, Iterable

from litestar.routes import BaseRoute, HTTPRoute
from litestar.types import HTTPScope

from api.auth.actors import Credential
from api.auth.keyring import Keyring
from api.auth.sessions import Session, Sessions
from api.errors import GuildhallError, TooManyRequests, Unauthorized
from api.http.budgets import address_of
from api.http.context import context_of
from api.http.policy import is_public
from api.http.rate_limits import Limiter

# Refusals under these paths count against an address: guessed keys, and guessed routes without a credential.
COUNTED = ("/v1/", "/auth/")


class Strangers:
    """Recognizes requests without a valid credential. A valid key or session is admitted, whatever its address did."""

    def __init__(
        self,
        keyring: Keyring,
        sessions: Sessions,
        anywhere: Callable[[Session], Credential] | None,
        limiter: Limiter,
        is_public: Callable[[str], bool],
    ) -> None:
        """`anywhere`: the credential of a session, None where nobody can log in. `is_public`: whether a path needs no
        credential."""
        self._keyring = keyring
        self._sessions = sessions
        self._anywhere = anywhere
        self._limiter = limiter
        self._is_public = is_public

    async def refuse(self, scope: HTTPScope) -> None:
        """Raises `TooManyRequests` for an address that was refused too often, if the request has no valid credential. A
        public page is served to requests that show none."""
        if not self._limiter.is_spent(scope):
            return
        try:
            if await self._credential(scope) is not None or self._is_public(scope["path"]):
                return
        except Unauthorized:
            pass
        raise self._limiter.refusal_of(scope)

    async def recognize(self, scope: HTTPScope) -> None:
        """Notes a valid credential that no route asked for, and counts the request against its budget."""
        try:
            credential = await self._credential(scope)
        except GuildhallError:
            return
        if credential is None:
            return
        context_of(scope).credential = credential
        try:
            await self._limiter.spend(scope, credential)
        except TooManyRequests:
            return  # the next one is refused, whatever its path

    async def _credential(self, scope: HTTPScope) -> Credential | None:
        """None if the request shows none. Raises `Unauthorized`, `Unavailable`."""
        address = address_of(scope)
        if (authorization := header(scope, b"authorization")) is not None:
            return await self._keyring.authenticate(authorization.decode("latin-1"), address)
        cookie, sessions = header(scope, b"cookie"), self._sessions
        token = sessions.token_of(None if cookie is None else cookie.decode("latin-1"))
        if token is None or self._anywhere is None:
            return None
        return self._anywhere(await sessions.authenticate(token, address))


def header(scope: HTTPScope, name: bytes) -> bytes | None:
    """The value of a header that is there exactly once."""
    given = [value for found, value in scope["headers"] if found == name]
    return given[0] if len(given) == 1 else None


def public_paths(routes: Iterable[BaseRoute]) -> Callable[[str], bool]:
    """Returns a function: whether one of these routes serves a path publicly."""
    templates = [
        route.path_format
        for route in routes
        if isinstance(route, HTTPRoute) and any(map(is_public, route.route_handlers))
    ]
    counted = [template for template in templates if f"{template}/".startswith(COUNTED)]
    pattern = "|".join(re.sub(r"\\\{[^/]*\\\}", "[^/]+", re.escape(template)) for template in counted)
    matches = re.compile(pattern).fullmatch
    return lambda path: matches(path.rstrip("/")) is not None
