"""Achievements: the definitions of guilds and of the whole installation, and their awards."""

from datetime import datetime
from typing import Any, cast

from piccolo.columns import (
    JSONB,
    And,
    BigInt,
    BigSerial,
    Boolean,
    Column,
    ForeignKey,
    Integer,
    Text,
    Timestamptz,
    Varchar,
)
from piccolo.columns.combination import WhereRaw
from piccolo.columns.defaults.timestamptz import TimestamptzNow
from piccolo.columns.readable import Readable
from piccolo.constraints import Check, Unique
from piccolo.table import Table

from tables.guilds import Guild
from tables.members import Member
from tables.sql import Row


class Achievement(Table, tablename="achievements", help_text="What members can earn, and by what."):
    id = BigSerial(primary_key=True)
    guild_id = ForeignKey(Guild, default=None, null=True, help_text="The guild it belongs to; empty: every guild.")
    key = Varchar(length=64, default=None, null=False, help_text="Its name in addresses.")
    name = Varchar(length=100, default=None, null=False, help_text="What members read.")
    description = Text(default=None, null=True, help_text="How it is earned, in words.")
    icon = Varchar(length=255, default=None, null=True, help_text="An emoji or the address of a picture.")
    hidden = Boolean(default=False, null=False, help_text="Whether only those who have it see it.")
    prerequisites = JSONB(default="[]", null=False, help_text="Keys of the achievements that come before it.")
    condition = JSONB(default=None, null=False, help_text="A tree of all, any and comparisons.")
    reward_xp = BigInt(default=0, null=False, help_text="XP that comes with it.")
    reward_role_id = BigInt(default=None, null=True, help_text="The role that comes with it.")
    retroactive = Boolean(
        default=False, null=False, help_text="Whether a backfill gives it to those who meet it already."
    )
    revision = Integer(default=1, null=False, help_text="Counts the changes; the first is 1.")
    created_at = Timestamptz(default=TimestamptzNow(), null=False, help_text="When it was made.")
    updated_at = Timestamptz(default=TimestamptzNow(), null=False, help_text="When it last changed.")
    deleted_at = Timestamptz(
        default=None,
        null=True,
        help_text="Since when it cannot be earned. It can be restored until the retention ends.",
    )
    changed_xid = BigInt(default=0, null=False, help_text="The transaction that last wrote this row; caches follow it.")

    @classmethod
    def is_of(cls, guild_id: int, key: str) -> And:
        """The achievement of a guild, or of the whole installation (0), with this key, deleted or not."""
        # Written as in the unique index, so that PostgreSQL uses it.
        return WhereRaw("coalesce({}, 0) = {}", cls.guild_id, guild_id) & (cls.key == key)

    @classmethod
    async def locked(cls, guild_id: int, key: str) -> Row | None:
        """The row, locked for a change. Awards may still refer to it."""
        return await cls.select().where(cls.is_of(guild_id, key)).lock_rows("NO KEY UPDATE").first()

    @classmethod
    async def store(cls, guild_id: int, key: str, before: Row | None, columns: dict[str, Any], now: datetime) -> Row:
        """Creates the achievement, or overwrites the locked row `before`."""
        if before is not None:
            return await cls.change(before["id"], columns, now)
        made = cls(guild_id=guild_id or None, key=key, created_at=now, updated_at=now, **columns)
        [row] = await cls.insert(made).returning(*cls.all_columns())
        return row

    @classmethod
    async def change(cls, id_: int, columns: dict[str, Any], now: datetime) -> Row:  # Any: a column's value
        """Changes the achievement, and undoes its deletion: a new revision."""
        values: dict[Column | str, Any] = {
            cls.updated_at: now,
            cls.deleted_at: None,
            cls.revision: cls.revision + 1,
        }
        values.update(columns)
        [row] = await cls.update(values).where(cls.id == id_).returning(*cls.all_columns())
        return cast("Row", row)

    @classmethod
    async def mark_deleted(cls, id_: int, now: datetime) -> None:
        """Marks the achievement as deleted: nobody can earn it any more."""
        values: dict[Column | str, object] = {
            cls.deleted_at: now,
            cls.updated_at: now,
            cls.revision: cls.revision + 1,
        }
        await cls.update(values).where(cls.id == id_)

    achievements_key_check = Check("key ~ '^[a-z0-9][a-z0-9-]{0,63}$'")
    achievements_reward_xp_check = Check("reward_xp BETWEEN 0 AND 9007199254740992")
    achievements_reward_role_id_check = Check("reward_role_id > 0")
    achievements_revision_check = Check("revision > 0")

    @classmethod
    def get_readable(cls) -> Readable:
        return Readable(template="%s", columns=[cls.name])


