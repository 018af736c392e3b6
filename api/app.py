"""The application: every controller, dependency and error handler, put together."""

from typing import TYPE_CHECKING, Any

from litestar import Controller, Litestar
from litestar.di import Provide
from litestar.plugins import PluginProtocol
from litestar.plugins.core import MsgspecDIPlugin
from litestar.types import ASGIApp, HTTPScope, RouteHandlerMapItem

from api.achievements.controller import AchievementController, AwardController, GlobalAchievementController
from api.activity.controller import ActivityController
from api.activity.shortcut import ActivityShortcut
from api.admin import admin_route
from api.admin.entrance import Entrance
from api.audit.controller import AuditController
from api.auth.controller import KeyController
from api.auth.slots import RECORDING_AT_ONCE, Slots
from api.config import MINIMUM_SECRET, Settings
from api.core import Core
from api.core import build as build_core
from api.errors import GuildhallError
from api.events.controller import EventController
from api.features import Features
from api.features import build as build_features
from api.guilds.controller import GuildController
from api.http.admission import Admission
from api.http.middleware import Edge
from api.http.problems import handle
from api.http.proxy_notice import ProxyNotice
from api.http.rate_limits import Limiter
from api.http.requests import GuildhallRequest, admit, provide_query
from api.http.responses import Answer
from api.http.strangers import COUNTED, Strangers, public_paths
from api.imports.controller import ImportController
from api.leaderboards.controller import LeaderboardController
from api.leaderboards.shortcut import LeaderboardShortcut
from api.lib.clock import Clock
from api.members.controller import MemberController
from api.members.shortcut import MemberShortcut
from api.openapi import OpenAPIController, document
from api.pages.controller import PagesController
from api.people.controller import LoginController, MeController
from api.privacy.controller import UserController
from api.runtime.descriptors import most_connections
from api.runtime.health import HealthController
from api.runtime.lifespan import running
from api.runtime.metrics import Metrics, MetricsGate
from api.settings.controller import ModuleController, SettingsController
from api.settings.shortcut import Shortcut
from api.webhooks.controller import WebhookController

if TYPE_CHECKING:
    import httpx

_CONTROLLERS: list[type[Controller]] = [
    PagesController,
    HealthController,
    OpenAPIController,
    GuildController,
    SettingsController,
    ActivityController,
    MemberController,
    LeaderboardController,
    AchievementController,
    GlobalAchievementController,
    AwardController,
    ImportController,
    UserController,
    EventController,
    WebhookController,
    ModuleController,
    KeyController,
    AuditController,
    LoginController,
    MeController,
]


def create_app(settings: Settings, *, clock: Clock | None = None) -> ASGIApp:
    """The ASGI application. It needs `database_url`: see `api.postgres.provision.locate`."""
    return with_edge(create_litestar(settings, clock=clock or Clock(), metrics=Metrics()), settings)


def with_edge(app: Litestar, settings: Settings) -> Edge:
    """Puts the edge around the Litestar application."""
    return Edge(
        app,
        app.state["metrics"],
        timeout=settings.request_timeout_seconds,
        https=settings.public_url is not None and settings.public_url.startswith("https://"),
        shortcut=app.state["shortcut"].answer,
        reads=[each.answer for each in app.state["read_shortcuts"]],
        activity=app.state["activity_shortcut"].answer,
        limiter=app.state["limiter"],
        proxies=ProxyNotice() if settings.production and not settings.trusted_proxies else None,
        strangers=Strangers(app.state["keyring"], app.state["people"], app.state["limiter"], public_paths(app.routes)),
        most_connections=most_connections(settings.pool_size),
        admission=_admission(app),
    )


def _admission(app: Litestar) -> Admission:
    """Held are requests of those whose budget is spent, or who have as many running and waiting as they may."""
    limiter: Limiter = app.state["limiter"]
    slots: Slots = app.state["slots"]
    recording: Slots = app.state["recording_slots"]

    def refused(scope: HTTPScope) -> GuildhallError | None:
        if not scope["path"].startswith(COUNTED):
            return None
        if (spent := limiter.refusal_at_once(scope)) is not None:
            return spent
        theirs = recording if scope["method"] == "POST" and scope["path"].endswith("/activity") else slots
        credential = limiter.remembered(scope) if theirs.has_waiting else None
        return theirs.too_many() if credential is not None and theirs.is_crowded(credential.id) else None

    def is_spent(scope: HTTPScope) -> bool:
        return scope["path"].startswith(COUNTED) and limiter.would_refuse(scope)

    return Admission(is_spent, refused, limiter.whose)


