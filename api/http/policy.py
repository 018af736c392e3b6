"""Route policies: what a route requires and reads, and what its answer carries. Each is declared at its route.
Authorization, parsing, responses and the OpenAPI document read it."""

from dataclasses import KW_ONLY, dataclass
from typing import Any

from litestar.handlers.base import BaseRouteHandler

from api.auth.scopes import Scope

LARGEST_BODY = 1024 * 1024

_NAME = "policy"


@dataclass(frozen=True, slots=True)
class RoutePolicy:
    """The policy of one route. Without `scope` and `person` it is public."""

    scope: Scope | None = None
    _: KW_ONLY
    person: bool = False  # for people who are logged in, not for bots
    bots: bool = False  # for keys, not for people
    token: bool = False  # public, but protected by a token of its own
    whole_installation: bool = False  # not for a key with a list of guilds
    creates_guild: bool = False  # the guild in the path need not exist
    creates_module: bool = False
    deleted: bool = False  # the achievement in the path may be deleted
    finds_key: bool = False  # the key in the address is looked up before the body is read
    finds_webhook: bool = False
    seconds: float | None = None  # its own deadline
    reads_query: bool = False  # for a public route: its query is checked
    by_address: bool = False  # each address has a budget for it
    largest_body: int = LARGEST_BODY
    most_values: int | None = None  # in the body, if more than usual
    mends_names: bool = False  # the body has names from Discord: halves of surrogate pairs are no fault
    deep_member: str | None = None  # of the body: 422 instead of 400 if it nests too deep
    optional_body: bool = False
    merge_patch: bool = False
    files: tuple[str, ...] = ()  # media types of a body that is a file
    if_match: bool = False
    effect_free: bool = False  # for a POST: it stores nothing, so its answer is not stored either
    conditional: bool = False  # answers carry an entity tag
    personal: bool = False  # answers are about people: no browser may store them
    conflicts: bool = False  # may answer 409
    login_fails: bool = False  # may answer 502 or 503, because of Discord
    statuses: tuple[int, ...] = ()  # for a route with two
    picture: bool = False  # answers are pictures, of the format that the address ends with
    draws: bool = False  # may answer 501: pictures are not installed
    streams: bool = False  # the answer does not end
    document: Any = None  # Any: a type, the shape of an answer that is sent in pieces

    @property
    def is_public(self) -> bool:
        return self.scope is None and not self.person

    @property
    def opt(self) -> dict[str, object]:
        """The policy in the form of a route's `opt`."""
        return {_NAME: self}


PUBLIC = RoutePolicy()


def policy_of(handler: BaseRouteHandler) -> RoutePolicy:
    """The declared policy. Raises `KeyError` if there is none, so such a route serves nobody."""
    found: RoutePolicy = handler.opt[_NAME]
    return found


def is_public(handler: BaseRouteHandler) -> bool:
    """Whether the handler is declared public. The framework's own OPTIONS handlers declare nothing."""
    return _NAME in handler.opt and policy_of(handler).is_public
