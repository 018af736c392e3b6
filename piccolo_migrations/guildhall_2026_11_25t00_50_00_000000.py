from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.engine import engine_finder

ID = "2026-11-25T00:50:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "The outbox of events, and the stream in which they stand by their position"

TABLES = {
    # Written in the transaction of the change. Its ids are the order of writing, which is not that of committing.
    "outbox": """(
        id bigint GENERATED ALWAYS AS IDENTITY,
        guild_id bigint,
        type varchar(64) NOT NULL,
        data jsonb NOT NULL,
        user_id bigint,
        at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT outbox_id_key PRIMARY KEY (id)
    )""",
    "stream_events": """(
        position bigint NOT NULL,
        day date NOT NULL,
        guild_id bigint,
        type varchar(64) NOT NULL,
        data jsonb NOT NULL,
        user_id bigint,
        at timestamptz NOT NULL,
        CONSTRAINT stream_events_position_day_key PRIMARY KEY (position, day)
    ) PARTITION BY RANGE (day)""",
    "stream_position": """(
        is_only boolean NOT NULL DEFAULT true,
        newest bigint NOT NULL DEFAULT 0,
        CONSTRAINT stream_position_is_only_key PRIMARY KEY (is_only),
        CONSTRAINT stream_position_is_only_check CHECK (is_only)
    )""",
}

COMMENTS = {
    "outbox": (
        "Events of changes that were committed and that have no position in the stream yet: for moments only.",
        {
            "guild_id": "The guild it is about; empty: every guild.",
            "type": "What happened: settings.updated, …",
            "data": "What the stream tells of it.",
            "user_id": "The person it is about, if it is about one: erasing them empties `data`.",
            "at": "When the transaction of the change began.",
        },
    ),
    "stream_events": (
        "The event stream: what clients read, in the order of its positions. Parts are days, kept for seven.",
        {
            "position": "Its id in the stream: rises by one, and is given when the change is committed.",
            "day": "The day, in UTC, on which it got its position.",
            "guild_id": "The guild it is about; empty: every guild.",
            "type": "What happened: settings.updated, …",
            "data": "What the stream tells of it.",
            "user_id": "The person it is about, if it is about one: erasing them empties `data`.",
            "at": "When the transaction of the change began.",
        },
    ),
    "stream_position": (
        "The newest position of the stream, in its only row.",
        {"newest": "The position of the newest event; 0 before the first."},
    ),
}

INDEXES = {
    # One person in every guild: erasing.
    "outbox_user_idx": "outbox (user_id) WHERE user_id IS NOT NULL",
    "stream_events_user_idx": "stream_events (user_id) WHERE user_id IS NOT NULL",
}

PART = """
    CREATE OR REPLACE FUNCTION guildhall_part(parent text, day date, OUT name text, OUT first date, OUT next date)
    LANGUAGE plpgsql IMMUTABLE AS $$
    DECLARE
        unit text := CASE parent WHEN 'activity_ids' THEN 'week' WHEN 'activity_days' THEN 'month'
                                 WHEN 'activity_hours' THEN 'month' WHEN 'custom_stat_days' THEN 'month'{more} END;
    BEGIN
        IF unit IS NULL THEN
            RAISE EXCEPTION 'not a table with parts';
        END IF;
        first := date_trunc(unit, day::timestamp)::date;
        next := (first + ('1 ' || unit)::interval)::date;
        name := parent || to_char(first, '_YYYY_MM_DD');
    END $$
"""

# Gives positions to what is in the outbox, and the newest position back. One at a time, by the lock of the only
# row of `stream_position`: each statement here sees what was committed before the lock was taken, so a position
# is visible only when all lower ones are. Others may run transactions for as long as they like: what they have
# written gets its position when they commit.
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

# Tells what no service told: edits in Piccolo Admin and by hand, as the audit log has them.
TELL = """
    CREATE OR REPLACE FUNCTION guildhall_tell() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_TABLE_NAME = 'guild_settings' THEN
            INSERT INTO outbox (guild_id, type, data) VALUES (NEW.guild_id, 'settings.updated',
                jsonb_build_object('module', NEW.module, 'revision', NEW.revision, 'values', NULL));
        ELSIF TG_TABLE_NAME = 'modules' THEN
            INSERT INTO outbox (guild_id, type, data) VALUES (NULL, 'module.updated',
                jsonb_build_object('module', NEW.name, 'version', NEW.version));
        ELSE
            INSERT INTO outbox (guild_id, type, data) VALUES (NEW.id,
                CASE WHEN TG_OP = 'INSERT' THEN 'guild.created'
                     WHEN (NEW.deleted_at IS NULL) = (OLD.deleted_at IS NULL) THEN 'guild.updated'
                     WHEN NEW.deleted_at IS NULL THEN 'guild.restored' ELSE 'guild.deleted' END,
                jsonb_build_object('name', NEW.name, 'icon', NEW.icon, 'locale', NEW.locale,
                                   'timezone', NEW.timezone, 'changed', NULL));
        END IF;
        RETURN NULL;
    END $$
"""
TOLD = ("guilds", "guild_settings", "modules")


async def run(statements: list[str]) -> None:
    engine = engine_finder()
    assert engine is not None
    for statement in statements:
        await engine.run_ddl(statement)


def comments() -> list[str]:
    def text(words: str) -> str:
        return "'" + words.replace("'", "''") + "'"

    return [f"COMMENT ON TABLE {table} IS {text(about)}" for table, (about, _) in COMMENTS.items()] + [
        f"COMMENT ON COLUMN {table}.{column} IS {text(words)}"
        for table, (_, columns) in COMMENTS.items()
        for column, words in columns.items()
    ]


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="guildhall", description=DESCRIPTION)

    async def create() -> None:
        await run([f"CREATE TABLE IF NOT EXISTS {name} {body}" for name, body in TABLES.items()])
        await run([f"CREATE INDEX IF NOT EXISTS {name} ON {on}" for name, on in INDEXES.items()])
        await run(comments())
        await run(["INSERT INTO stream_position DEFAULT VALUES ON CONFLICT DO NOTHING"])
        await run([PART.format(more=" WHEN 'stream_events' THEN 'day'"), NUMBER, TELL])
        await run(
            [
                f"CREATE OR REPLACE TRIGGER {table}_tell AFTER INSERT OR UPDATE ON {table} FOR EACH ROW"
                " WHEN (current_setting('guildhall.audited', true) IS DISTINCT FROM 'on')"
                " EXECUTE FUNCTION guildhall_tell()"
                for table in TOLD
            ]
        )

    async def drop() -> None:
        await run([f"DROP TRIGGER IF EXISTS {table}_tell ON {table}" for table in TOLD])
        await run(["DROP FUNCTION IF EXISTS guildhall_tell()"])
        await run(["DROP FUNCTION IF EXISTS guildhall_number_events(integer)", PART.format(more="")])
        await run([f"DROP TABLE IF EXISTS {name}" for name in TABLES])

    manager.add_raw(create)
    manager.add_raw_backwards(drop)
    return manager
