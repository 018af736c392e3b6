"""Reads what comes in, after it is known who asks: media type, body, query, headers.

Every body is a msgspec struct, decoded straight from the bytes. Only when that fails is the
body read a second time, against the struct's JSON Schema, to tell all its faults at once.
"""

import re
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, unquote_to_bytes

import jsonschema_rs
import msgspec
from litestar.connection import ASGIConnection, Request
from litestar.handlers.base import BaseRouteHandler

from api.auth.actors import Actor, Credential
from api.errors import BadHeader, BodyTooLarge, Invalid, UnreadableBody, UnsupportedMediaType
from api.lib import etags, snowflakes
from api.lib.faults import Fault, ParameterFault
from api.lib.schema_faults import error_faults

DEPTH = 32
LARGEST_BODY = 1024 * 1024
REASON_CHARACTERS = 512

_UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_tokens = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[{]|[\]}]', re.DOTALL)
_control = re.compile(r"[\x00-\x1f\x7f]")


class GuildhallRequest(Request[Any, Any, Any]):  # Any: Litestar's user, auth and state are not used
    """A request whose body has been read by `read_input` when the handler asks for it."""

    async def body(self) -> bytes:
        return b"read" if "data" in self.scope["state"] else b""

    async def json(self) -> object:
        return self.scope["state"]["data"]

    async def raw_body(self) -> bytes:
        return await super().body()


