"""The admin's audit log names people whose snowflakes have 19 digits: named_audit_log.sql."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from piccolo_migrations.sql_files import run, statements

ID = "2026-12-01T00:45:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "The admin's audit log names people whose snowflakes have 19 digits"


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="guildhall", description=DESCRIPTION)

    async def replace() -> None:
        await run(*statements("named_audit_log.sql"))

    async def bring_back() -> None:
        earlier = next(each for each in statements("named_views.sql") if "VIEW named_audit_log" in each)
        await run(earlier.replace("CREATE VIEW", "CREATE OR REPLACE VIEW"))

    manager.add_raw(replace)
    manager.add_raw_backwards(bring_back)
    return manager
