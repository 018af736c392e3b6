from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.engine import engine_finder

ID = "2026-11-29T16:08:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "The comments of what an import knows of its file"

COMMENTS = {
    "digest": "SHA-256 of the file: it is known when it is sent again.",
    "counted_before": "Rows that an earlier try, which failed, has counted.",
}


async def run(statement: str) -> None:
    engine = engine_finder()
    assert engine is not None
    await engine.run_ddl(statement)


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="guildhall", description=DESCRIPTION)

    async def say() -> None:
        for column, words in COMMENTS.items():
            await run(f"COMMENT ON COLUMN imports.{column} IS '{words}'")

    async def unsay() -> None:
        for column in COMMENTS:
            await run(f"COMMENT ON COLUMN imports.{column} IS NULL")

    manager.add_raw(say)
    manager.add_raw_backwards(unsay)
    return manager
