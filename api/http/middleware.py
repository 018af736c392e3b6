"""The outermost middleware: what applies to every request. A framework's own middleware does not run where no route
matches.

Request id, HEAD, the deadline, security headers, the access log, metrics, and the last handler of exceptions."""

import asyncio
import time

import msgspec
import structlog
from litestar.enums import HttpMethod, ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from api.errors import GuildhallError, Overloaded
from api.http.admission import Admission
from api.http.budgets import Headers
from api.http.connections import Connections
from api.http.context import RequestContext, start_context
from api.http.fast_path import FastPath
from api.http.headers import with_head
from api.http.hosts import refuse_ambiguous
from api.http.problems import MEDIA_TYPE, classify, problem
from api.http.proxy_notice import ProxyNotice
from api.http.rate_limits import Limiter
from api.http.request_ids import request_id
from api.http.responses import BytesResponse
from api.http.security_headers import POLICY, SAME_ORIGIN, of_every_answer
from api.http.strangers import COUNTED, Strangers
from api.lib import tracing
from api.lib.descriptors import MOST_CONNECTIONS
from api.lib.flood import Flood
from api.lib.metrics import Metrics

access_log = structlog.get_logger("guildhall.access")
log = structlog.get_logger("guildhall.http")

# Not in the access log: probes, every few seconds.
_QUIET = frozenset({"/health/live", "/health/ready", "/metrics"})


# Anybody can cause these by sending too much. The log takes a bounded number of such lines a second.
_TURNED_AWAY = frozenset({429, 503})
_flood = Flood("refused requests")

# Statuses that count against the address, unless the request had a valid credential.
_REFUSED = frozenset({401, 404, 405})


GONE = 499  # only in log and metrics: the client was gone before any work was done for it


def _is_never_gone() -> bool:
    return False


class OutermostMiddleware:
    """An ASGI application around another one."""

    def __init__(
        self,
        app: ASGIApp,
        metrics: Metrics,
        *,
        timeout: float,
        https: bool,
        fast_path: FastPath | None = None,
        limiter: Limiter | None = None,
        most_connections: int = MOST_CONNECTIONS,
        strangers: Strangers | None = None,
        proxies: ProxyNotice | None = None,
        admission: Admission | None = None,
    ) -> None:
        """`timeout`: seconds for one request. `https`: whether clients reach us by TLS."""
        self._app = app
        self._fast_path = fast_path
        self._limiter = limiter
        self._strangers = strangers
        self._proxies = proxies
        self._metrics = metrics
        self._timeout = timeout
        self._headers = of_every_answer(https=https)
        self.connections = Connections(
            metrics, most=most_connections, headers=self._headers, admission=admission or Admission()
        )

    def headers_beside(self, names: set[bytes]) -> Headers:
        """The headers of every answer, but for the one that an answer which others may embed brings itself."""
        if SAME_ORIGIN[0] not in names:
            return self._headers
        return [header for header in self._headers if header != SAME_ORIGIN]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.HTTP:
            exchange = _Exchange(self, scope, send)
            if not tracing.is_on():
                await exchange.run(receive)
                return
            with tracing.request(scope["headers"], exchange):
                await exchange.run(receive)
        else:
            await self._app(scope, receive, send)