def create_litestar(
    settings: Settings, *, clock: Clock, metrics: Metrics, discord: "httpx.AsyncBaseTransport | None" = None
) -> Litestar:
    """The Litestar application alone, with no edge around it. `discord`: what Discord is reached by, instead of
    real connections."""
    core = build_core(settings, clock=clock, metrics=metrics, discord=discord)
    features = build_features(core, settings)
    dependencies = {name: Provide(_giver(each), sync_to_thread=False) for name, each in features.services.items()}
    entrance = Entrance(core.database, core.clock, core.secrets)
    app = _Application(
        route_handlers=[*_CONTROLLERS, *([admin_route(settings, entrance)] if settings.admin else [])],
        dependencies={**dependencies, "params": Provide(provide_query, sync_to_thread=False)},
        before_request=admit,  # type: ignore[arg-type] # `request_class` below is what it is given
        exception_handlers={Exception: handle, GuildhallError: handle},
        request_class=GuildhallRequest,
        response_class=Answer,
        lifespan=[lambda _: running(core, features, settings)],
        openapi_config=None,
        logging_config=None,
        debug=False,
    )
    app.state.update({**_state(core, features, settings), "entrance": entrance})
    return app


def _state(core: Core, features: Features, settings: Settings) -> dict[str, object]:
    """What is reached by way of the application: by the edge, by what runs before a handler, by tests."""
    keyring, limiter = core.keyring, core.limiter
    recording_slots = Slots(RECORDING_AT_ONCE)
    return {
        "achievements": features.achievements.service,
        "activity_shortcut": ActivityShortcut(keyring, limiter, recording_slots, features.activity),
        "changes": core.changes,
        "database": core.database,
        "deliverer": features.deliverer,
        "directory": core.directory,
        "health": core.health,
        "hub": core.hub,
        "idempotency": features.idempotency,
        "keyring": keyring,
        "keys": features.keys,
        "limiter": limiter,
        "metrics": core.metrics,
        "metrics_gate": MetricsGate(settings.metrics_token, shut=settings.production),
        "people": core.people,
        "public_url": settings.public_url,
        "read_shortcuts": [
            MemberShortcut(keyring, limiter, core.slots, features.members),
            LeaderboardShortcut(keyring, limiter, core.slots, features.leaderboards, settings.public_url),
        ],
        "recording_slots": recording_slots,
        "registry": core.registry,
        "shortcut": Shortcut(keyring, limiter, features.settings),
        "settings": features.settings,
        "slots": core.slots,
        "stream_bounds": core.stream_bounds,
        "webhooks": features.webhooks,
    }


def describe() -> dict[str, object]:
    """The OpenAPI document of the whole application, with no configuration, no database, nothing that runs."""
    never_run = Settings(secret="0" * MINIMUM_SECRET, admin=False)
    return document(create_litestar(never_run, clock=Clock(), metrics=Metrics()).routes)


class _Application(Litestar):
    """Litestar without its plugin for Pydantic, which is there for the admin's sake alone: importing
    it costs every worker a quarter of its time to start and 7 MB."""

    @staticmethod
    def _get_default_plugins(plugins: list[PluginProtocol]) -> list[PluginProtocol]:
        return [*plugins, MsgspecDIPlugin()]

    @property
    def route_handler_method_map(self) -> dict[str, RouteHandlerMapItem]:
        """Without OPTIONS, which Litestar adds to an address: where two features share one, each brings it."""
        known = super().route_handler_method_map
        return {path: {m: each for m, each in found.items() if m != "OPTIONS"} for path, found in known.items()}


def _giver(service: object) -> Any:  # Any: a function whose type is Litestar's to infer
    def give() -> Any:  # Any: each handler says which service it takes
        return service

    return give
