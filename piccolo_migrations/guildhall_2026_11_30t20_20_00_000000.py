"""Ids of events as keys of 16 bytes: a snowflake, then zeros; or the beginning of a text's SHA-256, with the first bit
set. `api/activity/event_keys.py` makes the same keys. One statement, which writes each partition once."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from piccolo_migrations.sql_files import run

ID = "2026-11-30T20:20:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "Ids of events as keys of 16 bytes"

# The table is locked meanwhile, and servers of the version before cannot record afterwards: CHANGELOG.md tells to stop
# them. Two forms of ids beside each other would need two look-ups an event until the last imported id is converted.
_TO_KEYS = """
-- squawk-ignore changing-column-type
ALTER TABLE activity_ids ALTER COLUMN id TYPE uuid USING CASE
    WHEN id !~ '^[1-9][0-9]{0,18}$' OR length(id) = 19 AND id > '9223372036854775807'
        THEN encode(set_bit(substr(sha256(convert_to(id, 'UTF8')), 1, 16), 7, 1), 'hex')::uuid
    ELSE (lpad(to_hex(id::bigint), 16, '0') || repeat('0', 16))::uuid
END
"""

# A hash stays one: what was an id is known no more.
_TO_TEXTS = """
ALTER TABLE activity_ids ALTER COLUMN id TYPE varchar(64) COLLATE "C" USING CASE
    WHEN id < '80000000000000000000000000000000' THEN ('x' || left(id::text, 8) || substr(id::text, 10, 4)
        || substr(id::text, 15, 4))::bit(64)::bigint::text
    ELSE replace(id::text, '-', '')
END
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="guildhall", description=DESCRIPTION)

    async def to_keys() -> None:
        await run(
            _TO_KEYS,
            "COMMENT ON COLUMN activity_ids.id IS"
            " 'The key of the event''s id: a snowflake, or a hash of another text.'",
        )

    async def to_texts() -> None:
        await run(_TO_TEXTS, "COMMENT ON COLUMN activity_ids.id IS 'The id that the guild''s bot gave the event.'")

    manager.add_raw(to_keys)
    manager.add_raw_backwards(to_texts)
    return manager
