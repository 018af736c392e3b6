"""Members of guilds: their standing, and what a guild's bot counts beside the built-in stats."""

from collections.abc import Sequence
from typing import Any

from piccolo.columns import BigInt, BigSerial, Boolean, Date, ForeignKey, Integer, Timestamptz, Varchar
from piccolo.columns.readable import Readable
from piccolo.constraints import Check, Unique
from piccolo.table import Table

from tables.guilds import Guild
from tables.sql import one_of


class Member(Table, tablename="members", help_text="A person in a guild: XP, stats, streak."):
    id = BigSerial(primary_key=True)
    guild_id = ForeignKey(Guild, default=None, null=False, help_text="The guild.")
    user_id = BigInt(default=None, null=False, help_text="The person's snowflake.")
    xp = BigInt(default=0, null=False, help_text="All XP, from 0 to 2^53. The level comes of it and the guild's curve.")
    messages = BigInt(default=0, null=False, help_text="Messages written.")
    voice_seconds = BigInt(default=0, null=False, help_text="Seconds in voice channels.")
    reactions = BigInt(default=0, null=False, help_text="Reactions given.")
    commands = BigInt(default=0, null=False, help_text="Commands used.")
    last_xp_at = Timestamptz(default=None, null=True, help_text="When a message last earned XP: the cooldown's start.")
    streak_from = Date(default=None, null=True, help_text="First day of the latest run of active days, the guild's.")
    streak_to = Date(default=None, null=True, help_text="Last day of that run.")
    streak_best = Integer(default=0, null=False, help_text="Days of the longest run.")
    first_seen_at = Timestamptz(default=None, null=True, help_text="The earliest event; empty if unknown.")
    last_active_at = Timestamptz(default=None, null=True, help_text="The latest event; empty if unknown.")
    left_at = Timestamptz(default=None, null=True, help_text="When they left; empty while they are there.")
    is_ranked = Boolean(
        default=True, null=False, help_text="Whether boards and ranks count them: not hidden, not left with `hide`."
    )
    names_digest = Integer(default=0, null=False, help_text="A digest of their row in member_names; 0: there is none.")
    has_display_name = Boolean(
        default=False, null=False, help_text="Whether a display name is known: lists have those without one last."
    )
    card_accent = Varchar(
        length=7, default=None, null=True, help_text="The accent that they chose for their card; empty if they did not."
    )

    @classmethod
    async def card_of(
        cls, guild_id: int, user_id: int, *, lock: bool = False
    ) -> dict[str, Any] | None:  # Any: a column's value
        """`card_accent`, empty or as they chose it; None without such a member. `lock`: until the transaction ends."""
        query = cls.select(cls.card_accent).where(cls.guild_id == guild_id, cls.user_id == user_id).first()
        return await (query.lock_rows("NO KEY UPDATE") if lock else query)

    @classmethod
    async def choose_accent(cls, guild_id: int, user_id: int, accent: str | None) -> None:
        """Stores the member's choice."""
        await cls.update({cls.card_accent: accent}).where(cls.guild_id == guild_id, cls.user_id == user_id)

    @classmethod
    async def lock(cls, guild_id: int, user_id: int, *, present: bool = False) -> bool:
        """Locks a member, for a removal or a change. `present`: only one who has not left. Returns whether there
        is one."""
        query = cls.select(cls.id).where(cls.guild_id == guild_id, cls.user_id == user_id)
        if present:
            query = query.where(cls.left_at.is_null())
        return await query.lock_rows().first() is not None

    @classmethod
    async def guilds_of(cls, user_id: int, only: Sequence[int] | None) -> list[int]:
        """The guilds, or those of `only`, in which this person has a row."""
        query = cls.select(cls.guild_id).where(cls.user_id == user_id).order_by(cls.guild_id)
        if only is not None:
            query = query.where(one_of(cls.guild_id, only))
        return [row["guild_id"] for row in await query]

    members_guild_user_key = Unique([guild_id, user_id])
    members_user_id_check = Check("user_id > 0")
    members_xp_check = Check("xp BETWEEN 0 AND 9007199254740992")
    members_card_accent_check = Check("card_accent ~ '^#[0-9a-f]{6}$'")

    @classmethod
    def get_readable(cls) -> Readable:
        return Readable(template="%s", columns=[cls.user_id])


class MemberName(Table, tablename="member_names", help_text="How a member is called, and their avatar."):
    guild_id = BigInt(primary_key=True, default=None, null=False, help_text="The guild.")
    user_id = BigInt(default=None, null=False, help_text="The person's snowflake.")
    username = Varchar(length=100, default=None, null=True, help_text="Their name on Discord; empty if unknown.")
    display_name = Varchar(
        length=100, default=None, null=True, help_text="What they are called in the guild; empty if unknown."
    )
    avatar = Varchar(
        length=34, default=None, null=True, help_text="Discord's hash of their avatar; empty if unknown or none."
    )
    username_folded = Varchar(
        length=100, default=None, null=True, help_text="The name without case and accents, to search by."
    )
    sort_name = Varchar(
        length=100,
        default=None,
        null=False,
        help_text="The display name without case and accents; U+10FFFF, the last of all, where there is none.",
    )


class CustomStat(Table, tablename="custom_stats", help_text="A member's total of a stat that the guild's bot counts."):
    id = BigSerial(primary_key=True)
    guild_id = ForeignKey(Guild, default=None, null=False, help_text="The guild.")
    user_id = BigInt(default=None, null=False, help_text="The person's snowflake.")
    stat = Varchar(length=64, default=None, null=False, help_text="The stat's name.")
    value = BigInt(default=0, null=False, help_text="The sum of all amounts.")

    custom_stats_guild_user_stat_key = Unique([guild_id, user_id, stat])

    @classmethod
    def get_readable(cls) -> Readable:
        return Readable(template="%s %s", columns=[cls.stat, cls.value])


class CustomStatName(Table, tablename="custom_stat_names", help_text="A stat that a guild's bot counts, by its name."):
    id = BigSerial(primary_key=True)
    guild_id = ForeignKey(Guild, default=None, null=False, help_text="The guild.")
    stat = Varchar(length=64, default=None, null=False, help_text="The stat's name: a guild has so many and no more.")

    custom_stat_names_guild_stat_key = Unique([guild_id, stat])

    @classmethod
    def get_readable(cls) -> Readable:
        return Readable(template="%s", columns=[cls.stat])
