"""The start, first half: initial_schema.sql."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from piccolo_migrations.sql_files import run, statements, tables

ID = "2026-11-30T08:00:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "Every table with its columns, constraints and indexes"

SCHEMA = "initial_schema.sql"


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="guildhall", description=DESCRIPTION)

    async def create() -> None:
        await run(*statements(SCHEMA))

    async def drop() -> None:
        await run(f"DROP TABLE {', '.join(tables(SCHEMA))}")

    manager.add_raw(create)
    manager.add_raw_backwards(drop)
    return manager
