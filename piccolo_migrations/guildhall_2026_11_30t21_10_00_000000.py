"""Schemas of modules keep the order in which they were written."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from piccolo_migrations.sql_files import run

ID = "2026-11-30T21:10:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "Schemas of modules keep the order in which they were written"


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="guildhall", description=DESCRIPTION)

    async def keep() -> None:
        # The table is rewritten: it has 200 rows at most.
        await run(
            "-- squawk-ignore changing-column-type\n"
            "ALTER TABLE modules ALTER COLUMN schema TYPE json USING schema::json"
        )

    async def sort() -> None:
        await run("ALTER TABLE modules ALTER COLUMN schema TYPE jsonb USING schema::jsonb")

    manager.add_raw(keep)
    manager.add_raw_backwards(sort)
    return manager
