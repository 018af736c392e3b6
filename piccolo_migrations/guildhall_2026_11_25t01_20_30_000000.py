from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.engine import engine_finder

ID = "2026-11-25T01:20:30:000000"
VERSION = "1.38.0"
DESCRIPTION = "Budgets of requests, which all processes share"

TABLES = {
    # Not logged: what a crash empties is a minute's counts.
    "rate_budgets": """(
        owner varchar(64) NOT NULL,
        ends_at double precision NOT NULL,
        used integer NOT NULL,
        granted integer NOT NULL,
        CONSTRAINT rate_budgets_owner_key PRIMARY KEY (owner)
    ) WITH (fillfactor = 50)""",
}

COMMENTS = {
    "rate_budgets": (
        "What each credential has taken of its requests for this minute, and what each address was refused.",
        {
            "owner": "key:7, or address:192.0.2.1; of IPv6 the /64.",
            "ends_at": "When the minute is over, in seconds since 1970.",
            "used": "What was taken of it.",
            "granted": "What was given to the process that asked last.",
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
        await run([f"CREATE UNLOGGED TABLE IF NOT EXISTS {name} {body}" for name, body in TABLES.items()])
        await run(comments())

    async def drop() -> None:
        await run([f"DROP TABLE IF EXISTS {name}" for name in TABLES])

    manager.add_raw(create)
    manager.add_raw_backwards(drop)
    return manager
