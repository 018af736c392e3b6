"""Request parsing, after authorization: media type, body, query, headers."""

from functools import cache
from ipaddress import ip_address
from typing import Any

import msgspec
from litestar.connection import Request
from litestar.enums import HttpMethod
from litestar.handlers.base import BaseRouteHandler
from litestar.response import Response
from litestar.routes import HTTPRoute

from api.auth.actors import Actor
from api.errors import BodyTooLarge, Invalid, UnreadableBody, UnsupportedMediaType
from api.http import headers
from api.http.bodies import MOST_VALUES, BodyReader
from api.http.context import UNREAD, context_of
from api.http.idempotency import claimed, idempotency_key
from api.http.parameters import read_query
from api.http.policy import policy_of
from api.idempotency.claims import Claim
from api.lib.etags import Preconditions
from api.lib.faults import Fault
from api.lib.in_thread import in_thread

_UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})


class GuildhallRequest(Request[Any, Any, Any]):  # Any: Litestar's user, auth and state are not used
    """A request whose body `read_input` has read before the handler asks for it."""

    async def body(self) -> bytes:
        return b"" if context_of(self.scope).data is UNREAD else b"read"

    async def json(self) -> object:
        return context_of(self.scope).data

    async def raw_body(self, largest: int) -> bytes:
        """The raw bytes. Raises `BodyTooLarge` as soon as there are more than `largest`."""
        chunks, size = [], 0
        while True:
            message = await self.receive()
            if message["type"] != "http.request":
                raise UnreadableBody("The connection ended before the body did.")
            chunks.append(message["body"])
            size += len(message["body"])
            if size > largest:
                raise _too_large(largest)
            if not message["more_body"]:
                return b"".join(chunks)

    @property
    def actor(self) -> Actor:
        """The actor, for services and the audit log. A property, because two dependencies of a handler cost a task
        group: 80 µs of each request."""
        context = context_of(self.scope)
        credential = context.caller
        person = credential.user_id
        return Actor(
            kind="key" if person is None else "user",
            id=str(credential.id if person is None else person),
            reason=context.reason,
            ip=self.address,
            request_id=context.request_id,
            credential=credential,
            claim=context.claim,
        )

    @property
    def claim(self) -> Claim | None:
        """The claim under which to store the answer; None without one."""
        return context_of(self.scope).claim

    @property
    def address(self) -> str | None:
        """The client's address. None if a proxy passed on something else."""
        client = self.scope["client"]
        return _address(client[0]) if client else None

    @property
    def preconditions(self) -> Preconditions | None:
        """The preconditions of a change; None without any."""
        return context_of(self.scope).preconditions


async def parse(request: GuildhallRequest) -> Response[Any] | None:
    """Runs after the guard and before every handler: validates the input, and looks for a stored answer."""
    if request.method == HttpMethod.OPTIONS:
        return Response(None, status_code=204, headers={"Allow": ", ".join(_methods(request))})
    handler = request.route_handler
    policy = policy_of(handler)
    if policy.is_public and not policy.reads_query:
        return None
    raw = await read_input(request, handler)
    if request.method == HttpMethod.POST and policy.scope is not None and not policy.effect_free:
        return await claimed(request, handler, raw)
    return None


def _methods(request: GuildhallRequest) -> set[str]:
    """The methods of this path. Litestar's own 405 knows those of one handler only."""
    template = request.scope["path_template"]
    routes = (route for route in request.app.routes if isinstance(route, HTTPRoute) and route.path_format == template)
    return {str(method) for route in routes for handler in route.route_handlers for method in handler.http_methods}


