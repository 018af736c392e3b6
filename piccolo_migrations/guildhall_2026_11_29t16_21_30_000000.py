from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.engine import engine_finder

ID = "2026-11-29T16:21:30:000000"
VERSION = "1.38.0"
DESCRIPTION = "What the table of log-ins holds by now, for whoever opens psql"

NOW = {
    "TABLE logins": "A log-in that is done: what began it is good for one.",
    "COLUMN logins.state_hash": "SHA-256 of the state that Discord brought back.",
    "COLUMN logins.expires_at": "When the state would have ended anyhow.",
}
BEFORE = {
    "TABLE logins": "A log-in under way: ten minutes, one try.",
    "COLUMN logins.state_hash": "SHA-256 of the state that Discord brings back.",
    "COLUMN logins.expires_at": "When it is given up.",
}


async def comment(words: dict[str, str]) -> None:
    engine = engine_finder()
    assert engine is not None
    for what, text in words.items():
        escaped = text.replace("'", "''")
        await engine.run_ddl(f"COMMENT ON {what} IS '{escaped}'")


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="guildhall", description=DESCRIPTION)

    async def now() -> None:
        await comment(NOW)

    async def before() -> None:
        await comment(BEFORE)

    manager.add_raw(now)
    manager.add_raw_backwards(before)
    return manager
