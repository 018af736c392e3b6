"""The features, each built on what all share, and the names by which handlers ask for their services."""

from collections.abc import Mapping
from datetime import timedelta

import msgspec

from api.achievements.building import Achievements
from api.achievements.building import build as build_achievements
from api.activity.explaining import ExplainService
from api.activity.service import ActivityService
from api.activity.upkeep import Upkeep
from api.audit.service import AuditService
from api.auth.service import KeyService
from api.config import Settings
from api.core import Core
from api.events.service import EventService
from api.guilds.pickers import PickerService
from api.guilds.purging import Purging
from api.guilds.service import GuildService
from api.http.idempotency_store import Idempotency
from api.imports.building import Imports
from api.imports.building import build as build_imports
from api.leaderboards.service import LeaderboardService
from api.members.service import MemberService
from api.privacy.erasing import Eraser
from api.privacy.exporting import PersonExporter
from api.privacy.service import PrivacyService
from api.settings.evolution import ModuleService
from api.settings.service import SettingsService
from api.webhooks.delivering import Deliverer
from api.webhooks.resolving import Resolver
from api.webhooks.secrets import Vault
from api.webhooks.sending import Sender
from api.webhooks.service import WebhookService


class Features(msgspec.Struct, frozen=True, kw_only=True):
    """What more than the handlers' dependencies need of the features, and `services`: these dependencies."""

    keys: KeyService
    guilds: GuildService
    purging: Purging
    settings: SettingsService
    activity: ActivityService
    members: MemberService
    leaderboards: LeaderboardService
    achievements: Achievements
    imports: Imports
    webhooks: WebhookService
    deliverer: Deliverer
    idempotency: Idempotency
    upkeep: Upkeep
    services: Mapping[str, object]


def build(core: Core, settings: Settings) -> Features:
    """Starts nothing yet: see `api.runtime.lifespan`."""
    database, changes, clock, cursors = core.database, core.changes, core.clock, core.cursors
    rulebook, parts, hours = core.rulebook, core.parts, timedelta(days=settings.hours_kept_days)
    achievements = build_achievements(database, changes, clock, cursors, rulebook, parts, retention=core.retention)
    keys = KeyService(database, changes, cursors, clock)
    purging = Purging(database, clock, core.retention)
    guilds = GuildService(database, changes, cursors, clock, purging)
    pickers = PickerService(database, changes, clock)
    guild_settings = SettingsService(
        database,
        changes,
        core.registry,
        cursors,
        clock,
        kept=settings.revisions_kept,
        kept_for=timedelta(days=settings.revisions_kept_days),
    )
    activity = ActivityService(database, rulebook, parts, achievements.unlocking, clock, core.metrics)
    members = MemberService(database, rulebook, parts, achievements.unlocking, clock, hours)
    leaderboards = LeaderboardService(database, rulebook, cursors, clock)
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
        credentials=core.credentials,
        hours=hours,
    )
    vault, private, resolver = Vault(core.secrets), settings.webhook_private_addresses, Resolver()
    webhooks = WebhookService(database, cursors, clock, vault, resolver, private=private)
    return Features(
        keys=keys,
        guilds=guilds,
        purging=purging,
        settings=guild_settings,
        activity=activity,
        members=members,
        leaderboards=leaderboards,
        achievements=achievements,
        imports=imports,
        webhooks=webhooks,
        deliverer=Deliverer(database, clock, vault, Sender(resolver, private=private)),
        idempotency=Idempotency(database, clock),
        upkeep=Upkeep(
            database,
            parts,
            clock,
            hours=hours,
            days=None if settings.days_kept_days is None else timedelta(days=settings.days_kept_days),
        ),
        services={
            "guilds": guilds,
            "pickers": pickers,
            "keys": keys,
            "audit": AuditService(database, cursors),
            "modules": ModuleService(database, changes, core.registry, cursors, clock),
            "settings": guild_settings,
            "activity": activity,
            "explaining": ExplainService(database, rulebook, clock),
            "members": members,
            "leaderboards": leaderboards,
            "achievements": achievements.service,
            "awards": achievements.awards,
            "imports": imports.service,
            "exporter": imports.exporter,
            "privacy": PrivacyService(database, clock),
            "eraser": Eraser(database, changes, clock),
            "exporter_of_people": PersonExporter(database, clock),
            "events": EventService(
                database,
                core.hub,
                core.directory,
                core.stream_bounds,
            ),
            "webhooks": webhooks,
            "people": core.people,
        },
    )
