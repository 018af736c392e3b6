"""Modules that bots registered, the overrides of guilds, and their revisions."""

from piccolo.columns import JSON, JSONB, BigInt, BigSerial, ForeignKey, Integer, Text, Timestamptz, Varchar
from piccolo.columns.defaults.timestamptz import TimestamptzNow
from piccolo.columns.readable import Readable
from piccolo.constraints import Check, Unique
from piccolo.table import Table

from tables.guilds import Guild


class RegisteredModule(
    Table, tablename="modules", help_text="A module of settings that a bot registered with its schema."
):
    name = Varchar(length=64, primary_key=True, default=None, null=False, help_text="Its name in addresses.")
    version = Integer(default=1, null=False, help_text="Counts the changes of its schema.")
    title = Varchar(length=100, default=None, null=True, help_text="What a dashboard calls it.")
    description = Varchar(length=1000, default=None, null=True, help_text="What it is for, in a sentence.")
    # As it was written: forms show properties in its order.
    schema = JSON(default=None, null=False, help_text="JSON Schema 2020-12, a default for every property.")
    created_at = Timestamptz(default=TimestamptzNow(), null=False, help_text="When it was registered.")
    updated_at = Timestamptz(default=TimestamptzNow(), null=False, help_text="When it last changed.")
    changed_xid = BigInt(default=0, null=False, help_text="The transaction that last wrote this row; caches follow it.")

    modules_name_check = Check("name ~ '^[a-z][a-z0-9_]{0,63}$'")

    @classmethod
    def get_readable(cls) -> Readable:
        return Readable(template="%s", columns=[cls.name])


class GuildSettings(Table, tablename="guild_settings", help_text="What a guild overrides in one module of settings."):
    id = BigSerial(primary_key=True)
    guild_id = ForeignKey(Guild, default=None, null=False, help_text="The guild whose settings they are.")
    module = Varchar(length=64, default=None, null=False, help_text="The module's name.")
    overrides = JSONB(default="{}", null=False, help_text="Only what differs from the module's defaults.")
    revision = Integer(default=1, null=False, help_text="Counts the changes; the first is 1.")
    updated_at = Timestamptz(default=TimestamptzNow(), null=False, help_text="When they last changed.")
    changed_xid = BigInt(default=0, null=False, help_text="The transaction that last wrote this row; caches follow it.")

    guild_settings_guild_module_key = Unique([guild_id, module])
    guild_settings_revision_check = Check("revision > 0")

    @classmethod
    def get_readable(cls) -> Readable:
        return Readable(template="%s of %s", columns=[cls.module, cls.guild_id.name])


class SettingsRevision(
    Table,
    tablename="guild_settings_revisions",
    help_text="One change of a guild's settings: who, when, why, before and after. Never edited.",
):
    id = BigSerial(primary_key=True)
    guild_id = ForeignKey(Guild, default=None, null=False, help_text="The guild whose settings changed.")
    module = Varchar(length=64, default=None, null=False, help_text="The module's name.")
    revision = Integer(default=None, null=False, help_text="The revision that this change made.")
    at = Timestamptz(default=TimestamptzNow(), null=False, help_text="When it was changed.")
    actor_kind = Varchar(length=8, default=None, null=False, help_text="key, user, admin or system.")
    actor_id = Varchar(length=64, default=None, null=True, help_text="Which key, user or admin.")
    reason = Text(default=None, null=True, help_text="The reason that was given.")
    before = JSONB(default="{}", null=False, help_text="The overrides before.")
    after = JSONB(default="{}", null=False, help_text="The overrides after.")
    changes = JSONB(default="{}", null=False, help_text="Effective values before and after, by property.")

    guild_settings_revisions_guild_module_revision_key = Unique([guild_id, module, revision])

    @classmethod
    def get_readable(cls) -> Readable:
        return Readable(template="%s, revision %s", columns=[cls.module, cls.revision])
