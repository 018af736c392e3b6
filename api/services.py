"""Everything that there is once in a process, for the server, the worker and every command.

Building opens nothing: `api.runtime.lifespan` opens the database, and starts what runs by itself."""

from datetime import timedelta
from typing import TYPE_CHECKING

import piccolo_conf
from api.accounts.accounts import build_accounts
from api.accounts.current import CurrentCredentials
from api.accounts.discord import Discord
from api.achievements.awards import AwardService
from api.achievements.backfill import Backfill
from api.achievements.drafts import Drafts
from api.achievements.eligibility import Eligibility
from api.achievements.index_cache import AchievementIndexCache
from api.achievements.jobs import KIND as BACKFILL
from api.achievements.jobs import BackfillJob
from api.achievements.service import AchievementService
from api.achievements.unlocking import Unlocking
from api.activity.custom_stats import CustomStats
from api.activity.explaining import ExplainService
from api.activity.service import ActivityService
from api.activity.upkeep import Upkeep
from api.admin.entrance import Entrance
from api.audit.service import AuditService
from api.auth.directory import Directory
from api.auth.keyring import Keyring
from api.auth.slots import RECORDING_SLOTS, Slots
from api.cards.avatars import Avatars
from api.cards.backgrounds import Backgrounds
from api.cards.cdn import Cdn
from api.cards.choices import CardChoices
from api.cards.links import Links
from api.cards.renderer import Renderer
from api.cards.service import PictureService
from api.config import Settings
from api.events.bounds import StreamBounds
from api.events.broadcaster import Broadcaster
from api.events.service import EventService
from api.guilds.purging import Purging
from api.guilds.roles_and_channels import RolesAndChannels
from api.guilds.service import GuildService
from api.http.rate_limits import Limiter
from api.http.strangers import header
from api.idempotency.store import Idempotency
from api.imports.dry_run import DryRun
from api.imports.exporting import Exporter
from api.imports.history import History
from api.imports.jobs import KIND as IMPORT
from api.imports.jobs import ImportJob
from api.imports.restore import Restore
from api.imports.service import ImportService
from api.imports.standings import Standings
from api.jobs.queue import Queue
from api.jobs.runner import JobRunner
from api.jobs.worker import Worker
from api.keys.service import KeyService
from api.leaderboards.folding import Folding
from api.leaderboards.service import LeaderboardService
from api.leaderboards.snapshots import Snapshots
from api.lib.clock import Clock
from api.lib.descriptors import most_connections
from api.lib.metrics import Metrics
from api.lib.pagination import Cursors
from api.lib.secret_box import SecretBox
from api.members.leveling_config_cache import LevelingConfigCache
from api.members.listing import MemberLists
from api.members.renaming import Renaming
from api.members.service import MemberService
from api.postgres.change_watcher import ChangeWatcher
from api.postgres.database import Database
from api.postgres.partitions import Partitions
from api.postgres.provision import secrets_of
from api.postgres.readiness import Health
from api.postgres.replica_setup import build_reader
from api.privacy.erasing import Eraser
from api.privacy.exporting import PersonExporter
from api.privacy.service import PrivacyService
from api.public.service import PublicService
from api.settings.evolution import ModuleService
from api.settings.registry import Registry
from api.settings.service import SettingsService
from api.webhooks.jobs import Deliverer
from api.webhooks.resolving import Resolver
from api.webhooks.sending import Sender
from api.webhooks.service import WebhookService
from tables.by_sql import BY_SQL
from tables.declared import TABLES

if TYPE_CHECKING:
    import httpx2


