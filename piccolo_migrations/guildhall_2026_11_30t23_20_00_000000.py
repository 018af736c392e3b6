"""Views of people's rows with their names, for the admin: named_views.sql."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from piccolo_migrations.sql_files import run, statements

ID = "2026-11-30T23:20:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "Views of people's rows with their names, for the admin"


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="guildhall", description=DESCRIPTION)

    async def create() -> None:
        await run(*statements("named_views.sql"))

    async def drop() -> None:
        await run("DROP VIEW named_members, named_custom_stats, named_awards, named_audit_log")

    manager.add_raw(create)
    manager.add_raw_backwards(drop)
    return manager
