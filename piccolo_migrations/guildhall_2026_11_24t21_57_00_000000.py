from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.engine import engine_finder

ID = "2026-11-24T21:57:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "What an import works on, its indexes, and what the tables of imports hold, for whoever opens psql"

TABLES = {
    # The file, as it came, in pieces of 1 MiB: whichever process does the job reads it here. Written before the
    # import itself, under the number that it will have.
    "import_chunks": """(
        import_id bigint NOT NULL,
        n integer NOT NULL,
        data bytea NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT import_chunks_import_n_key PRIMARY KEY (import_id, n)
    )""",
    # Events of a file, to be counted in their true order.
    "import_events": """(
        import_id bigint NOT NULL,
        occurred_at timestamptz NOT NULL,
        id varchar(64) COLLATE "C" NOT NULL,
        n bigint NOT NULL,
        data bytea NOT NULL,
        CONSTRAINT import_events_import_at_id_n_key PRIMARY KEY (import_id, occurred_at, id, n)
    )""",
    # Where a member's cooldown stands within the import, and the runs of days that it left behind.
    "import_members": """(
        import_id bigint NOT NULL,
        user_id bigint NOT NULL,
        last_xp_at timestamptz,
        is_late boolean NOT NULL DEFAULT false,
        run_from date,
        run_to date,
        run_best integer,
        CONSTRAINT import_members_import_user_key PRIMARY KEY (import_id, user_id)
    )""",
}

INDEXES = {
    "imports_guild_idx": "INDEX IF NOT EXISTS imports_guild_idx ON imports (guild_id, id DESC)",
    "imports_guild_active_key": "UNIQUE INDEX IF NOT EXISTS imports_guild_active_key ON imports (guild_id)"
    " WHERE status IN ('queued', 'running')",
    "jobs_kind_subject_key": "UNIQUE INDEX IF NOT EXISTS jobs_kind_subject_key ON jobs (kind, subject)",
}

COMMENTS = {
    "imports": (
        "A file that was sent in, and what became of its rows.",
        {
            "guild_id": "The guild whose standings it changes.",
            "source": "Where the file is from: mee6, csv, events, …",
            "mode": "set, add or max; empty for events.",
            "dry_run": "Whether it only tells what would change.",
            "takes_settings": "Whether the file's settings are taken too.",
            "status": "queued, running, finished or failed.",
            "progress": "How much of it is done, from 0 to 1.",
            "bytes": "The size of the file.",
            "position": "Rows of the file that are done: a restart goes on after them.",
            "reached": "The last event that was counted; empty before the first.",
            "imported": "Rows that changed something.",
            "unchanged": "Rows that changed nothing.",
            "refused": "Rows that could not be taken.",
            "refused_rows": "The first 1,000 of these, and why.",
            "preview": "Of a dry run: what would become of the first 100 members.",
            "actor_kind": "key, user, admin or system.",
            "actor_id": "Which key, user or admin asked for it.",
            "reason": "Why, as the one who asked said.",
            "ip": "The address that it came from.",
            "request_id": "Finds the request in the log.",
            "created_at": "When it was asked for.",
            "finished_at": "When it ended; empty before.",
        },
    ),
    "jobs": (
        "Work that waits or is being done; a row goes when it is done.",
        {
            "kind": "What is to be done: import.",
            "subject": "To what: the import's id.",
            "holder": "The process that does it; empty while it waits.",
            "held_until": "When others may take it if the holder is silent.",
            "attempts": "How often it was begun since it last got on.",
            "run_after": "When it may begin.",
            "created_at": "When it was asked for.",
        },
    ),
    "import_chunks": (
        "Files of imports that are not finished, in pieces.",
        {},
    ),
    "import_events": (
        "Events of imports that are not finished, in their order.",
        {},
    ),
    "import_members": (
        "What an import of events keeps of each member until it is finished.",
        {},
    ),
}


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
        await run([f"CREATE TABLE IF NOT EXISTS {name} {body}" for name, body in TABLES.items()])
        await run([f"CREATE {index}" for index in INDEXES.values()])
        # It is there for minutes: packing it would take longer than writing it.
        await run(["ALTER TABLE import_chunks ALTER COLUMN data SET STORAGE EXTERNAL"])
        await run(comments(forwards=True))

    async def drop() -> None:
        await run(comments(forwards=False))
        await run([f"DROP INDEX IF EXISTS {name}" for name in INDEXES])
        await run([f"DROP TABLE IF EXISTS {name}" for name in TABLES])

    manager.add_raw(create)
    manager.add_raw_backwards(drop)
    return manager
