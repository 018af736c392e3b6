from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.engine import engine_finder

ID = "2026-11-29T16:11:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "Of which guild an idempotent answer is, for whoever erases a person in some guilds only"


async def run(statements: list[str]) -> None:
    engine = engine_finder()
    assert engine is not None
    for statement in statements:
        await engine.run_ddl(statement)


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="guildhall", description=DESCRIPTION)

    async def create() -> None:
        await run(
            [
                "ALTER TABLE idempotent_answers ADD COLUMN IF NOT EXISTS guild_id bigint",
                "COMMENT ON COLUMN idempotent_answers.guild_id IS 'The guild that the request was about; empty: none.'",
            ]
        )

    async def drop() -> None:
        await run(["ALTER TABLE idempotent_answers DROP COLUMN IF EXISTS guild_id"])

    manager.add_raw(create)
    manager.add_raw_backwards(drop)
    return manager
