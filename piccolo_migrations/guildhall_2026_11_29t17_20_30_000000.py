from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.engine import engine_finder

ID = "2026-11-29T17:20:30:000000"
VERSION = "1.38.0"
DESCRIPTION = "The stats that guilds count already keep their names, however many; what the table holds, for psql"

# A guild that has more than it could have by now keeps them all, and gets no more.
BACKFILL = """
    INSERT INTO custom_stat_names (guild_id, stat) SELECT DISTINCT guild_id, stat FROM custom_stats
    ON CONFLICT DO NOTHING
"""

COMMENTS = {
    "TABLE custom_stat_names": "A stat that a guild''s bot counts, by its name.",
    "COLUMN custom_stat_names.guild_id": "The guild.",
    "COLUMN custom_stat_names.stat": "The stat''s name: a guild has so many and no more.",
}


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="guildhall", description=DESCRIPTION)

    async def fill() -> None:
        engine = engine_finder()
        assert engine is not None
        await engine.run_ddl(BACKFILL)
        for what, words in COMMENTS.items():
            await engine.run_ddl(f"COMMENT ON {what} IS '{words}'")

    async def nothing() -> None:
        """The table goes with its own migration."""

    manager.add_raw(fill)
    manager.add_raw_backwards(nothing)
    return manager
