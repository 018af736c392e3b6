"""A webhook's delivery is found by the position of its event."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from piccolo_migrations.sql_files import run

ID = "2026-12-01T04:05:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "A webhook's delivery is found by the position of its event"


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="guildhall", description=DESCRIPTION)

    async def create() -> None:
        await run("CREATE INDEX webhook_deliveries_position_idx ON webhook_deliveries (webhook_id, position)")

    async def drop() -> None:
        await run("DROP INDEX webhook_deliveries_position_idx")

    manager.add_raw(create)
    manager.add_raw_backwards(drop)
    return manager
