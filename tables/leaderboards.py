"""What leaderboards and ranks are read from: standings in their order, counters of XP, sums of months.

A declaration cannot say all of these tables: see `tables/by_sql.py`. They are written and read in sets, in SQL,
except for the checkpoints of a guild."""

from datetime import date
from typing import cast

from piccolo.columns import BigInt, Boolean, Date, Integer, Or, Where
from piccolo.table import Table


class Board(Table, tablename="boards", help_text="A ranked member's number on one leaderboard of all time."):
    guild_id = BigInt(primary_key=True, default=None, null=False, help_text="The guild.")
    stat = Integer(default=None, null=False, help_text="0: XP; otherwise the stat's number.")
    value = BigInt(default=None, null=False, help_text="The number; of a stat never 0.")
    user_id = BigInt(default=None, null=False, help_text="The member.")


class XpCount(Table, tablename="xp_counts", help_text="How many ranked members have XP of the same first bits."):
    guild_id = BigInt(primary_key=True, default=None, null=False, help_text="The guild.")
    kept = Integer(default=None, null=False, help_text="How many of the first bits are the same: 1 or 8.")
    low = BigInt(default=None, null=False, help_text="The least XP that has them.")
    members = BigInt(default=None, null=False, help_text="How many members have them.")


class ActivityCheckpoint(
    Table, tablename="activity_checkpoints", help_text="The end of a month up to which a guild's members have sums."
):
    guild_id = BigInt(primary_key=True, default=None, null=False, help_text="The guild.")
    day = Date(default=None, null=False, help_text="The last day of the month.")
    is_stale = Boolean(default=False, null=False, help_text="Whether its sums are no longer read, and go.")

    @classmethod
    async def last_of(cls, guild_id: int) -> date | None:
        """The day of a guild's last checkpoint."""
        row = await cls.select(cls.day).where(cls.guild_id == guild_id).order_by(cls.day, ascending=False).first()
        return None if row is None else cast("date", row["day"])

    @classmethod
    async def mark_stale(cls, guild_id: int, *, since: date | None, before: date) -> None:
        """Marks a guild's checkpoints as stale: those from the day `since` on, and those older than `before`."""
        outdated: Where | Or = cls.day < before
        if since is not None:
            outdated |= cls.day >= since
        fresh = (cls.guild_id == guild_id) & cls.is_stale.eq(False)  # noqa: FBT003 - a column's value
        await cls.update({cls.is_stale: True}).where(fresh, outdated)


class ActivityTotal(Table, tablename="activity_totals", help_text="A member's sums up to the end of a month."):
    guild_id = BigInt(primary_key=True, default=None, null=False, help_text="The guild.")
    day = Date(default=None, null=False, help_text="The last day of the month.")
    user_id = BigInt(default=None, null=False, help_text="The member.")
    xp = BigInt(default=None, null=False, help_text="XP of all days up to then.")
    messages = BigInt(default=None, null=False, help_text="Messages written.")
    voice_seconds = BigInt(default=None, null=False, help_text="Seconds in voice channels.")
    reactions = BigInt(default=None, null=False, help_text="Reactions given.")
    commands = BigInt(default=None, null=False, help_text="Commands used.")


class ActivityRewrite(
    Table, tablename="activity_rewrites", help_text="From which day on an import has made a guild's sums untrue."
):
    guild_id = BigInt(primary_key=True, default=None, null=False, help_text="The guild.")
    day = Date(default=None, null=False, help_text="The first day that was written to again.")

    @classmethod
    async def take(cls, guild_id: int) -> date | None:
        """Removes and returns the first day that was rewritten since the last call."""
        rows = await cls.delete().where(cls.guild_id == guild_id).returning(cls.day)
        return cast("date", rows[0]["day"]) if rows else None
