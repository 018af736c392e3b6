from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.engine import engine_finder

ID = "2026-11-24T20:41:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "What the tables of members and of privacy hold, for whoever opens psql"

COMMENTS = {
    "members": (
        "A person in a guild: XP, stats, streak.",
        {
            "guild_id": "The guild.",
            "user_id": "The person's snowflake.",
            "xp": "All XP, from 0 to 2^53. The level comes of it and the guild's curve.",
            "messages": "Messages written.",
            "voice_seconds": "Seconds in voice channels.",
            "reactions": "Reactions given.",
            "commands": "Commands used.",
            "last_xp_at": "When a message last earned XP: the cooldown's start.",
            "streak_from": "First day of the latest run of active days, the guild's.",
            "streak_to": "Last day of that run.",
            "streak_best": "Days of the longest run.",
            "first_seen_at": "The earliest event; empty if unknown.",
            "last_active_at": "The latest event; empty if unknown.",
            "left_at": "When they left; empty while they are there.",
            "is_ranked": "Whether boards and ranks count them: not hidden, not left with `hide`.",
        },
    ),
    "custom_stats": (
        "A member's total of a stat that the guild's bot counts.",
        {
            "guild_id": "The guild.",
            "user_id": "The person's snowflake.",
            "stat": "The stat's name.",
            "value": "The sum of all amounts.",
        },
    ),
    "privacy_choices": (
        "Someone who is hidden from boards, or whose events are dropped.",
        {
            "user_id": "The person's snowflake.",
            "hidden_at": "Since when they are on no board; empty: they are public.",
            "opted_out_at": "Since when their events are dropped; empty: kept.",
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
