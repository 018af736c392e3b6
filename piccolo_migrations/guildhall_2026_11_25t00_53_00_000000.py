from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.engine import engine_finder

ID = "2026-11-25T00:53:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "Indexes and triggers of sessions, and what the tables of log-ins hold, for whoever opens psql"

INDEXES = {
    # What the caches of every process ask for, twice a second.
    "sessions_changed_xid_idx": "sessions (changed_xid)",
    # All of a person's.
    "sessions_user_idx": "sessions (user_id)",
    # Those whose tokens are still to be revoked, and those that go.
    "sessions_ended_at_idx": "sessions (ended_at) WHERE ended_at IS NOT NULL",
    "logins_expires_at_idx": "logins (expires_at)",
}

# Not for `last_used_at` or a renewed token, or every use would empty every cache of the session.
TRIGGERS = {
    "sessions_stamp": "BEFORE INSERT OR UPDATE OF hash, user_id, expires_at, ended_at ON sessions"
    " FOR EACH ROW EXECUTE FUNCTION guildhall_stamp()",
    "sessions_wake": "AFTER UPDATE OF hash, user_id, expires_at, ended_at ON sessions"
    " FOR EACH STATEMENT EXECUTE FUNCTION guildhall_wake()",
}

COMMENTS = {
    "sessions": (
        "A person's browser, logged in by Discord.",
        {
            "hash": "SHA-256 of what the browser's cookie holds.",
            "user_id": "Who it is.",
            "username": "Their name at Discord, at log-in.",
            "display_name": "The name that they show, at log-in.",
            "avatar": "Their picture at Discord, at log-in.",
            "access_token": "Discord's token, encrypted; empty once it is revoked.",
            "refresh_token": "What gets the next token, encrypted; empty likewise.",
            "token_expires_at": "When Discord's token ends.",
            "refreshing_until": "Until when one process alone renews the token.",
            "created_at": "When they logged in.",
            "last_used_at": "Its last use, to the minute.",
            "expires_at": "When it ends, however much it is used.",
            "ended_at": "When it ended; the row goes a day later.",
            "changed_xid": "The transaction that last wrote this row; caches follow it.",
        },
    ),
    "logins": (
        "A log-in under way: ten minutes, one try.",
        {
            "state_hash": "SHA-256 of the state that Discord brings back.",
            "browser_hash": "SHA-256 of the cookie of the browser that began it.",
            "verifier": "PKCE's code verifier, encrypted.",
            "return_to": "The page to go to afterwards.",
            "expires_at": "When it is given up.",
        },
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
        await run([f"CREATE INDEX IF NOT EXISTS {name} ON {on}" for name, on in INDEXES.items()])
        await run([f"CREATE OR REPLACE TRIGGER {name} {body}" for name, body in TRIGGERS.items()])
        await run(comments(forwards=True))

    async def drop() -> None:
        await run(comments(forwards=False))
        await run([f"DROP TRIGGER IF EXISTS {name} ON sessions" for name in TRIGGERS])
        await run([f"DROP INDEX IF EXISTS {name}" for name in INDEXES])

    manager.add_raw(create)
    manager.add_raw_backwards(drop)
    return manager
