from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.engine import engine_finder

ID = "2026-11-30T01:00:00:000000"
VERSION = "1.38.0"
DESCRIPTION = (
    "Numbering begins behind what is done: an old snapshot, as of a backup, keeps dead rows, which were walked"
)

# While anybody holds an old snapshot, VACUUM removes nothing, and whatever looks for the first row of the outbox
# passes all that was ever deleted from it. So a round asks by transaction for what the last one did not see, and the
# row that says so is the last of its index.
COLUMNS = (
    "ALTER TABLE outbox ADD COLUMN IF NOT EXISTS xid xid8 NOT NULL DEFAULT pg_current_xact_id()",
    "CREATE INDEX IF NOT EXISTS outbox_xid_idx ON outbox (xid)",
    """
    ALTER TABLE stream_position
        DROP COLUMN IF EXISTS is_only,
        ADD COLUMN IF NOT EXISTS round bigint NOT NULL DEFAULT 0,
        ADD COLUMN IF NOT EXISTS seen pg_snapshot NOT NULL DEFAULT '1:1:',
        ADD COLUMN IF NOT EXISTS after_id bigint,
        ADD COLUMN IF NOT EXISTS until_id bigint
    """,
    "CREATE UNIQUE INDEX IF NOT EXISTS stream_position_round_idx ON stream_position (round)",
    "COMMENT ON COLUMN outbox.xid IS 'The transaction that wrote it.'",
    "COMMENT ON TABLE stream_position IS 'How far the stream is: one row, which each round writes anew.'",
    "COMMENT ON COLUMN stream_position.round IS 'Rises by one, so that the row is the last of its index.'",
    """
    COMMENT ON COLUMN stream_position.seen IS 'What it saw has its position, but for what lies between the next two.'
    """,
    "COMMENT ON COLUMN stream_position.after_id IS 'Of more than a round may do: after which id it goes on.'",
    """
    COMMENT ON COLUMN stream_position.until_id IS 'Of more than a round may do: up to which id; empty: all is done.'
    """,
)
COLUMNS_BEFORE = (
    """
    ALTER TABLE stream_position
        DROP COLUMN IF EXISTS round, DROP COLUMN IF EXISTS seen, DROP COLUMN IF EXISTS after_id,
        DROP COLUMN IF EXISTS until_id,
        ADD COLUMN IF NOT EXISTS is_only boolean NOT NULL DEFAULT true,
        DROP CONSTRAINT IF EXISTS stream_position_is_only_key, DROP CONSTRAINT IF EXISTS stream_position_is_only_check,
        ADD CONSTRAINT stream_position_is_only_key PRIMARY KEY (is_only),
        ADD CONSTRAINT stream_position_is_only_check CHECK (is_only)
    """,
    "DROP INDEX IF EXISTS outbox_xid_idx",
    "ALTER TABLE outbox DROP COLUMN IF EXISTS xid",
    "COMMENT ON TABLE stream_position IS 'The newest position of the stream, in its only row.'",
)

# What the last round, whose snapshot is `seen`, did not see, of transactions that have ended.
UNSEEN = """
    SELECT o.id FROM outbox o WHERE o.xid >= pg_snapshot_xmax({seen})
    UNION ALL
    SELECT o.id FROM pg_snapshot_xip({seen}) AS running (xid)
    CROSS JOIN LATERAL (SELECT id FROM outbox WHERE xid = running.xid OFFSET 0) o
    WHERE pg_visible_in_snapshot(running.xid, pg_current_snapshot())
"""

