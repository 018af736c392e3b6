from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.engine import engine_finder

ID = "2026-11-29T16:10:30:000000"
VERSION = "1.38.0"
DESCRIPTION = "A key ends with the key that made it, whoever ends that"

COMMENTS = {
    "parent_id": "The key that made it, with which it ends; empty: none did.",
    "origin_id": "The first of the keys that this one replaces, whose budget of requests it spends; empty: itself.",
}

# Each generation fires it for the next one. `least` passes over what is null.
FUNCTION = """
    CREATE OR REPLACE FUNCTION guildhall_end_children() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        UPDATE api_keys SET revoked_at = NEW.revoked_at, expires_at = least(expires_at, NEW.expires_at)
        WHERE parent_id = NEW.id AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
            AND (NEW.revoked_at IS NOT NULL OR NEW.expires_at < coalesce(expires_at, 'infinity'));
        RETURN NULL;
    END $$
"""
TRIGGER = """
    CREATE OR REPLACE TRIGGER api_keys_end_children AFTER UPDATE OF revoked_at, expires_at ON api_keys FOR EACH ROW
    WHEN ((NEW.revoked_at, NEW.expires_at) IS DISTINCT FROM (OLD.revoked_at, OLD.expires_at))
    EXECUTE FUNCTION guildhall_end_children()
"""


async def run(statements: list[str]) -> None:
    engine = engine_finder()
    assert engine is not None
    for statement in statements:
        await engine.run_ddl(statement)


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="guildhall", description=DESCRIPTION)

    async def create() -> None:
        await run([f"COMMENT ON COLUMN api_keys.{column} IS '{words}'" for column, words in COMMENTS.items()])
        await run(
            [
                "CREATE INDEX IF NOT EXISTS api_keys_parent_idx ON api_keys (parent_id) WHERE revoked_at IS NULL",
                FUNCTION,
                TRIGGER,
            ]
        )

    async def drop() -> None:
        await run(
            [
                "DROP TRIGGER IF EXISTS api_keys_end_children ON api_keys",
                "DROP FUNCTION IF EXISTS guildhall_end_children()",
                "DROP INDEX IF EXISTS api_keys_parent_idx",
            ]
        )

    manager.add_raw(create)
    manager.add_raw_backwards(drop)
    return manager
