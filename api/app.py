"""The application: assembles every controller, dependency and error handler."""

from typing import TYPE_CHECKING, Any

from litestar import Controller, Litestar
from litestar.di import Provide
from litestar.plugins import PluginProtocol
from litestar.plugins.core import MsgspecDIPlugin
from litestar.types import ASGIApp, HTTPScope, RouteHandlerMapItem

from api.accounts.controller import LoginController, MeController
from api.achievements.award_controller import AwardController
from api.achievements.controller import AchievementController, GlobalAchievementController, PackController
from api.activity.controller import ActivityController, StatController
from api.activity.fast_path import recording_route
from api.admin import admin_route
from api.audit.controller import AuditController
from api.auth.slots import Share
from api.cards.background_controller import CardBackgroundController, LinkedCardController
from api.cards.choice_controller import CardChoiceController
from api.cards.controller import PictureController
from api.config import MINIMUM_SECRET, Settings
from api.errors import GuildhallError
from api.events.controller import EventController
from api.guilds.controller import GuildController
from api.http.admission import Admission
from api.http.fast_path import FastPath
from api.http.gate import Gate, put_gate
from api.http.guards import authorize
from api.http.middleware import OutermostMiddleware
from api.http.problems import handle
from api.http.proxy_notice import ProxyNotice
from api.http.requests import GuildhallRequest, parse, provide_query
from api.http.responses import ApiResponse
from api.http.strangers import COUNTED, Strangers, public_paths
from api.imports.controller import ImportController
from api.keys.controller import GuildKeyController, KeyController
from api.leaderboards.controller import LeaderboardController
from api.leaderboards.fast_path import board_route
from api.lib.clock import Clock
from api.lib.descriptors import most_connections
from api.lib.metrics import Metrics
from api.members.controller import MemberController
from api.members.fast_path import profile_route
from api.openapi import Described, OpenAPIController, document
from api.pages.controller import PagesController
from api.privacy.controller import UserController
from api.public.controller import PublicController
from api.public.page_controller import PublicPageController
from api.public.picture_controller import PublicPictureController
from api.runtime.health import HealthController
from api.runtime.lifespan import running
from api.runtime.metrics_gate import MetricsGate
from api.services import Services
from api.settings.controller import ModuleController, SettingsController
from api.settings.curve_controller import CurveController
from api.settings.fast_path import settings_route
from api.webhooks.controller import WebhookController

if TYPE_CHECKING:
    import httpx2

_CONTROLLERS: list[type[Controller]] = [
    PagesController,
    HealthController,
    OpenAPIController,
    GuildController,
    SettingsController,
    CurveController,
    ActivityController,
    StatController,
    MemberController,
    LeaderboardController,
    PictureController,
    CardBackgroundController,
    CardChoiceController,
    LinkedCardController,
    AchievementController,
    GlobalAchievementController,
    PackController,
    AwardController,
    ImportController,
    UserController,
    EventController,
    WebhookController,
    ModuleController,
    KeyController,
    GuildKeyController,
    AuditController,
    LoginController,
    MeController,
    PublicController,
    PublicPageController,
    PublicPictureController,
]


# The services for handlers, by the names of their parameters.
_OF_HANDLERS = (
    "accounts", "achievements", "activity", "audit", "awards", "backgrounds", "card_choices", "custom_stats", "eraser",
    "events", "explaining", "exporter", "exporter_of_people", "guilds", "health", "imports", "keys", "leaderboards",
    "member_lists", "members", "metrics", "modules", "pictures", "privacy", "public", "renaming",
    "roles_and_channels", "settings", "webhooks",
)  # fmt: skip


def create_app(settings: Settings, *, clock: Clock | None = None) -> ASGIApp:
    """The ASGI application. It needs `database_url`: see `api.postgres.provision.locate`."""
    return with_middleware(create_litestar(settings, clock=clock or Clock(), metrics=Metrics()), settings)


def with_middleware(app: Litestar, settings: Settings) -> OutermostMiddleware:
    """Puts the outermost middleware around the Litestar application."""
    services: Services = app.state["services"]
    return OutermostMiddleware(
        app,
        services.metrics,
        timeout=settings.request_timeout_seconds,
        https=settings.public_url is not None and settings.public_url.startswith("https://"),
        fast_path=fast_path(services, settings.public_url),
        limiter=services.limiter,
        proxies=ProxyNotice() if settings.production and not settings.trusted_proxies else None,
        strangers=_strangers(app, services),
        most_connections=most_connections(settings.pool_size),
        admission=_admission(services),
    )