class _Exchange:
    """One request and its answer."""

    __slots__ = ("_context", "_head", "_middleware", "_request_id", "_scope", "_send", "_started", "status")

    def __init__(self, middleware: OutermostMiddleware, scope: HTTPScope, send: Send) -> None:
        self._middleware = middleware
        self._head = scope["method"] == "HEAD"
        # HEAD is GET without the body, on every route. uvicorn reads its own scope, which does not change.
        self._scope: HTTPScope = {**scope, "method": HttpMethod.GET} if self._head else scope
        self._send = send
        self._started = time.perf_counter()
        self.status = 0
        self._request_id = request_id(scope["headers"])

    async def run(self, receive: Receive) -> None:
        middleware, scope = self._middleware, self._scope
        is_gone = scope.get("state", {}).get("is_gone", _is_never_gone)
        context = self._context = RequestContext(self._request_id.decode(), self._head, is_gone)
        start_context(scope, context)
        middleware._metrics.running += 1
        try:
            refuse_ambiguous(scope)
            if middleware._limiter is not None and middleware._strangers is not None and self._is_counted:
                if middleware._proxies is not None and not middleware._proxies.is_done:
                    middleware._proxies.check(scope)
                middleware._limiter.refuse_spent(scope)
                await middleware._strangers.refuse(scope)
            found = None if middleware._fast_path is None else middleware._fast_path.find(scope)
            if isinstance(found, BytesResponse):
                await found(scope, receive, self._answer)
                return
            async with asyncio.timeout(middleware._timeout) as context.deadline:
                answer = None
                if found is not None:
                    answer, receive = await found.run(receive)
                await (answer or middleware._app)(scope, receive, self._answer)
        except asyncio.CancelledError:
            if is_gone():
                self.status = GONE
                return
            # The server stops, and its grace time is over. Raised again, this would become a 500.
            await self._refuse(Overloaded("The server is stopping. If this was a change, check whether it was stored."))
        except TimeoutError:
            await self._refuse(Overloaded("The request took too long and was cancelled."))
        except GuildhallError as error:
            await self._refuse(error)
        except Exception as error:
            ours = classify(error)
            if type(ours) is GuildhallError:
                log.exception("an unhandled error outside the application")
            await self._refuse(ours)
        finally:
            middleware._metrics.running -= 1
            context.give_slot_back()
            self._log()

    async def _answer(self, message: Message) -> None:
        finalize = self._context.finalize
        if finalize is None:
            await self._dress(message)
            return
        for ready in await finalize(message):
            await self._dress(ready)

    async def _dress(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            if self._context.credential is None and self.status < 500 and self._is_counted:
                await self._recognize()
            given = message.get("headers", ())
            names = {name.lower() for name, _ in given}
            headers = message["headers"] = [
                *given,
                *(() if POLICY[0] in names else (POLICY,)),
                (b"x-request-id", self._request_id),
                *self._middleware.headers_beside(names),
                *self._budget(),
            ]
            if self.status == 405 or self._scope["method"] == "OPTIONS":
                message["headers"] = [with_head(header) for header in headers]
        elif self._head and message["type"] == "http.response.body":
            message["body"] = b""
        await self._send(message)

    @property
    def _is_counted(self) -> bool:
        """Whether refusals count against the address. Those of pages, probes and the admin do not."""
        return self._scope["path"].startswith(COUNTED)

    async def _recognize(self) -> None:
        """Authenticates a request that no route authenticated. A valid credential gets the headers of its budget."""
        if self._middleware._strangers is not None and self.status not in (401, 429):
            await self._middleware._strangers.recognize(self._scope)

    def _budget(self) -> Headers:
        """The headers of the budget that this request counts against."""
        limiter, context = self._middleware._limiter, self._context
        if limiter is None:
            return []
        if self.status == 304:
            limiter.give_back(self._scope)
        elif self._is_counted and self.status in _REFUSED and context.credential is None:
            limiter.note_refusal(self._scope)
        return [] if context.budget is None else context.budget.headers(limiter.now())

    async def _refuse(self, error: GuildhallError) -> None:
        self._context.problem = error.type
        if self.status:
            return  # the answer has begun: the server cuts the connection
        body = msgspec.json.encode(problem(error, instance=self._scope["path"], request_id=self._request_id.decode()))
        headers = [
            (b"content-type", MEDIA_TYPE.encode()),
            (b"content-length", b"%d" % len(body)),
            (b"cache-control", b"no-store"),
            *((name.lower().encode(), value.encode()) for name, value in error.headers.items()),
        ]
        await self._answer({"type": "http.response.start", "status": error.status, "headers": headers})
        await self._answer({"type": "http.response.body", "body": body, "more_body": False})

    @property
    def method(self) -> str:
        return "HEAD" if self._head else self._scope["method"]

    @property
    def route(self) -> str:
        """The template of its path."""
        return self._context.route or self._scope.get("path_template") or "unmatched"

    def _log(self) -> None:
        context, method, route = self._context, self.method, self.route
        seconds = time.perf_counter() - self._started
        self._middleware._metrics.observe(method, route, self.status, seconds, tracing.trace_id())
        if route in _QUIET or (self.status in _TURNED_AWAY and _flood.is_over()):
            return
        access_log.info(
            "request",
            request_id=context.request_id,
            method=method,
            route=route,
            status=self.status,
            ms=round(seconds * 1000, 2),
            actor=None if context.credential is None else context.credential.name,
            guild=context.guild_id,
            problem=context.problem,
        )
