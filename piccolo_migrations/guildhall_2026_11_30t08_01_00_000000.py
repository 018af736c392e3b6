"""The start, second half: initial_functions.sql."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from piccolo_migrations.sql_files import functions, run, statements

ID = "2026-11-30T08:01:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "Functions, triggers, and the rights on functions"

FUNCTIONS = "initial_functions.sql"


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="guildhall", description=DESCRIPTION)

    async def create() -> None:
        await run(*statements(FUNCTIONS))

    async def drop() -> None:
        # With them go their triggers, and the two indexes that call one.
        await run(f"DROP FUNCTION {', '.join(functions(FUNCTIONS))} CASCADE")

    manager.add_raw(create)
    manager.add_raw_backwards(drop)
    return manager
