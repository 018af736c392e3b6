"""The accent that a member chose for their card."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from piccolo_migrations.sql_files import run

ID = "2026-11-30T20:30:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "The accent that a member chose for their card"


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="guildhall", description=DESCRIPTION)

    async def add() -> None:
        await run(
            "ALTER TABLE members ADD COLUMN card_accent varchar(7) DEFAULT NULL"
            " CONSTRAINT members_card_accent_check CHECK (card_accent ~ '^#[0-9a-f]{6}$')",
            "COMMENT ON COLUMN members.card_accent IS"
            " 'The accent that they chose for their card; empty if they did not.'",
        )

    async def drop() -> None:
        await run("ALTER TABLE members DROP COLUMN card_accent")

    manager.add_raw(add)
    manager.add_raw_backwards(drop)
    return manager
