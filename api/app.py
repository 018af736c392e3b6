"""The application: every controller, dependency, error handler and background task, put together."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import structlog
from litestar import Litestar
from litestar.di import Provide
from litestar.plugins import PluginProtocol
from litestar.plugins.core import MsgspecDIPlugin
from litestar.types import ASGIApp, HTTPScope, RouteHandlerMapItem

import piccolo_conf
from api.achievements.building import build as build_achievements
from api.achievements.controller import AchievementController, AwardController, GlobalAchievementController
from api.activity.controller import ActivityController
from api.activity.explaining import ExplainService
from api.activity.service import ActivityService
from api.activity.shortcut import ActivityShortcut
from api.activity.upkeep import Upkeep
from api.answers import Answer
from api.audit.controller import AuditController
from api.audit.service import AuditService
from api.auth.controller import KeyController
from api.auth.keyring import Keyring
from api.auth.service import KeyService
from api.auth.slots import RECORDING_AT_ONCE, Slots
from api.changes import Changes, stop
from api.config import MINIMUM_SECRET, Settings
from api.database import Database
from api.draining import drained
from api.edge import Edge
from api.errors import GuildhallError
from api.events.controller import EventController
from api.events.hub import Hub
from api.events.reading import Reader
from api.events.service import EventService
from api.guilds.controller import GuildController
from api.guilds.directory import Directory
from api.guilds.pickers import PickerService
from api.guilds.service import GuildService
from api.health import Health, HealthController
from api.idempotency import Idempotency
from api.imports.building import build as build_imports
from api.imports.controller import ImportController
from api.intake import GuildhallRequest, admit, provide_query
from api.jobs import Jobs
from api.leaderboards.controller import LeaderboardController
from api.leaderboards.service import LeaderboardService
from api.leaderboards.shortcut import LeaderboardShortcut
from api.lib.clock import Clock
from api.lib.pagination import Cursors
from api.limits import Limiter
from api.members.controller import MemberController
from api.members.rulebook import Rulebook
from api.members.service import MemberService
from api.members.shortcut import MemberShortcut
from api.metrics import Metrics
from api.openapi import OpenAPIController, document
from api.pages.controller import PagesController
from api.parts import Parts
from api.people.building import Client, People
from api.people.building import build as build_people
from api.people.controller import LoginController, MeController
from api.privacy.controller import UserController
from api.privacy.erasing import Eraser
from api.privacy.exporting import PersonExporter
from api.privacy.service import PrivacyService
from api.problems import handle
from api.provision import connect_arguments, made_secret, role_to_take
from api.settings.controller import ModuleController, SettingsController
from api.settings.evolution import ModuleService
from api.settings.registry import Registry
from api.settings.service import SettingsService
from api.settings.shortcut import Shortcut
from api.webhooks.controller import WebhookController
from api.webhooks.delivering import Deliverer
from api.webhooks.secrets import Vault
from api.webhooks.sending import Sender
from api.webhooks.service import WebhookService
from tables.piccolo_app import APP_CONFIG

if TYPE_CHECKING:
    import httpx

log = structlog.get_logger("guildhall")


def create_app(settings: Settings, *, clock: Clock | None = None) -> ASGIApp:
    """The ASGI application. It needs `database_url`: see `api.provision.locate`."""
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
    )


def create_litestar(
    settings: Settings, *, clock: Clock, metrics: Metrics, discord: "httpx.AsyncBaseTransport | None" = None
) -> Litestar:
    """The Litestar application alone, with no edge around it. `discord`: what Discord is reached by, instead of
    real connections."""
    database = Database(
        piccolo_conf.DB, pool_size=settings.pool_size, acquire_timeout=settings.acquire_timeout_ms / 1000
    )
    for table in APP_CONFIG.table_classes:
        table._meta._db = piccolo_conf.DB  # else Piccolo imports its code formatter to find it
    secrets = [settings.secret or made_secret(settings.data_path)]
    if settings.secret_previous is not None:
        secrets.append(settings.secret_previous)
    cursors = Cursors(secrets, clock.now)
    changes = Changes()
    registry = Registry(database, changes)
    keyring = Keyring(database, changes, clock)
    guilds = GuildService(database, changes, cursors, clock, timedelta(days=settings.retention_days))
    health = Health(database, changes)
    upkeep = Upkeep(
        database,
        parts := Parts(),
        clock,
        guilds=timedelta(days=settings.retention_days),
        hours=timedelta(days=settings.hours_kept_days),
        days=None if settings.days_kept_days is None else timedelta(days=settings.days_kept_days),
    )
    people = build_people(
        database,
        changes,
        clock,
        cursors,
        secrets=secrets,
        client=_client(settings),
        public_url=settings.public_url,
        own_url=settings.own_url,
        transport=discord,
    )
    limiter = Limiter(
        database,
        clock,
        lambda scope: _is_known(scope, keyring, people),
        lambda scope: keyring.remembered(_authorization(scope)),
        of_an_address=settings.anonymous_rate_limit,
    )
    idempotency = Idempotency(database, clock)
    rulebook, slots = Rulebook(database, changes), Slots()
    directory = Directory(database, changes)
    hub = Hub(clock, metrics, lambda: health.stopping)
    changes.subscribe(hub.doubt)
    achievements = build_achievements(
        database, changes, clock, cursors, rulebook, parts, retention=timedelta(days=settings.retention_days)
    )
    unlocking = achievements.unlocking
    vault = Vault(secrets)
    deliverer = Deliverer(database, clock, vault, Sender(private=settings.webhook_private_addresses))
    webhooks = WebhookService(database, cursors, clock, vault, private=settings.webhook_private_addresses)
    services = {
        "webhooks": webhooks,
        "guilds": guilds,
        "pickers": (pickers := PickerService(database, changes, clock)),
        "keys": KeyService(database, changes, cursors, clock),
        "audit": AuditService(database, cursors),
        "modules": ModuleService(database, changes, registry, cursors, clock),
        "settings": (guild_settings := SettingsService(database, changes, registry, cursors, clock)),
        "activity": (activity := ActivityService(database, rulebook, parts, unlocking, clock, metrics)),
        "explaining": ExplainService(database, rulebook, clock),
        "leaderboards": (leaderboards := LeaderboardService(database, rulebook, cursors, clock)),
        "privacy": PrivacyService(database, clock),
        "eraser": Eraser(database, changes, clock),
        "exporter_of_people": PersonExporter(database, clock),
        "events": EventService(database, hub, directory),
        "members": (members := MemberService(database, rulebook, parts, unlocking, clock)),
        "people": people,
    }
    imports = build_imports(
        database,
        clock,
        cursors,
        rulebook,
        parts,
        guilds=guilds,
        pickers=pickers,
        settings=guild_settings,
        achievements=achievements,
        hours=timedelta(days=settings.hours_kept_days),
    )
    services |= {
        "imports": imports.service,
        "exporter": imports.exporter,
        "achievements": achievements.service,
        "awards": achievements.awards,
    }
    dependencies: dict[str, Provide] = {
        name: Provide(_giver(service), sync_to_thread=False) for name, service in services.items()
    }
    dependencies |= {
        "params": Provide(provide_query, sync_to_thread=False),
    }

    @contextlib.asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncIterator[None]:
        arguments = connect_arguments(settings, role=await role_to_take(settings))
        await database.open(arguments)
        jobs = Jobs(guilds, upkeep, idempotency, limiter, deliverer, keyring, people, metrics, database, changes)
        running = [changes.run(arguments), jobs.run(), limiter.run(), hub.run(), Reader(hub).run(arguments)]
        tasks = [asyncio.create_task(each) for each in running]
        if settings.jobs:
            tasks.append(asyncio.create_task(imports.worker.run()))
            tasks.append(asyncio.create_task(deliverer.run()))
        try:
            with drained(health, settings.drain):
                yield
        finally:
            health.draining = True
            for task in tasks:
                await stop(task)
            await jobs.finish()
            if people.discord is not None:
                await people.discord.close()
            await database.close()

    app = _Application(
        route_handlers=[
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
            *_admin(settings),
        ],
        dependencies=dependencies,
        before_request=admit,  # type: ignore[arg-type] # `request_class` below is what it is given
        exception_handlers={Exception: handle, GuildhallError: handle},
        request_class=GuildhallRequest,
        response_class=Answer,
        lifespan=[lifespan],
        openapi_config=None,
        logging_config=None,
        debug=False,
    )
    app.state.update(
        {
            "keyring": keyring,
            "people": people,
            "shortcut": Shortcut(keyring, limiter, guild_settings),
            "directory": directory,
            "registry": registry,
            "slots": slots,
            "limiter": limiter,
            "webhooks": webhooks,
            "deliverer": deliverer,
            "hub": hub,
            "idempotency": idempotency,
            "activity_shortcut": ActivityShortcut(keyring, limiter, Slots(RECORDING_AT_ONCE), activity),
            "read_shortcuts": [
                MemberShortcut(keyring, limiter, slots, members),
                LeaderboardShortcut(keyring, limiter, slots, leaderboards),
            ],
            "health": health,
            "metrics": metrics,
            "started_at": time.monotonic(),
            "keys": services["keys"],
            "achievements": achievements.service,
            "database": database,
            "changes": changes,
        }
    )
    return app


def describe() -> dict[str, object]:
    """The OpenAPI document of the whole application, with no configuration, no database, nothing that runs."""
    never_run = Settings(secret="0" * MINIMUM_SECRET, admin=False)
    return document(create_litestar(never_run, clock=Clock(), metrics=Metrics()).routes)


def _client(settings: Settings) -> Client | None:
    if settings.discord_client_id is None or settings.discord_client_secret is None:
        return None
    return Client(
        id=settings.discord_client_id,
        secret=settings.discord_client_secret,
        api_url=settings.discord_api_url,
        authorize_url=settings.discord_authorize_url,
    )


def _is_known(scope: HTTPScope, keyring: Keyring, people: People) -> bool:
    """Whether a request has one key that was good before, or a session."""
    if (authorization := _authorization(scope)) is not None:
        return keyring.was_good(authorization)
    cookies = (value for name, value in scope["headers"] if name == b"cookie")
    return any(people.sessions.was_good(value.decode("latin-1")) for value in cookies)


def _authorization(scope: HTTPScope) -> bytes | None:
    """The header, where it is there once."""
    given = [value for name, value in scope["headers"] if name == b"authorization"]
    return given[0] if len(given) == 1 else None


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


def _admin(settings: Settings) -> list[Any]:  # Any: Litestar's own alias for handlers
    if not settings.admin:
        return []
    from api.admin import admin_routes

    return admin_routes(settings)
