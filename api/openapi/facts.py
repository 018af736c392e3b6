"""The facts about a route that its handler declares. The whole document is derived from them."""

import re
from collections.abc import Iterable, Iterator
from typing import get_args, get_origin

import msgspec
from litestar.handlers import HTTPRouteHandler
from litestar.response import Response, Stream
from litestar.response.base import ASGIResponse
from litestar.routes import BaseRoute, HTTPRoute

from api.accounts.rules import OWN, PEOPLES
from api.auth.scopes import Scope
from api.http.policy import RoutePolicy, policy_of
from api.http.requests import Plan, plan_of
from api.http.responses import JSON, MSGPACK, ApiResponse
from api.lib.encoded import Encoded
from api.lib.pagination import Page

METHODS = ("GET", "PUT", "PATCH", "POST", "DELETE")

# Answers 200 or 503 in a shape of its own, which is no problem document.
READINESS = "/health/ready"
PICTURES = {"png": "image/png", "webp": "image/webp", "svg": "image/svg+xml"}
# Needs no credential and does no I/O.
LIVENESS = "/health/live"


class Facts(msgspec.Struct, frozen=True):
    """One operation. `body` and `answer` are types, None if there is none. `policy` is the policy of its route."""

    path: str
    method: str
    name: str
    tags: tuple[str, ...]
    words: str
    path_parameters: tuple[str, ...]
    plan: Plan
    body: object
    answer: object
    answer_media_types: tuple[str, ...]
    statuses: tuple[int, ...]
    policy: RoutePolicy

    @property
    def scope(self) -> Scope | None:
        return self.policy.scope

    @property
    def files(self) -> tuple[str, ...]:
        """The media types of a body that is a file."""
        return self.policy.files

    @property
    def is_unsafe(self) -> bool:
        return self.method != "GET"

    @property
    def is_persons(self) -> bool:
        """Whether only a session can use it."""
        return self.policy.person

    @property
    def needs_credential(self) -> bool:
        return self.scope is not None or self.is_persons

    @property
    def serves_people(self) -> bool:
        """Whether a session can ever use it."""
        if self.is_persons or self.scope in OWN:
            return True
        return self.scope in PEOPLES and not self.policy.whole_installation and not self.policy.bots

    @property
    def is_conditional_read(self) -> bool:
        return self.method == "GET" and self.plan.is_conditional

    @property
    def takes_key(self) -> bool:
        """Whether it accepts an `Idempotency-Key`."""
        return self.method == "POST" and self.scope is not None and not self.policy.effect_free

    @property
    def is_stream(self) -> bool:
        """Whether the answer does not end."""
        return self.policy.streams

    @property
    def takes_if_match(self) -> bool:
        return self.plan.is_matched

    @property
    def is_page(self) -> bool:
        return get_origin(self.answer) is Page or "next_cursor" in getattr(self.answer, "__struct_fields__", ())


def read(routes: Iterable[BaseRoute]) -> list[Facts]:
    """Every operation of the document, by address and method; those under `/v1` come first."""
    found = [
        _facts(route, method, handler)
        for route in routes
        if isinstance(route, HTTPRoute)
        for handler in route.route_handlers
        if handler.resolve_include_in_schema()
        for method in _methods(handler)
    ]
    return sorted(found, key=lambda facts: (not facts.path.startswith("/v1"), facts.path, METHODS.index(facts.method)))


def _methods(handler: HTTPRouteHandler) -> Iterator[str]:
    return (str(getattr(method, "value", method)) for method in handler.http_methods)


def _facts(route: HTTPRoute, method: str, handler: HTTPRouteHandler) -> Facts:
    parameters = handler.parsed_fn_signature.parameters
    answer, negotiated = _answer(handler.parsed_fn_signature.return_type.annotation)
    policy = policy_of(handler)
    answer = policy.document or answer
    name = handler.handler_name
    media_type = str(getattr(handler.media_type, "value", handler.media_type) or JSON)
    if policy.picture:
        suffix = route.path_format.rpartition(".")[2]
        name, media_type = f"{name}_{suffix}", PICTURES[suffix]
    statuses = policy.statuses or (handler.status_code,)
    return Facts(
        path=route.path_format,
        method=method,
        name=name,
        tags=tuple(handler.resolve_tags()),
        words=handler.fn.__doc__ or "",
        path_parameters=tuple(re.findall(r"{(\w+)}", route.path_format)),
        plan=plan_of(handler),
        body=parameters["data"].annotation if "data" in parameters else None,
        answer=answer,
        answer_media_types=(JSON, MSGPACK) if negotiated else (media_type,),
        statuses=tuple(sorted(statuses)),
        policy=policy,
    )


def _answer(annotation: object) -> tuple[object, bool]:
    """The type of the answer, and whether the client may choose its media type."""
    if annotation is type(None):
        return None, False
    origin = get_origin(annotation)
    if origin in (ApiResponse, Encoded):
        return _answer(get_args(annotation)[0])  # one may hold the other
    if annotation is Stream or (isinstance(annotation, type) and issubclass(annotation, ASGIResponse)):
        return str, False
    if origin is Response:
        return get_args(annotation)[0], False
    return annotation, True
