from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.engine import engine_finder

ID = "2026-11-29T17:25:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "Who left a guild that resets those who leave has a tombstone there, as who was erased has"

ADD = "ALTER TABLE erased_people ADD COLUMN IF NOT EXISTS only_left boolean NOT NULL DEFAULT false"
DROP = "ALTER TABLE erased_people DROP COLUMN IF EXISTS only_left"
# Of the time before this column's, nobody: to drop these tombstones is what their absence meant.
FORGET = "DELETE FROM erased_people WHERE only_left"

NOW = {
    "TABLE erased_people": "People who were erased, or left a guild that resets those who leave, by a salted hash, so"
    " that what comes late does not bring them back.",
    "COLUMN erased_people.guild_id": "The guild in which they were erased, or that they left; 0: everywhere.",
    "COLUMN erased_people.erased_at": "What happened before then is dropped; the row goes after 8 days.",
    "COLUMN erased_people.only_left": "Whether they only left: XP that is imported after that may bring them back.",
}
BEFORE = {
    "TABLE erased_people": "People who were erased, by a salted hash, so that what comes late does not bring them back.",
    "COLUMN erased_people.guild_id": "The guild in which they were erased; 0: everywhere.",
    "COLUMN erased_people.erased_at": "What happened before then is dropped; the row goes after 8 days.",
}


async def run(statements: list[str]) -> None:
    engine = engine_finder()
    assert engine is not None
    for statement in statements:
        await engine.run_ddl(statement)


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="guildhall", description=DESCRIPTION)

    async def add() -> None:
        await run([ADD, *(f"COMMENT ON {what} IS '{words}'" for what, words in NOW.items())])

    async def drop() -> None:
        await run([FORGET, DROP, *(f"COMMENT ON {what} IS '{words}'" for what, words in BEFORE.items())])

    manager.add_raw(add)
    manager.add_raw_backwards(drop)
    return manager