class Services:
    """The composition root: each service is built here, from those above it."""

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock | None = None,
        metrics: Metrics | None = None,
        discord: "httpx2.AsyncBaseTransport | None" = None,
    ) -> None:
        """`discord`: a transport to Discord instead of real connections."""
        clock, metrics = clock or Clock(), metrics or Metrics()
        retention, hours = timedelta(days=settings.retention_days), timedelta(days=settings.hours_kept_days)
        days = None if settings.days_kept_days is None else timedelta(days=settings.days_kept_days)
        self.clock, self.metrics = clock, metrics

        # What all features share.
        for table in (*TABLES, *(each.table for each in BY_SQL)):
            table._meta._db = piccolo_conf.DB  # else Piccolo imports its code formatter to find it
        self.database = database = Database(
            piccolo_conf.DB, pool_size=settings.pool_size, acquire_timeout=settings.acquire_timeout_ms / 1000
        )
        self.reader = reader = build_reader(settings, database, metrics)
        secrets = secrets_of(settings)
        self.watcher = watcher = ChangeWatcher()
        watcher.on_new_server(database.renew)
        cursors = Cursors(secrets, clock.now)
        self.partitions = partitions = Partitions(database)
        self.health = health = Health(database, watcher, reader.replica)
        self.idempotency = Idempotency(database, clock)
        self.queue = queue = Queue(database)

        # Who asks, and how often they may.
        self.keyring = keyring = Keyring(database, watcher, clock)
        client = _discord(settings, discord)
        self.accounts = accounts = build_accounts(
            database, watcher, clock, cursors, secrets, client, public_url=settings.public_url, own_url=settings.own_url
        )
        self.credentials = CurrentCredentials(keyring, accounts)
        self.limiter = Limiter(
            database,
            clock,
            lambda scope: keyring.cached(header(scope, b"authorization")),
            of_an_address=settings.anonymous_rate_limit,
        )
        self.slots, self.recording_slots = Slots(), Slots(RECORDING_SLOTS)
        self.entrance = Entrance(database, clock, secrets)
        self.keys = KeyService(database, watcher, cursors, clock)

        # Guilds and their settings.
        self.directory = Directory(watcher)
        self.purging = Purging(database, watcher, clock, retention)
        self.guilds = guilds = GuildService(database, watcher, cursors, clock, self.purging)
        self.roles_and_channels = places = RolesAndChannels(database, watcher, clock)
        self.registry = Registry(database, watcher)
        self.modules = ModuleService(database, watcher, self.registry, cursors, clock)
        kept_for = timedelta(days=settings.revisions_kept_days)
        self.settings = module_settings = SettingsService(
            database, watcher, self.registry, cursors, clock, kept=settings.revisions_kept, kept_for=kept_for
        )

        # Members, what they do, and what they get for it.
        leveling_configs = LevelingConfigCache(database, watcher)
        indexes = AchievementIndexCache(watcher)
        eligibility = Eligibility(database, leveling_configs, clock)
        self.unlocking = unlocking = Unlocking(indexes)
        drafts = Drafts(database, leveling_configs, eligibility)
        self.achievements = achievements = AchievementService(
            database, watcher, cursors, clock, drafts, eligibility, retention=retention, wake=queue.wake
        )
        self.awards = awards = AwardService(database, leveling_configs, indexes, unlocking, partitions, clock)
        self.activity = ActivityService(database, leveling_configs, partitions, unlocking, clock, metrics)
        self.custom_stats = CustomStats(cursors)
        self.explaining = ExplainService(database, leveling_configs, clock)
        self.members = members = MemberService(database, reader, leveling_configs, partitions, unlocking, clock, hours)
        self.member_lists = lists = MemberLists(database, leveling_configs, cursors, clock)
        self.renaming = Renaming(database, leveling_configs, clock)
        self.snapshots = snapshots = Snapshots(database, reader, watcher, clock)
        self.folding = Folding(database, clock)
        self.leaderboards = boards = LeaderboardService(database, reader, leveling_configs, snapshots, cursors, clock)
        self.public = PublicService(
            database, accounts.sessions, leveling_configs, places, boards, members, lists, awards
        )
        self.upkeep = Upkeep(database, partitions, clock, hours=hours, days=days)

        # Imports, exports, jobs.
        restore = Restore(database, leveling_configs, partitions, clock, guilds, places, module_settings, achievements)
        self.import_job = ImportJob(
            database,
            queue,
            clock,
            self.credentials,
            standings=Standings(database, leveling_configs, module_settings, clock),
            history=History(database, leveling_configs, partitions, unlocking, clock, hours),
            dry_run_of_events=DryRun(database, leveling_configs, clock),
            restore=restore,
        )
        backfill = Backfill(leveling_configs, indexes, unlocking, clock)
        backfill_job = BackfillJob(database, queue, backfill, partitions, clock)
        self.job_runner = JobRunner(queue, {IMPORT: self.import_job, BACKFILL: backfill_job})
        self.imports = ImportService(database, queue, cursors, clock)
        self.exporter = Exporter(reader, clock)

        # What others learn: events, webhooks, the audit log; people's own data.
        self.broadcaster = Broadcaster(clock, metrics, lambda: health.stopping)
        watcher.subscribe(self.broadcaster.invalidate)
        self.stream_bounds = StreamBounds(
            metrics,
            of_a_key=settings.streams_per_key,
            in_all=most_connections(settings.pool_size) * 3 // 4,  # the rest is for requests
        )
        self.events = EventService(database, self.broadcaster, self.directory, self.stream_bounds)
        secret_box, resolver, private = SecretBox(secrets), Resolver(), settings.webhook_private_addresses
        self.webhooks = WebhookService(database, cursors, clock, secret_box, resolver, private=private)
        self.sender = sender = Sender(resolver, private=private)
        self.renderer = renderer = Renderer(settings.fonts)
        self.cdn = Cdn(resolver, discord)
        self.backgrounds = backgrounds = Backgrounds(database, clock, renderer)
        self.card_choices = choices = CardChoices(database, module_settings)
        avatars = Avatars(renderer, self.cdn.fetch)
        links = Links(secrets, clock.now)
        self.pictures = PictureService(
            renderer, avatars, backgrounds, links, members, boards, choices, leveling_configs, awards
        )
        self.deliverer = Deliverer(database, clock, secret_box, sender)
        self.delivery_worker = Worker(self.deliverer)
        self.workers = (Worker(self.job_runner), self.delivery_worker)
        self.audit = AuditService(cursors)
        self.privacy = PrivacyService(database, clock)
        self.eraser = Eraser(database, watcher, clock)
        self.exporter_of_people = PersonExporter(reader, clock)

    async def close(self) -> None:
        """Closes what was opened."""
        if self.accounts.discord is not None:
            await self.accounts.discord.close()
        await self.sender.close()
        await self.renderer.close()
        await self.cdn.close()
        await self.snapshots.close()
        await self.reader.close()
        await self.database.close()


def _discord(settings: Settings, transport: "httpx2.AsyncBaseTransport | None") -> Discord | None:
    """The client of Discord, None where nobody can log in."""
    if settings.discord_client_id is None or settings.discord_client_secret is None:
        return None
    return Discord(
        api_url=settings.discord_api_url,
        authorize_url=settings.discord_authorize_url,
        client_id=settings.discord_client_id,
        client_secret=settings.discord_client_secret,
        transport=transport,
    )
