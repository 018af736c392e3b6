"""Views of people's rows with their names beside their ids, which the admin shows. Nothing is written here."""

from piccolo.columns import JSONB, BigInt, BigSerial, Boolean, Date, ForeignKey, Integer, Text, Timestamptz, Varchar
from piccolo.columns.readable import Readable
from piccolo.table import Table

from tables.achievements import Achievement
from tables.guilds import Guild

_DISPLAY_NAME = "What they are called in the guild; empty if unknown."
_USERNAME = "Their name on Discord; empty if unknown."


class NamedMember(Table, tablename="named_members", help_text="A person in a guild: names, XP, stats, streak."):
    id = BigSerial(primary_key=True)
    user_id = BigInt(default=None, help_text="The person's snowflake.")
    display_name = Varchar(length=100, default=None, null=True, help_text=_DISPLAY_NAME)
    username = Varchar(length=100, default=None, null=True, help_text=_USERNAME)
    guild_id = ForeignKey(Guild, default=None, help_text="The guild.")
    xp = BigInt(default=0, help_text="All XP, from 0 to 2^53. The level comes of it and the guild's curve.")
    messages = BigInt(default=0, help_text="Messages written.")
    voice_seconds = BigInt(default=0, help_text="Seconds in voice channels.")
    reactions = BigInt(default=0, help_text="Reactions given.")
    commands = BigInt(default=0, help_text="Commands used.")
    streak_from = Date(default=None, null=True, help_text="First day of the latest run of active days, the guild's.")
    streak_to = Date(default=None, null=True, help_text="Last day of that run.")
    streak_best = Integer(default=0, help_text="Days of the longest run.")
    first_seen_at = Timestamptz(default=None, null=True, help_text="The earliest event; empty if unknown.")
    last_active_at = Timestamptz(default=None, null=True, help_text="The latest event; empty if unknown.")
    left_at = Timestamptz(default=None, null=True, help_text="When they left; empty while they are there.")
    is_ranked = Boolean(default=True, help_text="Whether boards and ranks count them.")

    @classmethod
    def get_readable(cls) -> Readable:
        return Readable(template="%s", columns=[cls.user_id])


class NamedCustomStat(
    Table, tablename="named_custom_stats", help_text="A member's total of a stat that the guild's bot counts."
):
    id = BigSerial(primary_key=True)
    guild_id = ForeignKey(Guild, default=None, help_text="The guild.")
    user_id = BigInt(default=None, help_text="The person's snowflake.")
    display_name = Varchar(length=100, default=None, null=True, help_text=_DISPLAY_NAME)
    username = Varchar(length=100, default=None, null=True, help_text=_USERNAME)
    stat = Varchar(length=64, default=None, help_text="The stat's name.")
    value = BigInt(default=0, help_text="The sum of all amounts.")

    @classmethod
    def get_readable(cls) -> Readable:
        return Readable(template="%s %s", columns=[cls.stat, cls.value])


class NamedAward(Table, tablename="named_awards", help_text="An achievement that a member has, or had."):
    id = BigSerial(primary_key=True)
    achievement_id = ForeignKey(Achievement, default=None, help_text="Which achievement.")
    guild_id = ForeignKey(Guild, default=None, help_text="The member's guild.")
    user_id = BigInt(default=None, help_text="The member's snowflake.")
    display_name = Varchar(length=100, default=None, null=True, help_text=_DISPLAY_NAME)
    username = Varchar(length=100, default=None, null=True, help_text=_USERNAME)
    name = Varchar(length=100, default=None, help_text="The achievement's name when it was awarded.")
    xp = BigInt(default=0, help_text="XP that was given with it, and not taken back.")
    role_id = BigInt(default=None, null=True, help_text="The role that came with it.")
    awarded_at = Timestamptz(default=None, help_text="When.")
    awarded_by = Varchar(length=80, default=None, null=True, help_text="Who awarded it by hand; empty: it was earned.")
    revoked_at = Timestamptz(default=None, null=True, help_text="Since when it is taken away; empty: they have it.")
    revoked_by = Varchar(length=80, default=None, null=True, help_text="Who took it away.")

    @classmethod
    def get_readable(cls) -> Readable:
        return Readable(template="%s, %s", columns=[cls.name, cls.user_id])


class NamedAuditEntry(Table, tablename="named_audit_log", help_text="One change. Entries are added and read only."):
    id = BigSerial(primary_key=True)
    at = Timestamptz(default=None, help_text="When it happened.")
    guild_id = BigInt(default=None, null=True, help_text="The guild it is about; empty for the whole installation.")
    actor_kind = Varchar(length=8, default=None, help_text="key, user, admin or system.")
    actor_id = Varchar(length=64, default=None, null=True, help_text="Which key, user or admin.")
    actor_name = Varchar(length=100, default=None, null=True, help_text="What that user is called in the guild.")
    action = Varchar(length=64, default=None, help_text="What was done: settings.updated, …")
    target = Varchar(length=255, default=None, null=True, help_text="What it was done to.")
    target_name = Varchar(length=100, default=None, null=True, help_text="What that member is called in the guild.")
    reason = Text(default=None, null=True, help_text="Why, as the one who did it said.")
    changes = JSONB(default="{}", help_text="Values before and after, by name.")
    ip = Varchar(length=45, default=None, null=True, help_text="The address that it came from.")
    request_id = Varchar(length=128, default=None, null=True, help_text="Finds the request in the log.")

    @classmethod
    def get_readable(cls) -> Readable:
        return Readable(template="%s %s", columns=[cls.action, cls.target])


VIEWS: list[type[Table]] = [NamedMember, NamedCustomStat, NamedAward, NamedAuditEntry]
