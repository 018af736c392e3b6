from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.engine import engine_finder

ID = "2026-11-25T01:36:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "What webhooks are owed is written when an event gets its position; their indexes and comments"

INDEXES = {
    "webhooks_guild_idx": "webhooks (guild_id, id)",
    # Those that are owed something.
    "webhooks_due_idx": "webhooks (due_at) WHERE due_at IS NOT NULL",
    "webhook_deliveries_webhook_idx": "webhook_deliveries (webhook_id, id DESC)",
    "webhook_deliveries_pending_idx": "webhook_deliveries (webhook_id, id) WHERE status = 'pending'",
}

COMMENTS = {
    "webhooks": (
        "An address to which a guild's events are sent.",
        {
            "guild_id": "The guild.",
            "url": "Where events are sent.",
            "types": "Which events; empty: all.",
            "secret": "What signs, encrypted.",
            "disabled_at": "Since when nothing is sent; empty: it is.",
            "failing_since": "Since when nothing arrives; empty: it does.",
            "failures": "How often in a row nothing arrived.",
            "rests_until": "Until when it is left alone after a failure.",
            "due_at": "When there is something to send; empty: nothing.",
            "holder": "The process that is sending; empty: none.",
            "held_until": "When others may send if that one is silent.",
            "created_at": "When it was made.",
        },
    ),
    "webhook_deliveries": (
        "An event for a webhook, and what became of it. Kept for a week.",
        {
            "webhook_id": "The webhook.",
            "position": "The event's position in the stream; empty: a test.",
            "day": "The part of the stream in which it is; empty: a test.",
            "type": "The event's type.",
            "at": "When it happened.",
            "status": "pending, delivered or failed.",
            "attempts": "How often it was tried.",
            "next_at": "When it is tried next.",
            "outcome": "What came of the last try: a status, or why none.",
        },
    ),
}

# As before, and what webhooks are owed beside it. Each of these is touched, whether or not it is due already: who
# sends lets go of it under its row's lock, and must see what is written here, or be waited for.
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


async def run(statements: list[str]) -> None:
    engine = engine_finder()
    assert engine is not None
    for statement in statements:
        await engine.run_ddl(statement)


def comments(*, forwards: bool) -> list[str]:
    def text(words: str) -> str:
        return "'" + words.replace("'", "''") + "'" if forwards else "NULL"

    return [f"COMMENT ON TABLE {table} IS {text(about)}" for table, (about, _) in COMMENTS.items()] + [
        f"COMMENT ON COLUMN {table}.{column} IS {text(words)}"
        for table, (_, columns) in COMMENTS.items()
        for column, words in columns.items()
    ]


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="guildhall", description=DESCRIPTION)

    async def create() -> None:
        await run([f"CREATE INDEX IF NOT EXISTS {name} ON {on}" for name, on in INDEXES.items()])
        await run(comments(forwards=True))
        await run([NUMBER])

    async def drop() -> None:
        await run([BEFORE])
        await run(comments(forwards=False))
        await run([f"DROP INDEX IF EXISTS {name}" for name in INDEXES])

    manager.add_raw(create)
    manager.add_raw_backwards(drop)
    return manager