async def read_input(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """415, then 400, 413, 422: what the handler will be given, or all that is wrong with it."""
    if handler.opt["scope"] is None:
        return
    state = connection.scope["state"]
    plan = plan_of(handler)
    if connection.scope["method"] in _UNSAFE:
        state["reason"] = _reason(connection)
    data_errors: list[Fault] = []
    if plan.body is not None:
        assert isinstance(connection, GuildhallRequest)
        try:
            state["data"] = await _read_body(connection, plan)
        except Invalid as invalid:
            data_errors = [fault for fault in invalid.errors if isinstance(fault, Fault)]
    query, query_errors = _read_query(connection, plan)
    if data_errors or query_errors:
        raise Invalid(errors=[*query_errors, *data_errors])
    state["query"] = query


class Plan(msgspec.Struct, frozen=True):
    """What a route takes in: the struct of its body, the struct of its query."""

    body: "BodyReader | None"
    query: type | None
    media_types: tuple[str, ...]
    optional_body: bool


class BodyReader:
    """Decodes one type of body, and explains what is wrong with one that does not fit."""

    def __init__(self, kind: type) -> None:
        self._kind = kind
        self._decode = msgspec.json.Decoder(kind, dec_hook=snowflakes.decode).decode

    def read(self, raw: bytes) -> object:
        """Raises `UnreadableBody`, `Invalid`."""
        if raw.count(b"[") + raw.count(b"{") > DEPTH and is_too_deep(raw):
            raise UnreadableBody(f"The body is nested more than {DEPTH} deep.")
        try:
            return self._decode(raw)
        except msgspec.ValidationError as error:
            raise Invalid(errors=self._explain(raw, error)) from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise UnreadableBody(f"The body is not readable JSON in UTF-8: {_cause(error)}.") from None

    def _explain(self, raw: bytes, error: msgspec.ValidationError) -> list[Fault]:
        try:
            value = msgspec.json.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as unreadable:
            raise UnreadableBody(f"The body is not readable JSON in UTF-8: {_cause(unreadable)}.") from None
        faults = {fault for found in _validator(self._kind).iter_errors(value) for fault in error_faults(found)}
        return sorted(faults) or [_first_fault(error)]


def is_too_deep(raw: bytes) -> bool:
    """Whether arrays and objects nest more than 32 deep, told without decoding."""
    depth = 0
    for token in _tokens.finditer(raw):
        first = raw[token.start()]
        if first in b"[{":
            depth += 1
            if depth > DEPTH:
                return True
        elif first in b"]}":
            depth -= 1
    return False


@cache
def plan_of(handler: BaseRouteHandler) -> Plan:
    """Worked out once for each handler, from its signature and `opt`."""
    parameters = handler.parsed_fn_signature.parameters
    kind = parameters["data"].annotation if "data" in parameters else None
    media_types = ["application/json"]
    if "merge_patch" in handler.opt:
        media_types.insert(0, "application/merge-patch+json")
    return Plan(
        body=None if kind is None else BodyReader(kind),
        query=parameters["params"].annotation if "params" in parameters else None,
        media_types=tuple(media_types),
        optional_body="optional_body" in handler.opt,
    )


@cache
def _validator(kind: type) -> jsonschema_rs.Draft202012Validator:
    schema = msgspec.json.schema(kind, schema_hook=snowflakes.schema)
    return jsonschema_rs.Draft202012Validator(schema, offline=True, validate_formats=True)


async def _read_body(request: GuildhallRequest, plan: Plan) -> object:
    assert plan.body is not None
    length = request.headers.get("content-length")
    if plan.optional_body and (length == "0" or (length is None and "transfer-encoding" not in request.headers)):
        return plan.body.read(b"{}")
    _check_media_type(request, plan)
    if length is not None and (not length.isascii() or not length.isdigit()):
        raise BadHeader("`Content-Length` is not a number.")
    if length is not None and int(length) > LARGEST_BODY:
        raise BodyTooLarge(f"The body is larger than {LARGEST_BODY} bytes.")
    return plan.body.read(await request.raw_body())


def _check_media_type(request: GuildhallRequest, plan: Plan) -> None:
    kind, parameters = request.content_type
    charset = parameters.get("charset", "utf-8").lower()
    if kind.lower() in plan.media_types and charset in {"utf-8", "utf8"}:
        return
    accepted = ", ".join(plan.media_types)
    header = "Accept-Patch" if request.method == "PATCH" else "Accept"
    raise UnsupportedMediaType(f"Send the body as {accepted}, in UTF-8.", headers={header: accepted})


def _read_query(connection: ASGIConnection[Any, Any, Any, Any], plan: Plan) -> tuple[object, list[ParameterFault]]:
    raw = connection.scope["query_string"]
    fields = {} if plan.query is None else _fields(plan.query)
    if not raw:
        return (None if plan.query is None else plan.query()), []
    values: dict[str, str] = {}
    faults = []
    for name, value in parse_qsl(raw.decode("latin-1"), keep_blank_values=True, errors="replace"):
        if name not in fields:
            faults.append(ParameterFault(name[:64], "is not a parameter of this route"))
        elif name in values:
            faults.append(ParameterFault(name, "is given more than once"))
        values[name] = value
    converted = {}
    for name, kind in fields.items():
        if name in values:
            try:
                converted[name] = _convert(values[name], kind)
            except msgspec.ValidationError as error:
                faults.append(ParameterFault(name, _first_fault(error).message))
    if faults or plan.query is None:
        return None, list(dict.fromkeys(faults))
    return msgspec.convert(converted, plan.query), []


@cache
def _fields(kind: type) -> dict[str, Any]:  # Any: a type, as typing writes it
    return {field.encode_name: field.type for field in msgspec.structs.fields(kind)}


def _convert(text: str, kind: Any) -> object:  # Any: a type, as typing writes it
    """The value of a query parameter: msgspec's lax conversion would take `1e3` and ` 7` for numbers."""
    if _control.search(text) or "�" in text:
        raise msgspec.ValidationError("has a character that no value has")
    try:
        return msgspec.convert(text, kind)
    except msgspec.ValidationError:
        if re.fullmatch(r"-?(0|[1-9][0-9]{0,18})|true|false", text, re.ASCII) is None:
            raise
        return msgspec.convert(text, kind, strict=False)


def _reason(connection: ASGIConnection[Any, Any, Any, Any]) -> str | None:
    header = connection.headers.get("x-audit-log-reason")
    if header is None:
        return None
    try:
        reason = unquote_to_bytes(header.encode("latin-1")).decode("utf-8")
    except UnicodeDecodeError:
        raise BadHeader("`X-Audit-Log-Reason` is not percent-encoded UTF-8.") from None
    if len(reason) > REASON_CHARACTERS:
        raise BadHeader(f"`X-Audit-Log-Reason` is longer than {REASON_CHARACTERS} characters.")
    if _control.search(reason):
        raise BadHeader("`X-Audit-Log-Reason` has a control character.")
    return reason or None


def _first_fault(error: msgspec.ValidationError) -> Fault:
    """msgspec's own message: `Expected …, got … - at `$.items[0].id``."""
    text, _, where = str(error).partition(" - at `")
    path = re.sub(r"\[(\d+|\.\.\.)\]", r".\1", where.rstrip("`").removeprefix("$").removeprefix("key in $"))
    return Fault(path.replace(".", "/") if path else "", text[:1].lower() + text[1:])


def _cause(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deep"
    if isinstance(error, UnicodeDecodeError):
        return "a byte is not UTF-8"
    return str(error).removeprefix("JSON is malformed: ")


def provide_actor(request: GuildhallRequest) -> Actor:
    """Who does this, for the services and the audit log."""
    state = request.scope["state"]
    credential: Credential = state["credential"]
    client = request.scope["client"]
    return Actor(
        kind="key",
        id=str(credential.id),
        reason=state.get("reason"),
        ip=client[0] if client else None,
        request_id=state["request_id"],
        credential=credential,
    )


def provide_query(request: GuildhallRequest) -> Any:  # Any: the struct that the handler declares
    """The query, as the handler's struct."""
    return request.scope["state"]["query"]


def provide_if_match(request: GuildhallRequest) -> frozenset[str] | None:
    """The tags of `If-Match`, None without the header. Raises `BadHeader`."""
    header = request.headers.get("if-match")
    if header is None:
        return None
    try:
        return etags.parse(header, weak=False)
    except etags.BadEtag:
        raise BadHeader("`If-Match` is not a list of entity tags, nor `*`.") from None
