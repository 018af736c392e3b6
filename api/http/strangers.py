"""Who asks, told before the framework is: where an address has been refused too often, and where no route was."""

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

# Under these paths refusals count against an address: guesses at keys, and at routes by nobody.
COUNTED = ("/v1/", "/auth/")


class Strangers:
    """Tells who is none. A good key or session is looked up, and comes in whatever its address did."""

    def __init__(
        self,
        keyring: Keyring,
        sessions: Sessions,
        anywhere: Callable[[Session], Credential] | None,
        limiter: Limiter,
        is_public: Callable[[str], bool],
    ) -> None:
        """`anywhere`: the credential of a session, None where nobody can log in; `is_public`: whether a path is served
        without credentials."""
        self._keyring = keyring
        self._sessions = sessions
        self._anywhere = anywhere
        self._limiter = limiter
        self._is_public = is_public

    async def refuse(self, scope: HTTPScope) -> None:
        """Raises `TooManyRequests` for an address that was refused too often, after it is known that who asks has no
        good credential; a public page is shown to those who show none."""
        if not self._limiter.is_spent(scope):
            return
        try:
            if await self._credential(scope) is not None or self._is_public(scope["path"]):
                return
        except Unauthorized:
            pass
        raise self._limiter.refusal_of(scope)

    async def recognize(self, scope: HTTPScope) -> None:
        """Notes a good credential of a request that no route asked for one, and takes the request off its budget."""
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
            return  # the next one is refused, whatever it asks for

    async def _credential(self, scope: HTTPScope) -> Credential | None:
        """None where none is shown. Raises `Unauthorized`, `Unavailable`."""
        address = address_of(scope)
        if (authorization := header(scope, b"authorization")) is not None:
            return await self._keyring.authenticate(authorization.decode("latin-1"), address)
        cookie, sessions = header(scope, b"cookie"), self._sessions
        token = sessions.token_of(None if cookie is None else cookie.decode("latin-1"))
        if token is None or self._anywhere is None:
            return None
        return self._anywhere(await sessions.authenticate(token, address))


def header(scope: HTTPScope, name: bytes) -> bytes | None:
    """A header's value, where it is there once."""
    given = [value for found, value in scope["headers"] if found == name]
    return given[0] if len(given) == 1 else None


def public_paths(routes: Iterable[BaseRoute]) -> Callable[[str], bool]:
    """Tells of a path whether one of these routes serves it to everybody."""
    templates = [
        route.path_format
        for route in routes
        if isinstance(route, HTTPRoute) and any(map(is_public, route.route_handlers))
    ]
    counted = [template for template in templates if f"{template}/".startswith(COUNTED)]
    pattern = "|".join(re.sub(r"\\\{[^/]*\\\}", "[^/]+", re.escape(template)) for template in counted)
    matches = re.compile(pattern).fullmatch
    return lambda path: matches(path.rstrip("/")) is not None
