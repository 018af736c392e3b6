"""Pictures behind cards: card_backgrounds.sql."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from piccolo_migrations.sql_files import run, statements

ID = "2026-11-30T16:10:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "Pictures behind cards"


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="guildhall", description=DESCRIPTION)

    async def create() -> None:
        await run(*statements("card_backgrounds.sql"))

    async def drop() -> None:
        await run("DROP TABLE card_backgrounds")

    manager.add_raw(create)
    manager.add_raw_backwards(drop)
    return manager
