from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.engine import engine_finder

ID = "2026-11-29T16:16:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "What webhooks are owed is written apart from numbering, a batch at a time; old deliveries by an index"

COMMENTS = {
    "scopes": "Of what its maker could read, what bounds the data that it is sent.",
    "key_id": "The first of the keys in whose line it was made: it ends with them; empty: a person made it.",
}

# Made before rights were stored, by somebody with webhooks:write: all but what is of hidden people.
BACKFILL = """
    UPDATE webhooks SET scopes = '{guilds:read,members:read,settings:read,webhooks:write}' WHERE scopes = '{}'
"""

INDEXES = {
    # A key's successors have its number here.
    "api_keys_origin_idx": "api_keys (origin_id) WHERE origin_id IS NOT NULL",
    # Those that are old and done.
    "webhook_deliveries_done_idx": "webhook_deliveries (at) WHERE status <> 'pending'",
}

# Up to which event it is written who is owed it; of an event that concerns every guild, up to which webhook.
POSITION = """
    CREATE TABLE IF NOT EXISTS webhook_position (
        is_only boolean DEFAULT true NOT NULL,
        position bigint NOT NULL,
        webhook_id bigint,
        CONSTRAINT webhook_position_is_only_key PRIMARY KEY (is_only),
        CONSTRAINT webhook_position_is_only_check CHECK (is_only)
    )
"""
POSITION_COMMENTS = {
    "is_only": "There is one row.",
    "position": "The last event of which it is written who is owed it.",
    "webhook_id": "Of the event after it, which concerns every guild: the last webhook that is seen to; empty: none.",
}
BEGIN = """
    INSERT INTO webhook_position (position) SELECT newest FROM stream_position ON CONFLICT DO NOTHING
"""

# One caller at a time; others have nothing to do. The events of guilds up to the next one that concerns them all, or
# so many webhooks that are owed that one. Tells whether there may be more.
# Each webhook is touched, whether or not it is due already: who sends lets go of it under its row's lock, and must see
# what is written here, or be waited for.
OWE = """
    CREATE OR REPLACE FUNCTION guildhall_owe_deliveries(most integer) RETURNS boolean
    LANGUAGE plpgsql AS $$
    DECLARE
        seen record;
        upto bigint;
        every stream_events%ROWTYPE;
        last_webhook bigint;
    BEGIN
        SELECT p.position, p.webhook_id INTO seen FROM webhook_position p
        WHERE p.position < (SELECT newest FROM stream_position) FOR UPDATE SKIP LOCKED;
        IF NOT FOUND THEN
            RETURN false;
        END IF;
        upto := least(seen.position + most, (SELECT newest FROM stream_position));
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
                RETURNING webhook_id
            )
            UPDATE webhooks SET due_at = least(due_at, greatest(clock_timestamp(), rests_until))
            WHERE id IN (SELECT webhook_id FROM owed);
            IF last_webhook IS NULL THEN
                UPDATE webhook_position SET position = every.position, webhook_id = NULL;
            ELSE
                UPDATE webhook_position SET webhook_id = last_webhook;
            END IF;
            RETURN true;
        END IF;
        upto := coalesce(every.position - 1, upto);
        WITH owed AS (
            INSERT INTO webhook_deliveries (webhook_id, position, day, type, at)
            SELECT w.id, e.position, e.day, e.type, e.at
            FROM stream_events e JOIN webhooks w ON w.guild_id = e.guild_id
            WHERE e.position > seen.position AND e.position <= upto
                AND w.disabled_at IS NULL AND w.created_at <= e.at AND (w.types = '{}' OR e.type = ANY(w.types))
            ORDER BY e.position
            RETURNING webhook_id
        )
        UPDATE webhooks SET due_at = least(due_at, greatest(clock_timestamp(), rests_until))
        WHERE id IN (SELECT webhook_id FROM owed);
        UPDATE webhook_position SET position = upto, webhook_id = NULL;
        RETURN upto < (SELECT newest FROM stream_position);
    END $$
"""

# As it was before there were webhooks.
NUMBER = """
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


BEFORE = """
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
        ), numbered AS (
            INSERT INTO stream_events (position, day, guild_id, type, data, user_id, at)
            SELECT last + row_number() OVER (ORDER BY id), today, guild_id, type, data, user_id, at FROM gone
            RETURNING position, day, guild_id, type, at
        ), owed AS (
            INSERT INTO webhook_deliveries (webhook_id, position, day, type, at)
            SELECT w.id, n.position, n.day, n.type, n.at
            FROM numbered n JOIN webhooks w ON n.guild_id IS NULL OR w.guild_id = n.guild_id
            WHERE w.disabled_at IS NULL AND w.created_at <= n.at AND (w.types = '{}' OR n.type = ANY(w.types))
            ORDER BY n.position
            RETURNING webhook_id
        ), woken AS (
            UPDATE webhooks SET due_at = least(due_at, greatest(clock_timestamp(), rests_until))
            WHERE id IN (SELECT webhook_id FROM owed)
        )
        SELECT count(*) INTO moved FROM numbered;
        IF moved > 0 THEN
            UPDATE stream_position SET newest = last + moved;
            PERFORM pg_notify('guildhall_stream', '');
        END IF;
        RETURN last + moved;
    END $$
"""


async def run(statements: list[str]) -> None:
    engine = engine_finder()
    assert engine is not None
    for statement in statements:
        await engine.run_ddl(statement)


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="guildhall", description=DESCRIPTION)

    async def create() -> None:
        await run([f"COMMENT ON COLUMN webhooks.{column} IS '{words}'" for column, words in COMMENTS.items()])
        await run([BACKFILL])
        await run([f"CREATE INDEX IF NOT EXISTS {name} ON {on}" for name, on in INDEXES.items()])
        await run([POSITION, "COMMENT ON TABLE webhook_position IS 'How far it is written what webhooks are owed.'"])
        await run(
            [f"COMMENT ON COLUMN webhook_position.{column} IS '{words}'" for column, words in POSITION_COMMENTS.items()]
        )
        await run([OWE, NUMBER, BEGIN])

    async def drop() -> None:
        await run([BEFORE, "DROP FUNCTION IF EXISTS guildhall_owe_deliveries(integer)"])
        await run(["DROP TABLE IF EXISTS webhook_position"])
        await run([f"DROP INDEX IF EXISTS {name}" for name in INDEXES])

    manager.add_raw(create)
    manager.add_raw_backwards(drop)
    return manager
