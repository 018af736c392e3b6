"""Names and avatars of members: member_names.sql."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from piccolo_migrations.sql_files import run, statements

ID = "2026-11-30T15:20:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "Names and avatars of members"


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="guildhall", description=DESCRIPTION)

    async def create() -> None:
        await run(*statements("member_names.sql"))

    async def drop() -> None:
        await run(
            "DROP TABLE member_names",
            "ALTER TABLE members DROP COLUMN names_digest, DROP COLUMN has_display_name",  # and the index with it
        )

    manager.add_raw(create)
    manager.add_raw_backwards(drop)
    return manager
