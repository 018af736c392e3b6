from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.engine import engine_finder

ID = "2026-11-29T16:13:30:000000"
VERSION = "1.38.0"
DESCRIPTION = "What the new columns of sessions hold"

COMMENTS = {
    "user_agent": "What the browser called itself, at log-in.",
    "ip": "The address that they logged in from.",
}


async def run(statements: list[str]) -> None:
    engine = engine_finder()
    assert engine is not None
    for statement in statements:
        await engine.run_ddl(statement)


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="guildhall", description=DESCRIPTION)

    async def create() -> None:
        await run([f"COMMENT ON COLUMN sessions.{name} IS '{words}'" for name, words in COMMENTS.items()])

    manager.add_raw(create)
    return manager
