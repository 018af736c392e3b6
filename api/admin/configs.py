"""The tables of the admin: which are shown, how, and what can be edited."""

from piccolo_admin.endpoints import TableConfig
from piccolo_api.crud.endpoints import OrderBy
from piccolo_api.crud.hooks import Hook, HookType

from api.admin.edits import change_admin, change_guild, refuse_self_removal
from api.admin.permissions import only, read_only
from tables.achievements import Achievement, AwardCount
from tables.admin import AdminUser
from tables.guilds import Guild, GuildChannel, GuildRole
from tables.imports import Import
from tables.named import NamedAuditEntry, NamedAward, NamedCustomStat, NamedMember
from tables.settings import GuildSettings, RegisteredModule, SettingsRevision


def table_configs() -> list[TableConfig]:
    """The configuration of every table in the admin. Keys and sessions are not among them: with those, a reader could
    act as somebody else."""
    return [*_guilds(), *_members(), *_achievements(), *_settings(), _audit_log(), _people()]


def _guilds() -> list[TableConfig]:
    guild, role, channel = Guild, GuildRole, GuildChannel
    return [
        TableConfig(
            guild,
            visible_columns=[
                guild.name,
                guild.id,
                guild.owner_id,
                guild.locale,
                guild.timezone,
                guild.updated_at,
                guild.deleted_at,
            ],
            visible_filters=[guild.id, guild.name, guild.owner_id, guild.locale, guild.timezone, guild.deleted_at],
            link_column=guild.name,
            order_by=[OrderBy(guild.name)],
            menu_group="Guilds",
            validators=only("patch_single"),
            hooks=[Hook(HookType.pre_patch, change_guild)],
        ),
        read_only(
            role,
            "Guilds",
            [role.name, role.guild_id, role.role_id, role.position, role.color],
            [role.guild_id, role.name, role.role_id],
            link=role.name,
            order=OrderBy(role.name),
        ),
        read_only(
            channel,
            "Guilds",
            [channel.name, channel.guild_id, channel.channel_id, channel.type, channel.parent_id, channel.position],
            [channel.guild_id, channel.name, channel.channel_id, channel.type],
            link=channel.name,
            order=OrderBy(channel.name),
        ),
    ]


def _members() -> list[TableConfig]:
    member, stat, brought = NamedMember, NamedCustomStat, Import
    return [
        read_only(
            member,
            "Members",
            [
                member.user_id,
                member.display_name,
                member.username,
                member.guild_id,
                member.xp,
                member.messages,
                member.voice_seconds,
                member.streak_best,
                member.last_active_at,
                member.left_at,
            ],
            [member.guild_id, member.user_id, member.is_ranked, member.left_at],
            link=member.user_id,
            order=OrderBy(member.id, ascending=False),
        ),
        read_only(
            stat,
            "Members",
            [stat.stat, stat.guild_id, stat.user_id, stat.display_name, stat.username, stat.value],
            [stat.guild_id, stat.user_id, stat.stat],
            link=stat.stat,
            order=OrderBy(stat.id, ascending=False),
        ),
        read_only(
            brought,
            "Members",
            [
                brought.source,
                brought.guild_id,
                brought.status,
                brought.progress,
                brought.imported,
                brought.refused,
                brought.created_at,
                brought.finished_at,
            ],
            [brought.guild_id, brought.source, brought.status, brought.created_at],
            link=brought.source,
            order=OrderBy(brought.id, ascending=False),
        ),
    ]


def _achievements() -> list[TableConfig]:
    achievement, award, count = Achievement, NamedAward, AwardCount
    return [
        read_only(
            achievement,
            "Achievements",
            [
                achievement.name,
                achievement.key,
                achievement.guild_id,
                achievement.condition,
                achievement.reward_xp,
                achievement.hidden,
                achievement.retroactive,
                achievement.deleted_at,
            ],
            [achievement.guild_id, achievement.key, achievement.name, achievement.deleted_at],
            link=achievement.name,
            order=OrderBy(achievement.id),
        ),
        read_only(
            count,
            "Achievements",
            [count.achievement_id, count.guild_id, count.awarded],
            [count.achievement_id, count.guild_id],
            link=count.awarded,
            order=OrderBy(count.awarded, ascending=False),
        ),
        read_only(
            award,
            "Achievements",
            [
                award.name,
                award.user_id,
                award.display_name,
                award.username,
                award.guild_id,
                award.achievement_id,
                award.awarded_at,
                award.awarded_by,
                award.xp,
                award.revoked_at,
            ],
            [award.guild_id, award.user_id, award.achievement_id, award.awarded_at, award.revoked_at],
            link=award.name,
            order=OrderBy(award.id, ascending=False),
        ),
    ]


def _settings() -> list[TableConfig]:
    current, past, module = GuildSettings, SettingsRevision, RegisteredModule
    return [
        read_only(
            current,
            "Settings",
            [current.module, current.guild_id, current.revision, current.overrides, current.updated_at],
            [current.guild_id, current.module, current.updated_at],
            link=current.module,
            order=OrderBy(current.updated_at, ascending=False),
        ),
        read_only(
            past,
            "Settings",
            [
                past.module,
                past.guild_id,
                past.revision,
                past.at,
                past.actor_kind,
                past.actor_id,
                past.changes,
                past.reason,
            ],
            [past.guild_id, past.module, past.at, past.actor_kind, past.actor_id],
            link=past.module,
            order=OrderBy(past.id, ascending=False),
        ),
        read_only(
            module,
            "Settings",
            [module.name, module.title, module.description, module.version, module.updated_at],
            [module.name, module.title],
            link=module.name,
            order=OrderBy(module.name),
        ),
    ]


def _audit_log() -> TableConfig:
    entry = NamedAuditEntry
    return read_only(
        entry,
        "Audit",
        [
            entry.at,
            entry.action,
            entry.guild_id,
            entry.target,
            entry.target_name,
            entry.actor_kind,
            entry.actor_id,
            entry.actor_name,
            entry.changes,
            entry.reason,
        ],
        [entry.guild_id, entry.action, entry.actor_kind, entry.actor_id, entry.at, entry.target, entry.request_id],
        link=entry.at,
        order=OrderBy(entry.id, ascending=False),
    )


def _people() -> TableConfig:
    person = AdminUser
    validators = only("post_single", "patch_single", "delete_single")
    validators.delete_single = [refuse_self_removal]
    return TableConfig(
        person,
        visible_columns=[
            person.username,
            person.email,
            person.active,
            person.admin,
            person.superuser,
            person.last_login,
        ],
        visible_filters=[person.username, person.email, person.active, person.superuser],
        link_column=person.username,
        order_by=[OrderBy(person.username)],
        menu_group="People",
        validators=validators,
        hooks=[Hook(HookType.pre_patch, change_admin)],
    )
