"""The URL of a webhook, checked when it is set."""

import asyncio

from api.errors import Invalid
from api.lib.faults import Fault
from api.webhooks.addresses import Reach
from api.webhooks.resolving import Resolver
from api.webhooks.rules import Target, target
from api.webhooks.sending import NotAllowed, refuse, refuse_local

RESOLVE_SECONDS = 1.0

_NO_ADDRESS = (
    "is no address that can be sent to: http or https, no user in it, and as its host a name without a dot at its end,"
    " four decimal numbers, or an IPv6 address without a zone"
)
_REFUSED = {
    Reach.PRIVATE: "leads to an address that is not public, as GUILDHALL_WEBHOOK_PRIVATE_ADDRESSES=true would allow",
    Reach.NEVER: "leads to an address that no webhook may lead to: link-local, unspecified, multicast or a cloud's own",
}


def parsed(url: str) -> Target:
    """The target of a URL. Raises `Invalid` if nothing can be sent to it."""
    where = target(url)
    if where is None:
        raise Invalid(errors=[Fault("/url", _NO_ADDRESS)])
    return where


async def refuse_url(url: str, guild_id: int, resolver: Resolver, *, private: bool) -> None:
    """Raises `Invalid` for a URL to which nothing can be sent. An unknown name is allowed: each delivery resolves it
    again."""
    where = parsed(url)
    try:
        refuse_local(where.host, private=private)
        async with asyncio.timeout(RESOLVE_SECONDS):
            ips = await resolver.addresses(where.host, where.port, guild_id)
        refuse(ips, private=private)
    except NotAllowed as refused:
        raise Invalid(errors=[Fault("/url", _REFUSED[refused.reach])]) from None
    except UnicodeError:
        raise Invalid(errors=[Fault("/url", "has a name that cannot be looked up")]) from None
    except OSError:  # also TimeoutError: the name is unknown now
        return