class Award(Table, tablename="achievement_awards", help_text="An achievement that a member has, or had."):
    id = BigSerial(primary_key=True)
    achievement_id = ForeignKey(Achievement, default=None, null=False, help_text="Which achievement.")
    member_id = ForeignKey(
        Member, default=None, null=False, help_text="The member's row: the award is deleted with it."
    )
    guild_id = BigInt(default=None, null=False, help_text="The member's guild.")
    user_id = BigInt(default=None, null=False, help_text="The member's snowflake.")
    name = Varchar(length=100, default=None, null=False, help_text="The achievement's name when it was awarded.")
    xp = BigInt(default=0, null=False, help_text="XP that was given with it, and not taken back.")
    role_id = BigInt(default=None, null=True, help_text="The role that came with it.")
    awarded_at = Timestamptz(default=TimestamptzNow(), null=False, help_text="When.")
    awarded_by = Varchar(length=80, default=None, null=True, help_text="Who awarded it by hand; empty: it was earned.")
    revoked_at = Timestamptz(default=None, null=True, help_text="When it was revoked; empty: they have it.")
    revoked_by = Varchar(length=80, default=None, null=True, help_text="Who revoked it.")

    @classmethod
    def is_of(cls, member_id: int, achievement_id: int) -> And:
        """The award of an achievement to a member, including a revoked one."""
        return (cls.member_id == member_id) & (cls.achievement_id == achievement_id)

    @classmethod
    async def revoke(cls, member_id: int, achievement_id: int, by: str, now: datetime, *, taken_xp: int) -> None:
        """Revokes an award, of whose XP this much is taken back."""
        values: dict[Column | str, object] = {
            cls.revoked_at: now,
            cls.revoked_by: by,
            cls.xp: cls.xp - taken_xp,
        }
        await cls.update(values).where(cls.is_of(member_id, achievement_id))

    achievement_awards_member_achievement_key = Unique([member_id, achievement_id])
    achievement_awards_user_id_check = Check("user_id > 0")
    achievement_awards_xp_check = Check("xp >= 0")

    @classmethod
    def get_readable(cls) -> Readable:
        return Readable(template="%s, %s", columns=[cls.name, cls.user_id])


class AwardCount(Table, tablename="achievement_counts", help_text="How many members of a guild have an achievement."):
    id = BigSerial(primary_key=True)
    achievement_id = ForeignKey(Achievement, default=None, null=False, help_text="Which achievement.")
    guild_id = ForeignKey(Guild, default=None, null=False, help_text="In which guild.")
    awarded = BigInt(default=0, null=False, help_text="How many members have it now.")

    achievement_counts_achievement_guild_key = Unique([achievement_id, guild_id])

    @classmethod
    def get_readable(cls) -> Readable:
        return Readable(template="%s: %s", columns=[cls.achievement_id.name, cls.awarded])


class MemberCount(Table, tablename="member_counts", help_text="How many members of a guild are known in all."):
    guild_id = BigInt(primary_key=True, default=None, null=False, help_text="The guild.")
    members = BigInt(default=0, null=False, help_text="All of them: hidden ones and those who left, too.")

    @classmethod
    async def lock(cls, guild_id: int) -> None:
        """Locks the counter of a guild, for a removal of members."""
        await cls.select(cls.guild_id).where(cls.guild_id == guild_id).lock_rows().first()

    @classmethod
    def get_readable(cls) -> Readable:
        return Readable(template="%s", columns=[cls.members])


class AchievementBackfill(
    Table,
    tablename="achievement_backfills",
    help_text="The progress of a backfill, which gives an achievement to members who meet it already.",
):
    achievement_id = BigInt(primary_key=True, default=None, null=False, help_text="Which achievement.")
    status = Varchar(length=8, default="queued", null=False, help_text="queued, running, finished or failed.")
    after_guild_id = BigInt(default=0, null=False, help_text="The guild whose members are being evaluated.")
    after_user_id = BigInt(default=0, null=False, help_text="The last member there who was evaluated.")
    evaluated = BigInt(default=0, null=False, help_text="Members who were evaluated.")
    members = BigInt(default=0, null=False, help_text="Members when it began.")
    awarded = BigInt(default=0, null=False, help_text="Members who got it.")
    finished_at = Timestamptz(default=None, null=True, help_text="When it ended; empty before.")

    @classmethod
    async def locked(cls, achievement_id: int) -> Row | None:
        """The progress of the backfill, locked for its worker."""
        return await cls.select().where(cls.achievement_id == achievement_id).lock_rows().first()

    achievement_backfills_status_check = Check("status IN ('queued', 'running', 'finished', 'failed')")

    @classmethod
    def get_readable(cls) -> Readable:
        return Readable(template="%s", columns=[cls.status])


class InstallationCount(
    Table, tablename="installation_counts", help_text="A part of a sum over all guilds, which so has several rows."
):
    id = BigInt(primary_key=True, default=None, null=False, help_text="PostgreSQL numbers the rows.")
    subject = BigInt(default=None, null=False, help_text="The achievement, of the whole installation; 0: members.")
    total = BigInt(default=None, null=False, help_text="A part of the sum; may be below 0.")
