"""Discord as we ask it: every call is bounded in time and size, and what goes wrong is one of three errors."""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, TypeVar
from urllib.parse import urlencode

import msgspec
import structlog

from api.errors import DiscordAway
from api.lib import snowflakes
from api.lib.version import VERSION

if TYPE_CHECKING:
    import httpx2

log = structlog.get_logger("guildhall.discord")

SECONDS = 5.0  # for a whole call
CONNECT_SECONDS = 2.0
WAIT_SECONDS = 1.0  # for one of the connections
CONNECTIONS = 20
LARGEST_ANSWER = 2 * 1024 * 1024
LONGEST_PAUSE = 600.0
REMEMBERED_PAUSES = 10_000

SCOPES = "identify guilds guilds.members.read"

T = TypeVar("T")


class GrantRefused(Exception):
    """Discord does not take this code or token: it was used, has ended, or was revoked."""


class NotAMember(Exception):
    """The person is not in this guild."""


# Goes into a header as it is.
Opaque = Annotated[str, msgspec.Meta(pattern=r"\A[\x21-\x7e]{1,2048}\Z")]


class Token(msgspec.Struct, frozen=True):
    """What Discord gives for a code, or for a refresh token. `expires_in`: seconds."""

    access_token: Opaque
    refresh_token: Opaque
    expires_in: Annotated[float, msgspec.Meta(ge=0, le=1e9)]
    scope: str = ""


class Person(msgspec.Struct, frozen=True):
    """Of `/users/@me` what we keep."""

    id: str
    username: str
    global_name: str | None = None
    avatar: str | None = None


class PartialGuild(msgspec.Struct, frozen=True):
    """A guild as `/users/@me/guilds` lists it. `permissions`: a number as a text, for it may have more than 53 bits."""

    id: str
    name: str
    icon: str | None = None
    owner: bool = False
    permissions: str = "0"


class Membership(msgspec.Struct, frozen=True):
    """Of a guild's member the ids of the roles."""

    roles: list[str]


class _Limited(msgspec.Struct, frozen=True):
    retry_after: float = 1.0
    is_global: bool = msgspec.field(default=False, name="global")


