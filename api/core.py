"""What all features share: the database, what is remembered of it, who asks, and how often they may."""

from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec

import piccolo_conf
from api.auth.keyring import Keyring
from api.auth.slots import Slots
from api.config import Settings
from api.events.bounds import StreamBounds
from api.events.hub import Hub
from api.guilds.directory import Directory
from api.http.rate_limits import Limiter
from api.http.strangers import header
from api.lib.clock import Clock
from api.lib.pagination import Cursors
from api.members.rulebook import Rulebook
from api.people.building import Client, People
from api.people.building import build as build_people
from api.people.current import CurrentCredentials
from api.postgres.change_watcher import Changes
from api.postgres.database import Database
from api.postgres.partitions import Parts
from api.postgres.provision import made_secret
from api.runtime.descriptors import most_connections
from api.runtime.health import Health
from api.runtime.metrics import Metrics
from api.settings.registry import Registry
from tables.piccolo_app import APP_CONFIG

if TYPE_CHECKING:
    import httpx


class Core(msgspec.Struct, frozen=True, kw_only=True):
    """What there is once in a process. `secrets`: the one that signs, and the one before it."""

    database: Database
    changes: Changes
    clock: Clock
    metrics: Metrics
    health: Health
    secrets: list[str]
    cursors: Cursors
    registry: Registry
    rulebook: Rulebook
    directory: Directory
    parts: Parts
    keyring: Keyring
    people: People
    credentials: CurrentCredentials
    limiter: Limiter
    slots: Slots
    hub: Hub
    stream_bounds: StreamBounds
    retention: timedelta


def build(
    settings: Settings, *, clock: Clock, metrics: Metrics, discord: "httpx.AsyncBaseTransport | None" = None
) -> Core:
    """Opens nothing yet. `discord`: what Discord is reached by, instead of real connections."""
    database = Database(
        piccolo_conf.DB, pool_size=settings.pool_size, acquire_timeout=settings.acquire_timeout_ms / 1000
    )
    for table in APP_CONFIG.table_classes:
        table._meta._db = piccolo_conf.DB  # else Piccolo imports its code formatter to find it
    secrets = [settings.secret or made_secret(settings.data_path)]
    if settings.secret_previous is not None:
        secrets.append(settings.secret_previous)
    changes, cursors = Changes(), Cursors(secrets, clock.now)
    health, keyring = Health(database, changes), Keyring(database, changes, clock)
    people = build_people(
        database,
        changes,
        clock,
        cursors,
        secrets=secrets,
        client=discord_client(settings),
        public_url=settings.public_url,
        own_url=settings.own_url,
        transport=discord,
    )
    hub = Hub(clock, metrics, lambda: health.stopping)
    changes.subscribe(hub.doubt)
    return Core(
        database=database,
        changes=changes,
        clock=clock,
        metrics=metrics,
        health=health,
        secrets=secrets,
        cursors=cursors,
        registry=Registry(database, changes),
        rulebook=Rulebook(database, changes),
        directory=Directory(database, changes),
        parts=Parts(database),
        keyring=keyring,
        people=people,
        credentials=CurrentCredentials(keyring, people),
        limiter=Limiter(
            database,
            clock,
            lambda scope: keyring.remembered(header(scope, b"authorization")),
            of_an_address=settings.anonymous_rate_limit,
        ),
        slots=Slots(),
        hub=hub,
        stream_bounds=StreamBounds(
            metrics,
            of_a_key=settings.streams_per_key,
            in_all=most_connections(settings.pool_size) * 3 // 4,  # the rest is for requests
        ),
        retention=timedelta(days=settings.retention_days),
    )


def discord_client(settings: Settings) -> Client | None:
    """Guildhall as Discord knows it, None where nobody can log in."""
    if settings.discord_client_id is None or settings.discord_client_secret is None:
        return None
    return Client(
        id=settings.discord_client_id,
        secret=settings.discord_client_secret,
        api_url=settings.discord_api_url,
        authorize_url=settings.discord_authorize_url,
    )
