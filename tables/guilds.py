"""Guilds, and their roles and channels, which the dashboard offers for selection."""

from piccolo.columns import BigInt, BigSerial, ForeignKey, Integer, Timestamptz, Varchar
from piccolo.columns.defaults.timestamptz import TimestamptzNow
from piccolo.columns.readable import Readable
from piccolo.constraints import Check, Unique
from piccolo.table import Table


class Guild(Table, tablename="guilds", help_text="A community the bot is, or was, a member of."):
    id = BigInt(primary_key=True, default=None, null=False, help_text="The guild's snowflake.")
    name = Varchar(length=100, default=None, null=False, help_text="1 to 100 characters.")
    icon = Varchar(length=255, default=None, null=True, help_text="The hash of its icon, if it has one.")
    owner_id = BigInt(default=None, null=True, help_text="The snowflake of the user who owns it.")
    locale = Varchar(length=35, default="en-US", null=False, help_text="A BCP 47 language tag: en-US, de.")
    timezone = Varchar(length=64, default="UTC", null=False, help_text="An IANA name; its days and weeks go by it.")
    revision = BigInt(default=1, null=False, help_text="Counts the changes of this row.")
    roles_synced_at = Timestamptz(
        default=None, null=True, help_text="When the bot last sent the roles; empty before the first time."
    )
    channels_synced_at = Timestamptz(
        default=None, null=True, help_text="When the bot last sent the channels; empty before the first time."
    )
    created_at = Timestamptz(default=TimestamptzNow(), null=False, help_text="When the bot first joined.")
    updated_at = Timestamptz(default=TimestamptzNow(), null=False, help_text="When it last changed.")
    deleted_at = Timestamptz(
        default=None, null=True, help_text="When the bot left. It can be restored until the retention ends."
    )
    changed_xid = BigInt(default=0, null=False, help_text="The transaction that last wrote this row; caches follow it.")

    guilds_id_check = Check("id > 0")
    guilds_name_check = Check("name <> ''")
    guilds_owner_id_check = Check("owner_id > 0")

    @classmethod
    async def lock(cls, guild_id: int) -> bool:
        """Locks a guild, for a change of its data. Returns whether it exists and is not deleted."""
        row = await cls.select(cls.deleted_at).where(cls.id == guild_id).lock_rows("NO KEY UPDATE").first()
        return row is not None and row["deleted_at"] is None

    @classmethod
    def get_readable(cls) -> Readable:
        return Readable(template="%s", columns=[cls.name])


class GuildRole(Table, tablename="guild_roles", help_text="A role of a guild, as its bot last sent it."):
    id = BigSerial(primary_key=True)
    guild_id = ForeignKey(Guild, default=None, null=False, help_text="The guild it belongs to.")
    role_id = BigInt(default=None, null=False, help_text="The role's snowflake.")
    name = Varchar(length=100, default=None, null=False, help_text="1 to 100 characters.")
    position = Integer(default=0, null=False, help_text="Where it stands in the list of roles.")
    color = Integer(default=0, null=False, help_text="RGB as one number, 0 to 16777215.")

    guild_roles_guild_role_key = Unique([guild_id, role_id])
    guild_roles_role_id_check = Check("role_id > 0")
    guild_roles_color_check = Check("color BETWEEN 0 AND 16777215")

    @classmethod
    def get_readable(cls) -> Readable:
        return Readable(template="%s", columns=[cls.name])


class GuildChannel(Table, tablename="guild_channels", help_text="A channel of a guild, as its bot last sent it."):
    id = BigSerial(primary_key=True)
    guild_id = ForeignKey(Guild, default=None, null=False, help_text="The guild it belongs to.")
    channel_id = BigInt(default=None, null=False, help_text="The channel's snowflake.")
    name = Varchar(length=100, default=None, null=False, help_text="1 to 100 characters.")
    type = Integer(default=0, null=False, help_text="The kind of channel, as Discord numbers it; 0 is text.")
    parent_id = BigInt(default=None, null=True, help_text="The snowflake of its category.")
    position = Integer(default=0, null=False, help_text="Where it stands in the list of channels.")

    guild_channels_guild_channel_key = Unique([guild_id, channel_id])
    guild_channels_channel_id_check = Check("channel_id > 0")

    @classmethod
    def get_readable(cls) -> Readable:
        return Readable(template="%s", columns=[cls.name])
