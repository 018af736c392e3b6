from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.engine import engine_finder

ID = "2026-11-25T01:10:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "Answers that are kept, so that a request that is sent twice is done once"

TABLES = {
    "idempotent_answers": """(
        owner varchar(64) NOT NULL,
        key varchar(255) NOT NULL,
        holder bytea NOT NULL,
        address bytea NOT NULL,
        body_hash bytea,
        held_until timestamptz NOT NULL,
        expires_at timestamptz NOT NULL,
        status integer,
        headers jsonb,
        body text,
        user_ids bigint[] NOT NULL DEFAULT '{}',
        CONSTRAINT idempotent_answers_owner_key_key PRIMARY KEY (owner, key)
    )""",
}

INDEXES = {
    # What is swept.
    "idempotent_answers_expires_idx": "idempotent_answers (expires_at)",
    # One person's, when they are erased.
    "idempotent_answers_user_idx": "idempotent_answers USING gin (user_ids)",
}

COMMENTS = {
    "idempotent_answers": (
        "Requests with an idempotency key: those that run, and for a day what those were answered that are done.",
        {
            "owner": "The credential that sent it: key:7.",
            "key": "Its idempotency key.",
            "holder": "The request that has the key: a random number.",
            "address": "SHA-256 of method, path and query.",
            "body_hash": "SHA-256 of the body; empty while it is still coming in.",
            "held_until": "When another request may take the key, if there is no answer by then.",
            "expires_at": "When it is forgotten.",
            "status": "The status that was answered; empty while it runs.",
            "headers": "The headers that are this answer's own.",
            "body": "The body, as JSON; secrets are null.",
            "user_ids": "The people whom the body names: erasing one of them forgets it.",
        },
    ),
}


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

    async def drop() -> None:
        await run([f"DROP TABLE IF EXISTS {name}" for name in TABLES])

    manager.add_raw(create)
    manager.add_raw_backwards(drop)
    return manager
