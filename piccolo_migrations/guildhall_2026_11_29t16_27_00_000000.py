"""Second factors end with their admin, and say what they are."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.engine import engine_finder

ID = "2026-11-29T16:27:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "Second factors of admins: their foreign key and comments"

KEY = "admin_second_factors_user_id_fkey"
# The table is new and empty: nobody waits while the key is looked through. It may run twice.
REFER = f"""
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_constraint WHERE conname = '{KEY}') THEN
        ALTER TABLE admin_second_factors ADD CONSTRAINT {KEY}
            FOREIGN KEY (user_id) REFERENCES admin_users ON DELETE CASCADE;
    END IF;
END $$
"""
TABLE = "An admin's authenticator app: it shows codes that change."
COLUMNS = {
    "user_id": "Whose it is.",
    "secret": "What app and server share, encrypted.",
    "recovery_codes": "SHA-256 of each code that is not used yet, for when the app is lost.",
    "confirmed_at": "When a first code proved that the app has it; empty: it does not count yet.",
    "last_step": "The half minute of the last code: none counts twice.",
    "created_at": "When it was made.",
}


async def run(statements: list[str]) -> None:
    engine = engine_finder()
    assert engine is not None
    for statement in statements:
        await engine.run_ddl(statement)


def text(words: str) -> str:
    return "'" + words.replace("'", "''") + "'"


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="guildhall", description=DESCRIPTION)

    async def create() -> None:
        await run(
            [
                REFER,
                f"COMMENT ON TABLE admin_second_factors IS {text(TABLE)}",
                *(f"COMMENT ON COLUMN admin_second_factors.{name} IS {text(words)}" for name, words in COLUMNS.items()),
            ]
        )

    async def drop() -> None:
        await run([f"ALTER TABLE admin_second_factors DROP CONSTRAINT IF EXISTS {KEY}"])

    manager.add_raw(create)
    manager.add_raw_backwards(drop)
    return manager