async def read_input(connection: GuildhallRequest, handler: BaseRouteHandler) -> bytes:
    """Parses in this order: 415, 400, 413, 422 with all faults. Returns the body."""
    context = context_of(connection.scope)
    plan = plan_of(handler)
    if has_body := plan.body is not None and not (plan.optional_body and _is_empty(connection)):
        _check_media_type(connection, plan)
    _read_headers(connection, plan)
    data_errors: list[Fault] = []
    raw = b""
    if plan.body is not None:
        try:
            raw = await _read_body(connection, plan) if has_body else b"{}"
            context.data = await in_thread(len(raw), plan.body.read, raw)
        except Invalid as invalid:
            data_errors = [fault for fault in invalid.errors if isinstance(fault, Fault)]
    query, query_errors = read_query(connection.scope["query_string"], plan.query)
    if data_errors or query_errors:
        raise Invalid(errors=[*query_errors, *data_errors])
    context.query = query
    return raw


class Plan(msgspec.Struct, frozen=True):
    """The structs of a route's body and query."""

    body: BodyReader | None
    query: type | None
    media_types: tuple[str, ...]
    optional_body: bool
    is_matched: bool
    is_conditional: bool
    largest_body: int


@cache
def plan_of(handler: BaseRouteHandler) -> Plan:
    """The plan of a handler, computed once from its signature and `opt`."""
    parameters = handler.parsed_fn_signature.parameters
    kind = parameters["data"].annotation if "data" in parameters else None
    media_types = ["application/json"]
    policy = policy_of(handler)
    if policy.merge_patch:
        media_types.insert(0, "application/merge-patch+json")
    return Plan(
        body=None
        if kind is None
        else BodyReader(kind, policy.deep_member, policy.most_values or MOST_VALUES, mends_names=policy.mends_names),
        query=parameters["params"].annotation if "params" in parameters else None,
        media_types=tuple(media_types),
        optional_body=policy.optional_body,
        is_matched=policy.if_match,
        is_conditional=policy.conditional,
        largest_body=policy.largest_body,
    )


def _is_empty(request: GuildhallRequest) -> bool:
    length = request.headers.get("content-length")
    return length == "0" or (length is None and "transfer-encoding" not in request.headers)


def _read_headers(request: GuildhallRequest, plan: Plan) -> None:
    context, given = context_of(request.scope), request.headers
    if request.method in _UNSAFE:
        context.reason = headers.reason(given.get("x-audit-log-reason"))
        context.idempotency_key = idempotency_key(request)
    if plan.is_matched:
        context.preconditions = headers.preconditions(given)
    elif plan.is_conditional and request.method == "GET":
        headers.entity_tags("If-None-Match", given, weak=True)


async def _read_body(request: GuildhallRequest, plan: Plan) -> bytes:
    length = headers.content_length(request.headers.get("content-length"))
    if length is not None and length > plan.largest_body:
        raise _too_large(plan.largest_body)
    return await request.raw_body(plan.largest_body)


def _too_large(largest: int) -> BodyTooLarge:
    return BodyTooLarge(f"The body is larger than {largest} bytes.")


def refuse_encoded(request: GuildhallRequest) -> None:
    """Raises `UnsupportedMediaType` for a compressed body, whose real size has no bound."""
    if request.headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}:
        sentence = "Send the body as it is, without a `Content-Encoding`."
        raise UnsupportedMediaType(sentence, headers={"Accept-Encoding": "identity"})


def _check_media_type(request: GuildhallRequest, plan: Plan) -> None:
    refuse_encoded(request)
    kind, parameters = request.content_type
    charset = parameters.get("charset", "utf-8").lower()
    if kind.lower() in plan.media_types and charset in {"utf-8", "utf8"}:
        return
    accepted = ", ".join(plan.media_types)
    header = "Accept-Patch" if request.method == "PATCH" else "Accept"
    raise UnsupportedMediaType(f"Send the body as {accepted}, in UTF-8.", headers={header: accepted})


def _address(host: str) -> str | None:
    """The address of a request. None if a proxy passed on something that is no address."""
    try:
        return str(ip_address(host))
    except ValueError:
        return None


def provide_query(request: GuildhallRequest) -> Any:  # Any: the struct that the handler declares
    """The query, as the handler's struct."""
    return context_of(request.scope).query