def fast_path(services: Services, public_url: str | None) -> FastPath:
    """The table of fast routes."""
    return FastPath(
        services.keyring,
        services.limiter,
        [
            settings_route(services.settings),
            profile_route(services.members, services.slots),
            board_route(services.leaderboards, services.slots, public_url),
            recording_route(services.activity, services.recording_slots),
        ],
    )


def _strangers(app: Litestar, services: Services) -> Strangers:
    accounts = services.accounts
    anywhere = None if accounts.access is None else accounts.access.anywhere
    return Strangers(services.keyring, accounts.sessions, anywhere, services.limiter, public_paths(app.routes))


def _admission(services: Services) -> Admission:
    """Requests with a spent budget are held. Requests of a family without a free slot wait for one."""
    limiter, slots, recording = services.limiter, services.slots, services.recording_slots

    def refused(scope: HTTPScope) -> GuildhallError | None:
        return limiter.refusal_at_once(scope) if scope["path"].startswith(COUNTED) else None

    def is_spent(scope: HTTPScope) -> bool:
        return scope["path"].startswith(COUNTED) and limiter.would_refuse(scope)

    def share_of(scope: HTTPScope) -> Share | None:
        if not (slots.is_tight or recording.is_tight) or not scope["path"].startswith(COUNTED):
            return None
        theirs = recording if scope["method"] == "POST" and scope["path"].endswith("/activity") else slots
        credential = limiter.remembered(scope) if theirs.is_tight else None
        return None if credential is None else theirs.share(credential.family)

    made = Admission(is_spent, refused, limiter.whose, share_of)
    slots.on_free = recording.on_free = made.wake
    return made


def create_litestar(
    settings: Settings, *, clock: Clock, metrics: Metrics, discord: "httpx2.AsyncBaseTransport | None" = None
) -> Litestar:
    """The Litestar application alone, without the outermost middleware. `discord`: a transport to Discord instead of
    real connections."""
    services = Services(settings, clock=clock, metrics=metrics, discord=discord)
    given: dict[str, object] = {name: getattr(services, name) for name in _OF_HANDLERS}
    given["metrics_gate"] = MetricsGate(settings.metrics_token, shut=settings.production)
    given["described"] = Described()
    dependencies = {name: Provide(_giver(each), sync_to_thread=False) for name, each in given.items()}
    app = _Application(
        route_handlers=[*_CONTROLLERS, *([admin_route(settings, services.entrance)] if settings.admin else [])],
        dependencies={**dependencies, "params": Provide(provide_query, sync_to_thread=False)},
        guards=[authorize],  # type: ignore[list-item] # `request_class` below is the type that it gets
        before_request=parse,  # type: ignore[arg-type] # the same
        exception_handlers={Exception: handle, GuildhallError: handle},
        request_class=GuildhallRequest,
        response_class=ApiResponse,
        lifespan=[lambda _: running(services, settings)],
        openapi_config=None,
        logging_config=None,
        debug=False,
    )
    app.state["services"] = services
    put_gate(app, _gate(services, settings))
    return app


def _gate(services: Services, settings: Settings) -> Gate:
    accounts = services.accounts
    return Gate(
        keyring=services.keyring,
        sessions=accounts.sessions,
        access=accounts.access,
        limiter=services.limiter,
        slots=services.slots,
        idempotency=services.idempotency,
        public_url=settings.public_url,
        find_guild=services.directory.require,
        find_key=services.keys.require,
        find_webhook=services.webhooks.require,
        find_achievement=services.achievements.require,
        find_module=services.registry.require,
    )


def describe() -> dict[str, object]:
    """The OpenAPI document of the whole application, without configuration, database or background work."""
    never_run = Settings(secret="0" * MINIMUM_SECRET, admin=False)
    return document(create_litestar(never_run, clock=Clock(), metrics=Metrics()).routes)


class _Application(Litestar):
    """Litestar without its Pydantic plugin. Pydantic is installed only for the admin; its import costs every worker a
    quarter of its start time and 7 MB."""

    @staticmethod
    def _get_default_plugins(plugins: list[PluginProtocol]) -> list[PluginProtocol]:
        return [*plugins, MsgspecDIPlugin()]

    @property
    def route_handler_method_map(self) -> dict[str, RouteHandlerMapItem]:
        """Without OPTIONS, which Litestar adds to an address: if two features share one, both add it."""
        known = super().route_handler_method_map
        return {path: {m: each for m, each in found.items() if m != "OPTIONS"} for path, found in known.items()}


def _giver(service: object) -> Any:  # Litestar infers the function's type
    def give() -> Any:  # each handler declares the service that it takes
        return service

    return give
