from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.engine import engine_finder

ID = "2026-11-29T17:22:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "Whose file of a guild is on its way in: its place is taken before anything of it is stored"

TABLE = """
    CREATE TABLE IF NOT EXISTS import_uploads (
        guild_id bigint NOT NULL,
        import_id bigint NOT NULL,
        held_until timestamptz NOT NULL,
        CONSTRAINT import_uploads_guild_key PRIMARY KEY (guild_id),
        CONSTRAINT import_uploads_guild_id_fkey FOREIGN KEY (guild_id) REFERENCES guilds (id) ON DELETE CASCADE
    )
"""
COMMENTS = {
    "TABLE import_uploads": "A file on its way in: one at a time for a guild.",
    "COLUMN import_uploads.guild_id": "The guild that it is of.",
    "COLUMN import_uploads.import_id": "The number that the import will have.",
    "COLUMN import_uploads.held_until": "When another one may take the place, if nothing more comes.",
}


async def run(statements: list[str]) -> None:
    engine = engine_finder()
    assert engine is not None
    for statement in statements:
        await engine.run_ddl(statement)


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="guildhall", description=DESCRIPTION)

    async def create() -> None:
        await run([TABLE, *(f"COMMENT ON {what} IS '{words}'" for what, words in COMMENTS.items())])

    async def drop() -> None:
        await run(["DROP TABLE IF EXISTS import_uploads"])

    manager.add_raw(create)
    manager.add_raw_backwards(drop)
    return manager
