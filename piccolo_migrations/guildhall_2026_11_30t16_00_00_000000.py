"""Slugs of public pages are unique."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from piccolo_migrations.sql_files import run

ID = "2026-11-30T16:00:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "Slugs of public pages are unique"


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="guildhall", description=DESCRIPTION)

    async def create() -> None:
        await run(
            "CREATE UNIQUE INDEX guild_settings_public_slug_key ON guild_settings ((overrides ->> 'slug'))"
            " WHERE module = 'public'"
        )

    async def drop() -> None:
        await run("DROP INDEX guild_settings_public_slug_key")

    manager.add_raw(create)
    manager.add_raw_backwards(drop)
    return manager
