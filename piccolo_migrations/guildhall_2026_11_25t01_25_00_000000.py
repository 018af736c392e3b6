from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.engine import engine_finder

ID = "2026-11-25T01:25:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "Members who are on no board: few, and looked for by every board that is added up"


async def run(statement: str) -> None:
    engine = engine_finder()
    assert engine is not None
    await engine.run_ddl(statement)


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="guildhall", description=DESCRIPTION)

    async def create() -> None:
        await run(
            "CREATE INDEX IF NOT EXISTS members_unranked_idx ON members (guild_id, user_id) WHERE NOT is_ranked",
        )

    async def drop() -> None:
        await run("DROP INDEX IF EXISTS members_unranked_idx")

    manager.add_raw(create)
    manager.add_raw_backwards(drop)
    return manager
