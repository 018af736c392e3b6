from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.engine import engine_finder

ID = "2026-11-29T16:06:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "The comment of the session that asked for an import"

COMMENT = "COMMENT ON COLUMN imports.session_id IS {}"
WORDS = "'The session of a person who asked: with it the import ends.'"


async def run(statement: str) -> None:
    engine = engine_finder()
    assert engine is not None
    await engine.run_ddl(statement)


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="guildhall", description=DESCRIPTION)

    async def say() -> None:
        await run(COMMENT.format(WORDS))

    async def unsay() -> None:
        await run(COMMENT.format("NULL"))

    manager.add_raw(say)
    manager.add_raw_backwards(unsay)
    return manager
