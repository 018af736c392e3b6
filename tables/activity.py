"""What recording writes beside members: which events were counted, and their sums by day and by hour.

They are partitioned by time, which a declaration cannot say: see `tables/by_sql.py`. Recording reads and writes them in
sets, in SQL."""

from datetime import date
from typing import cast

from piccolo.columns import UUID, BigInt, Date, Timestamptz, Varchar
from piccolo.table import Table


class ActivityId(Table, tablename="activity_ids", help_text="An event that was counted: none counts twice."):
    guild_id = BigInt(primary_key=True, default=None, null=False, help_text="The guild.")
    id = UUID(default=None, null=False, help_text="The key of the event's id: a snowflake, or a hash of another text.")
    week = Date(
        default=None, null=False, help_text="The Monday of the week in which it came; a date of its own: imported."
    )


class ActivityDay(Table, tablename="activity_days", help_text="What a member did on a day of the guild; user 0: all."):
    guild_id = BigInt(primary_key=True, default=None, null=False, help_text="The guild.")
    day = Date(default=None, null=False, help_text="The day, by the guild's zone.")
    user_id = BigInt(default=None, null=False, help_text="The member; 0: the guild as a whole.")
    xp = BigInt(default=0, null=False, help_text="By how much their XP rose or fell.")
    messages = BigInt(default=0, null=False, help_text="Messages written.")
    voice_seconds = BigInt(default=0, null=False, help_text="Seconds in voice channels.")
    reactions = BigInt(default=0, null=False, help_text="Reactions given.")
    commands = BigInt(default=0, null=False, help_text="Commands used.")
    earned_xp = BigInt(default=0, null=False, help_text="What of the XP events earned: the daily cap counts it.")
    events = BigInt(default=0, null=False, help_text="Events that were counted.")

    @classmethod
    async def first_of(cls, guild_id: int) -> date | None:
        """The first day of a guild with activity."""
        row = await cls.select(cls.day).where(cls.guild_id == guild_id).order_by(cls.day).first()
        return None if row is None else cast("date", row["day"])


class ActivityHour(Table, tablename="activity_hours", help_text="What a member did in an hour of the guild."):
    guild_id = BigInt(primary_key=True, default=None, null=False, help_text="The guild.")
    hour = Timestamptz(default=None, null=False, help_text="When the hour begins, by the guild's zone.")
    user_id = BigInt(default=None, null=False, help_text="The member; 0: the guild as a whole.")
    xp = BigInt(default=0, null=False, help_text="By how much their XP rose or fell.")
    messages = BigInt(default=0, null=False, help_text="Messages written.")
    voice_seconds = BigInt(default=0, null=False, help_text="Seconds in voice channels.")
    reactions = BigInt(default=0, null=False, help_text="Reactions given.")
    commands = BigInt(default=0, null=False, help_text="Commands used.")


class CustomStatDay(
    Table, tablename="custom_stat_days", help_text="A member's amount of a stat of the bot's own on a day."
):
    guild_id = BigInt(primary_key=True, default=None, null=False, help_text="The guild.")
    stat = Varchar(length=64, default=None, null=False, help_text="The stat's name.")
    day = Date(default=None, null=False, help_text="The day, by the guild's zone.")
    user_id = BigInt(default=None, null=False, help_text="The member; 0: the guild as a whole.")
    value = BigInt(default=0, null=False, help_text="The sum of the day's amounts.")