# Gives positions to what was committed, in the order in which it was written, and the newest position back. One at a
# time: each statement here sees what was committed before the lock was taken, so a position is visible only when all
# lower ones are. Others may run transactions for as long as they like: what they have written gets its position when
# they commit.
# More than `most` is a stretch of ids, gone through from one to the next: what is committed meanwhile waits for its
# end, since it may follow from what stands in it.
# `afresh` looks at all there is, as does who finds that the snapshot is another server's: restored rows may bear numbers
# of transactions that are still to come. Without anything to number the snapshot is renewed now and then, so that what
# a long transaction has written is not looked at each time.
# No plan may read the whole table: it was made when that was empty.
NUMBER = f"""
    CREATE OR REPLACE FUNCTION guildhall_number_events(most integer, afresh boolean DEFAULT false) RETURNS bigint
    LANGUAGE plpgsql SET enable_seqscan = off SET enable_bitmapscan = off AS $$
    DECLARE
        was stream_position%ROWTYPE;
        sees pg_snapshot;
        ids bigint[];
        today date;
        moved integer := 0;
    BEGIN
        SELECT * INTO STRICT was FROM stream_position ORDER BY round DESC LIMIT 1;
        sees := pg_current_snapshot();
        IF NOT afresh AND was.until_id IS NULL
            AND pg_snapshot_xmax(sees)::text::bigint - pg_snapshot_xmax(was.seen)::text::bigint BETWEEN 0 AND 1000
            AND NOT EXISTS ({UNSEEN.format(seen="was.seen")}) THEN
            RETURN was.newest;
        END IF;
        PERFORM pg_advisory_xact_lock(x'73747265'::int, 0);
        SELECT * INTO STRICT was FROM stream_position ORDER BY round DESC LIMIT 1;
        IF afresh OR pg_snapshot_xmax(was.seen) > pg_snapshot_xmax(pg_current_snapshot()) THEN
            was.seen := '1:1:';
            was.until_id := NULL;
        END IF;
        IF was.until_id IS NULL THEN
            SELECT pg_current_snapshot(), ARRAY(SELECT id FROM ({UNSEEN.format(seen="was.seen")}) AS u LIMIT most + 1)
                INTO sees, ids;
            IF cardinality(ids) > most THEN
                SELECT min(id) - 1, max(id) INTO was.after_id, was.until_id
                FROM ({UNSEEN.format(seen="was.seen")}) AS u;
            END IF;
            was.seen := sees;
        END IF;
        IF was.until_id IS NOT NULL THEN
            ids := ARRAY(
                SELECT id FROM outbox WHERE id > was.after_id AND id <= was.until_id
                    AND (pg_visible_in_snapshot(xid, was.seen) OR xid >= pg_snapshot_xmax(pg_current_snapshot()))
                ORDER BY id LIMIT most
            );
            IF cardinality(ids) = most THEN
                was.after_id := ids[most];
            ELSE
                was.after_id := NULL;
                was.until_id := NULL;
            END IF;
        END IF;
        IF cardinality(ids) > 0 THEN
            today := (clock_timestamp() AT TIME ZONE 'UTC')::date;
            PERFORM guildhall_make_part('stream_events', today);
            WITH gone AS (
                DELETE FROM outbox WHERE id = ANY(ids) RETURNING id, guild_id, type, data, user_id, at
            )
            INSERT INTO stream_events (position, day, guild_id, type, data, user_id, at)
            SELECT was.newest + row_number() OVER (ORDER BY id), today, guild_id, type, data, user_id, at FROM gone;
            GET DIAGNOSTICS moved = ROW_COUNT;
            IF moved > 0 THEN
                PERFORM pg_notify('guildhall_stream', '');
            END IF;
        END IF;
        DELETE FROM stream_position WHERE round = was.round;
        INSERT INTO stream_position (round, newest, seen, after_id, until_id)
        VALUES (was.round + 1, was.newest + moved, was.seen, was.after_id, was.until_id);
        RETURN was.newest + moved;
    END $$
"""
NUMBER_BEFORE = """
    CREATE OR REPLACE FUNCTION guildhall_number_events(most integer) RETURNS bigint
    LANGUAGE plpgsql AS $$
    DECLARE
        last bigint;
        today date;
        moved integer;
    BEGIN
        IF NOT EXISTS (SELECT FROM outbox) THEN
            RETURN (SELECT newest FROM stream_position);
        END IF;
        SELECT newest INTO STRICT last FROM stream_position FOR UPDATE;
        today := (clock_timestamp() AT TIME ZONE 'UTC')::date;
        PERFORM guildhall_make_part('stream_events', today);
        WITH gone AS (
            DELETE FROM outbox WHERE id IN (SELECT id FROM outbox ORDER BY id LIMIT most)
            RETURNING id, guild_id, type, data, user_id, at
        )
        INSERT INTO stream_events (position, day, guild_id, type, data, user_id, at)
        SELECT last + row_number() OVER (ORDER BY id), today, guild_id, type, data, user_id, at FROM gone;
        GET DIAGNOSTICS moved = ROW_COUNT;
        IF moved > 0 THEN
            UPDATE stream_position SET newest = last + moved;
            PERFORM pg_notify('guildhall_stream', '');
        END IF;
        RETURN last + moved;
    END $$
"""


async def run(*statements: str) -> None:
    engine = engine_finder()
    assert engine is not None
    for statement in statements:
        await engine.run_ddl(statement)


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="guildhall", description=DESCRIPTION)

    async def create() -> None:
        await run(*COLUMNS, "DROP FUNCTION IF EXISTS guildhall_number_events(integer)", NUMBER)

    async def drop() -> None:
        await run("DROP FUNCTION IF EXISTS guildhall_number_events(integer, boolean)", *COLUMNS_BEFORE, NUMBER_BEFORE)

    manager.add_raw(create)
    manager.add_raw_backwards(drop)
    return manager
