"""The tables that a declaration describes completely. The others are in `tables.by_sql`.

`make check` compares each with the result of the migrations."""

from piccolo.table import Table

from tables.accounts import Login, Session
from tables.achievements import Achievement, AchievementBackfill, Award, AwardCount, MemberCount
from tables.admin import AdminSecondFactor, AdminSession, AdminUser
from tables.audit import AuditEntry
from tables.auth import ApiKey
from tables.cards import CardBackground
from tables.guilds import Guild, GuildChannel, GuildRole
from tables.imports import Import
from tables.jobs import Job
from tables.members import CustomStat, CustomStatName, Member
from tables.privacy import PrivacyChoice
from tables.settings import GuildSettings, RegisteredModule, SettingsRevision
from tables.webhooks import Webhook, WebhookDelivery

TABLES: list[type[Table]] = [
    Guild,
    GuildRole,
    GuildChannel,
    RegisteredModule,
    GuildSettings,
    SettingsRevision,
    Member,
    CustomStat,
    CustomStatName,
    MemberCount,
    Achievement,
    Award,
    AwardCount,
    AchievementBackfill,
    PrivacyChoice,
    Import,
    Job,
    ApiKey,
    AdminUser,
    AdminSession,
    AdminSecondFactor,
    Session,
    Login,
    AuditEntry,
    Webhook,
    WebhookDelivery,
    CardBackground,
]