class Discord:
    def __init__(
        self,
        *,
        api_url: str,
        authorize_url: str,
        client_id: str,
        client_secret: str,
        transport: "httpx2.AsyncBaseTransport | None" = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`api_url` ends without a slash. `transport`: instead of real connections."""
        import httpx2  # an eighth of a second: only for who has a log-in

        self._http = httpx2.AsyncClient(
            transport=transport,
            timeout=httpx2.Timeout(SECONDS, connect=CONNECT_SECONDS, pool=WAIT_SECONDS),
            limits=httpx2.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS),
            follow_redirects=False,
            trust_env=False,
            headers={"User-Agent": f"Guildhall/{VERSION}", "Accept": "application/json"},
        )
        self._failures = (httpx2.HTTPError, httpx2.InvalidURL, httpx2.CookieConflict)
        self._api_url = api_url.rstrip("/")
        self._authorize_url = authorize_url
        self._client = (client_id, client_secret)
        self._monotonic = monotonic
        self._paused: dict[str, float] = {}

    async def close(self) -> None:
        await self._http.aclose()

    def authorize_url(self, *, state: str, challenge: str, redirect_uri: str) -> str:
        """Where the person says yes. `challenge`: PKCE's, by S256."""
        query = {
            "response_type": "code",
            "client_id": self._client[0],
            "scope": SCOPES,
            "state": state,
            "redirect_uri": redirect_uri,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            "prompt": "none",
        }
        return f"{self._authorize_url}?{urlencode(query)}"

    async def exchange(self, *, code: str, verifier: str, redirect_uri: str) -> Token:
        """Raises `GrantRefused`, `DiscordAway`."""
        return await self._token(
            {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri, "code_verifier": verifier}
        )

    async def refresh(self, refresh_token: str) -> Token:
        """The next token; this one is used up. Raises `GrantRefused`, `DiscordAway`."""
        return await self._token({"grant_type": "refresh_token", "refresh_token": refresh_token})

    async def revoke(self, token: str) -> None:
        """Ends a token and all that belongs to it. Of one that has ended it is no error. Raises `DiscordAway`."""
        form = {"token": token, "token_type_hint": "refresh_token"}
        status, _ = await self._call("POST", "/oauth2/token/revoke", "client", form=form)
        if status not in (200, 204, 400):
            raise DiscordAway

    async def person(self, token: str) -> Person:
        """Who has this token. Raises `GrantRefused`, `DiscordAway`."""
        found = await self._get("/users/@me", token, Person)
        if not snowflakes.is_snowflake(found.id):
            raise DiscordAway
        return found

    async def guilds(self, token: str, user_id: int) -> list[PartialGuild]:
        """All guilds of the person: a person is in 200 at most. Raises `GrantRefused`, `DiscordAway`."""
        return await self._get("/users/@me/guilds", token, list[PartialGuild], query="?limit=200", who=str(user_id))

    async def role_ids(self, token: str, user_id: int, guild_id: int) -> frozenset[int]:
        """The person's roles in a guild. Raises `NotAMember`, `GrantRefused`, `DiscordAway`."""
        found = await self._get(f"/users/@me/guilds/{guild_id}/member", token, Membership, who=str(user_id))
        return frozenset(id_ for text in found.roles if (id_ := snowflakes.parse(text)) is not None)

    async def _token(self, form: Mapping[str, str]) -> Token:
        status, body = await self._call("POST", "/oauth2/token", "client", form=form)
        if status in (400, 401):
            if b"invalid_client" in body:
                log.error(
                    "Discord rejects the client: check GUILDHALL_DISCORD_CLIENT_ID and GUILDHALL_DISCORD_CLIENT_SECRET"
                )
                raise DiscordAway
            raise GrantRefused
        if status != 200:
            raise DiscordAway
        return _decoded(body, Token)

    async def _get(self, path: str, token: str, kind: type[T], *, query: str = "", who: str = "") -> T:
        status, body = await self._call("GET", path + query, f"{path} {who}", token=token)
        if status == 401:
            raise GrantRefused
        if status in (403, 404) and path.endswith("/member"):
            raise NotAMember
        if status != 200:
            raise DiscordAway
        return _decoded(body, kind)

    async def _call(
        self, method: str, path: str, bucket: str, *, token: str | None = None, form: Mapping[str, str] | None = None
    ) -> tuple[int, bytes]:
        """Status and body. `bucket`: what Discord counts together. Raises `DiscordAway`, without a call while a
        rate limit of Discord lasts."""
        self._refuse_paused(bucket)
        arguments: dict[str, Any] = {"auth": self._client}  # Any: httpx2's own
        if token is not None:
            arguments = {"headers": {"Authorization": f"Bearer {token}"}}
        if form is not None:
            arguments["data"] = dict(form)
        try:
            async with (
                asyncio.timeout(SECONDS),  # httpx2's own are for each piece: a trickle would go on for ever
                self._http.stream(method, self._api_url + path, **arguments) as response,
            ):
                body = bytearray()
                async for chunk in response.aiter_bytes():
                    body += chunk
                    if len(body) > LARGEST_ANSWER:
                        raise DiscordAway
        except (TimeoutError, *self._failures) as error:
            log.warning("Discord cannot be reached", path=bucket.partition(" ")[0], error=type(error).__name__)
            raise DiscordAway from error
        if response.status_code == 429:
            self._pause(bucket, response.headers, bytes(body))
            self._refuse_paused(bucket)
        if response.status_code >= 500:
            log.warning("Discord fails", path=bucket.partition(" ")[0], status=response.status_code)
            raise DiscordAway
        return response.status_code, bytes(body)

    def _pause(self, bucket: str, headers: Mapping[str, str], body: bytes) -> None:
        """Notes how long Discord wants to be left alone, for this bucket or altogether."""
        try:
            limited = msgspec.json.decode(body, type=_Limited)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            limited = _Limited()  # what stands before Discord answers in HTML; its header counts all the same
        header = headers.get("retry-after", "")
        seconds = max(limited.retry_after, float(header) if header.isdigit() else 0.0)
        everything = limited.is_global or "x-ratelimit-global" in headers
        log.warning("Discord asked for a pause", seconds=seconds, everything=everything)
        now = self._monotonic()
        if len(self._paused) >= REMEMBERED_PAUSES:
            self._paused = {name: until for name, until in self._paused.items() if until > now}
        self._paused["" if everything else bucket] = now + min(max(seconds, 0.1), LONGEST_PAUSE)

    def _refuse_paused(self, bucket: str) -> None:
        until = max(self._paused.get(bucket, 0.0), self._paused.get("", 0.0))
        if (left := until - self._monotonic()) > 0:
            raise DiscordAway(retry_after=int(left) + 1)


def _decoded(body: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        log.warning("Discord's answer does not match its documentation", error=str(error)[:200])
        raise DiscordAway from error
