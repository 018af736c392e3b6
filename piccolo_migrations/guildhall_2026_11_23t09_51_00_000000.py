from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.engine import engine_finder

ID = "2026-11-23T09:51:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "What each table and column holds, for whoever opens psql"

COMMENTS = {
    "guilds": (
        "A community the bot is, or was, a member of.",
        {
            "id": "The guild's snowflake.",
            "name": "1 to 100 characters.",
            "icon": "The hash of its icon, if it has one.",
            "owner_id": "The snowflake of the user who owns it.",
            "locale": "A BCP 47 language tag: en-US, de.",
            "timezone": "An IANA name; its days and weeks go by it.",
            "revision": "Counts the changes of this row.",
            "roles_synced_at": "When the bot last sent the roles; empty before the first time.",
            "channels_synced_at": "When the bot last sent the channels; empty before the first time.",
            "created_at": "When the bot first joined.",
            "updated_at": "When it last changed.",
            "deleted_at": "When the bot left. It can be restored until the retention ends.",
            "changed_xid": "The transaction that last wrote this row; caches follow it.",
        },
    ),
    "guild_roles": (
        "A role of a guild, as its bot last sent it.",
        {
            "guild_id": "The guild it belongs to.",
            "role_id": "The role's snowflake.",
            "name": "1 to 100 characters.",
            "position": "Where it stands in the list of roles.",
            "color": "RGB as one number, 0 to 16777215.",
        },
    ),
    "guild_channels": (
        "A channel of a guild, as its bot last sent it.",
        {
            "guild_id": "The guild it belongs to.",
            "channel_id": "The channel's snowflake.",
            "name": "1 to 100 characters.",
            "type": "The kind of channel, as Discord numbers it; 0 is text.",
            "parent_id": "The snowflake of its category.",
            "position": "Where it stands in the list of channels.",
        },
    ),
    "modules": (
        "A module of settings that a bot registered with its schema.",
        {
            "name": "Its name in addresses.",
            "version": "Counts the changes of its schema.",
            "title": "What a dashboard calls it.",
            "description": "What it is for, in a sentence.",
            "schema": "JSON Schema 2020-12, a default for every property.",
            "created_at": "When it was registered.",
            "updated_at": "When it last changed.",
            "changed_xid": "The transaction that last wrote this row; caches follow it.",
        },
    ),
    "guild_settings": (
        "What a guild overrides in one module of settings.",
        {
            "guild_id": "The guild whose settings they are.",
            "module": "The module's name.",
            "overrides": "Only what differs from the module's defaults.",
            "revision": "Counts the changes; the first is 1.",
            "updated_at": "When they last changed.",
            "changed_xid": "The transaction that last wrote this row; caches follow it.",
        },
    ),
    "guild_settings_revisions": (
        "One change of a guild's settings: who, when, why, before and after. Never edited.",
        {
            "guild_id": "The guild whose settings changed.",
            "module": "The module's name.",
            "revision": "The revision that this change made.",
            "at": "When it was changed.",
            "actor_kind": "key, user, admin or system.",
            "actor_id": "Which key, user or admin.",
            "reason": "Why, as the one who changed it said.",
            "before": "The overrides before.",
            "after": "The overrides after.",
            "changes": "Effective values before and after, by property.",
        },
    ),
    "api_keys": (
        "A bot's key. Only its SHA-256 is kept.",
        {
            "name": "What its maker calls it.",
            "prefix": "Its first characters, to know it by.",
            "hash": "SHA-256 of the whole key.",
            "scopes": "What it may do.",
            "guild_ids": "The only guilds it sees; empty: all.",
            "rate_limit": "Requests a minute; empty: no limit.",
            "expires_at": "When it ends by itself.",
            "revoked_at": "When it was revoked.",
            "last_used_at": "Its last use, to the minute.",
            "created_at": "When it was made.",
            "changed_xid": "The transaction that last wrote this row; caches follow it.",
        },
    ),
    "admin_users": (
        "Someone who may open Piccolo Admin.",
        {
            "admin": "An admin can log into the Piccolo admin GUI.",
            "superuser": "If True, this user can manage other users's passwords in the Piccolo admin GUI.",
            "last_login": "When this user last logged in.",
        },
    ),
    "admin_sessions": (
        "A browser logged in to the admin.",
        {},
    ),
    "audit_log": (
        "One change. The application may add and read entries, and has no right to alter them.",
        {
            "at": "When it happened.",
            "guild_id": "The guild it is about; empty for the whole installation. Outlives the guild.",
            "actor_kind": "key, user, admin or system.",
            "actor_id": "Which key, user or admin.",
            "action": "What was done: settings.updated, …",
            "target": "What it was done to.",
            "reason": "Why, as the one who did it said.",
            "changes": "Values before and after, by name.",
            "ip": "The address that it came from.",
            "request_id": "Finds the request in the log.",
        },
    ),
}


async def comment(*, forwards: bool) -> None:
    engine = engine_finder()
    assert engine is not None

    def text(words: str) -> str:
        return "'" + words.replace("'", "''") + "'" if forwards else "NULL"

    for table, (about, columns) in COMMENTS.items():
        await engine.run_ddl(f"COMMENT ON TABLE {table} IS {text(about)}")
        for column, words in columns.items():
            await engine.run_ddl(f"COMMENT ON COLUMN {table}.{column} IS {text(words)}")


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="guildhall", description=DESCRIPTION)

    async def write() -> None:
        await comment(forwards=True)

    async def remove() -> None:
        await comment(forwards=False)

    manager.add_raw(write)
    manager.add_raw_backwards(remove)
    return manager
