"""The sender: sends one request to exactly the address that was checked, and reads only the status of the answer.

An HTTP client looks up a name again when it connects, and the name may then lead elsewhere. So the client gets the
address. It uses the name only for `Host` and for TLS, which verifies the certificate against it."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from api.webhooks.addresses import Reach, reach
from api.webhooks.resolving import Resolver
from api.webhooks.rules import Target, is_local, target

if TYPE_CHECKING:
    import httpx2

SECONDS = 10.0  # in total: look-up, connection, answer
MOST_TRIED = 2  # addresses of one name


class Outcome(NamedTuple):
    """The result of an attempt. `ok`: it arrived. `summary`: the status, or why there is none."""

    ok: bool
    summary: str


class NotAllowed(Exception):
    """The name leads to an address to which webhooks may not lead. `reach`: who is there."""

    def __init__(self, found: Reach) -> None:
        super().__init__(found)
        self.reach = found


def refuse_local(host: str, *, private: bool) -> None:
    """Raises `NotAllowed` for a name that does not exist on the internet, unless `private` ones are allowed."""
    if not private and is_local(host):
        raise NotAllowed(Reach.PRIVATE)


def refuse(ips: Sequence[str], *, private: bool) -> None:
    """Raises `NotAllowed` if an address of the name is not public. If `private` addresses are allowed, only for those
    with the reach `NEVER`."""
    worst = max(map(reach, ips), default=Reach.PUBLIC)
    if worst > (Reach.PRIVATE if private else Reach.PUBLIC):
        raise NotAllowed(worst)


class Sender:
    def __init__(self, resolver: Resolver, *, private: bool) -> None:
        """`private`: whether it may send to addresses that are not public."""
        self._resolver = resolver
        self._client: httpx2.AsyncClient | None = None
        self.private = private

    async def send(self, url: str, headers: Mapping[str, str], body: bytes, guild_id: int) -> Outcome:
        """Sends a POST. The name's look-up counts against the guild's share. Does not follow redirects: a redirect does
        not show that the event arrived."""
        where = target(url)
        if where is None:
            return Outcome(ok=False, summary="no address")
        try:
            async with asyncio.timeout(SECONDS):
                refuse_local(where.host, private=self.private)
                ips = await self._resolver.addresses(where.host, where.port, guild_id)
                refuse(ips, private=self.private)
                return await self._post(where, ips[:MOST_TRIED], headers, body)
        except TimeoutError:
            return Outcome(ok=False, summary=f"no answer within {SECONDS:.0f} s")
        except NotAllowed:
            return Outcome(ok=False, summary="it leads to an address that is not allowed")
        except (OSError, ValueError) as error:
            return Outcome(ok=False, summary=type(error).__name__)

    async def _post(self, where: Target, ips: Sequence[str], headers: Mapping[str, str], body: bytes) -> Outcome:
        import httpx2  # 140 ms, so only where there are webhooks

        client = self._client = self._client or _made_client()
        summary = "its name has no address"
        for ip in ips:
            request = client.build_request(
                "POST",
                f"{'https' if where.is_secure else 'http'}://{f'[{ip}]' if ':' in ip else ip}:{where.port}{where.path}",
                headers={**headers, "Host": where.authority},
                content=body,
                extensions={"sni_hostname": where.host},
            )
            try:
                answer = await client.send(request, stream=True)
            except httpx2.ConnectError as error:
                summary = _cause(error)
                continue
            except httpx2.HTTPError as error:
                return Outcome(ok=False, summary=_cause(error))
            await answer.aclose()
            return Outcome(ok=answer.is_success, summary=str(answer.status_code))
        return Outcome(ok=False, summary=summary)

    async def close(self) -> None:
        """Closes open connections."""
        if self._client is not None:
            await self._client.aclose()


def _made_client() -> "httpx2.AsyncClient":
    """It keeps no connection alive, because one to this address may belong to another name. It ignores proxies in the
    environment."""
    import httpx2  # the same

    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=0)
    return httpx2.AsyncClient(limits=limits, timeout=None, trust_env=False, headers={"Accept-Encoding": "identity"})


def _cause(error: BaseException) -> str:
    """The name of an error's innermost cause."""
    while (below := error.__cause__ or error.__context__) is not None:
        error = below
    return type(error).__name__
