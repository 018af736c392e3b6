from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.engine import engine_finder

from piccolo_migrations.guildhall_2026_11_29t16_16_00_000000 import OWE as OWE_BEFORE

ID = "2026-11-30T20:04:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "Webhooks begin behind what is done: an old snapshot, as of a backup, keeps dead rows, which were walked"

COLUMNS = (
    "COMMENT ON COLUMN webhooks.done_id IS 'Of its deliveries none up to this one is yet to be tried for the first time.'",
    # What failed and is tried again; the others are found behind `done_id`.
    """
    CREATE INDEX IF NOT EXISTS webhook_deliveries_retried_idx ON webhook_deliveries (webhook_id, next_at)
    WHERE status = 'pending' AND attempts > 0
    """,
    "ALTER TABLE webhook_position DROP COLUMN IF EXISTS is_only, ADD COLUMN IF NOT EXISTS round bigint NOT NULL DEFAULT 0",
    "CREATE UNIQUE INDEX IF NOT EXISTS webhook_position_round_idx ON webhook_position (round)",
    "COMMENT ON TABLE webhook_position IS"
    " 'How far it is written what webhooks are owed: one row, which each round writes anew.'",
    "COMMENT ON COLUMN webhook_position.round IS 'Rises by one, so that the row is the last of its index.'",
)
COLUMNS_BEFORE = (
    """
    ALTER TABLE webhook_position
        DROP COLUMN IF EXISTS round,
        ADD COLUMN IF NOT EXISTS is_only boolean DEFAULT true NOT NULL,
        DROP CONSTRAINT IF EXISTS webhook_position_is_only_key, DROP CONSTRAINT IF EXISTS webhook_position_is_only_check,
        ADD CONSTRAINT webhook_position_is_only_key PRIMARY KEY (is_only),
        ADD CONSTRAINT webhook_position_is_only_check CHECK (is_only)
    """,
    "COMMENT ON TABLE webhook_position IS 'How far it is written what webhooks are owed.'",
    "COMMENT ON COLUMN webhook_position.is_only IS 'There is one row.'",
    "DROP INDEX IF EXISTS webhook_deliveries_retried_idx",
)

# One caller at a time; others have nothing to do. The events of guilds up to the next one that concerns them all, or
# so many webhooks that are owed that one. Tells whether there may be more.
# Each webhook is touched, whether or not it is due already: who sends lets go of it under its row's lock, and must see
# what is written here, or be waited for. Whoever has moved `done_id` meanwhile has not seen it: so it goes back.
# No plan may read a whole table: what is dead there may not have gone away.
OWE = """
    CREATE OR REPLACE FUNCTION guildhall_owe_deliveries(most integer) RETURNS boolean
    LANGUAGE plpgsql SET enable_seqscan = off AS $$
    DECLARE
        seen webhook_position%ROWTYPE;
        last bigint;
        upto bigint;
        every stream_events%ROWTYPE;
        last_webhook bigint;
    BEGIN
        SELECT * INTO STRICT seen FROM webhook_position ORDER BY round DESC LIMIT 1;
        SELECT newest INTO STRICT last FROM stream_position ORDER BY round DESC LIMIT 1;
        IF seen.position >= last OR NOT pg_try_advisory_xact_lock(x'6f776564'::int, 0) THEN
            RETURN false;
        END IF;
        SELECT * INTO STRICT seen FROM webhook_position ORDER BY round DESC LIMIT 1;
        DELETE FROM webhook_position WHERE round = seen.round;
        upto := least(seen.position + most, last);
        SELECT * INTO every FROM stream_events
        WHERE position > seen.position AND position <= upto AND guild_id IS NULL ORDER BY position LIMIT 1;
        IF every.position = seen.position + 1 THEN
            SELECT max(id) INTO last_webhook FROM (
                SELECT id FROM webhooks WHERE id > coalesce(seen.webhook_id, 0) ORDER BY id LIMIT most
            ) AS batch;
            WITH owed AS (
                INSERT INTO webhook_deliveries (webhook_id, position, day, type, at)
                SELECT w.id, every.position, every.day, every.type, every.at FROM webhooks w
                WHERE w.id > coalesce(seen.webhook_id, 0) AND w.id <= last_webhook
                    AND w.disabled_at IS NULL AND w.created_at <= every.at
                    AND (w.types = '{}' OR every.type = ANY(w.types))
                ORDER BY w.id
                RETURNING webhook_id, id
            )
            UPDATE webhooks SET due_at = least(due_at, greatest(clock_timestamp(), rests_until)),
                done_id = least(done_id, owed.id - 1)
            FROM owed WHERE webhooks.id = owed.webhook_id;
            INSERT INTO webhook_position (round, position, webhook_id) VALUES (
                seen.round + 1, CASE WHEN last_webhook IS NULL THEN every.position ELSE seen.position END, last_webhook
            );
            RETURN true;
        END IF;
        upto := coalesce(every.position - 1, upto);
        WITH came AS MATERIALIZED (
            SELECT e.position, e.day, e.type, e.at, e.guild_id FROM stream_events e
            WHERE e.position > seen.position AND e.position <= upto
        ), hooks AS MATERIALIZED (  -- each is looked up once, past all that it was before
            SELECT id, guild_id, types, created_at FROM webhooks
            WHERE disabled_at IS NULL AND guild_id IN (SELECT DISTINCT came.guild_id FROM came)
        ), owed AS (
            INSERT INTO webhook_deliveries (webhook_id, position, day, type, at)
            SELECT w.id, e.position, e.day, e.type, e.at
            FROM came e JOIN hooks w ON w.guild_id = e.guild_id
            WHERE w.created_at <= e.at AND (w.types = '{}' OR e.type = ANY(w.types))
            ORDER BY e.position
            RETURNING webhook_id, id
        ), firsts AS (
            SELECT webhook_id, min(id) AS id FROM owed GROUP BY webhook_id
        )
        UPDATE webhooks SET due_at = least(due_at, greatest(clock_timestamp(), rests_until)),
            done_id = least(done_id, firsts.id - 1)
        FROM firsts WHERE webhooks.id = firsts.webhook_id;
        INSERT INTO webhook_position (round, position) VALUES (seen.round + 1, upto);
        RETURN upto < last;
    END $$
"""


async def run(*statements: str) -> None:
    engine = engine_finder()
    assert engine is not None
    for statement in statements:
        await engine.run_ddl(statement)


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="guildhall", description=DESCRIPTION)

    async def change() -> None:
        await run(*COLUMNS, OWE)

    async def change_back() -> None:
        await run(*COLUMNS_BEFORE, OWE_BEFORE, "ALTER FUNCTION guildhall_owe_deliveries(integer) RESET ALL")

    manager.add_raw(change)
    manager.add_raw_backwards(change_back)
    return manager
