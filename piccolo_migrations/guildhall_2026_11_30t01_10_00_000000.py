from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.engine import engine_finder

ID = "2026-11-30T01:10:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "Lists over the whole installation read what they tell: sums of all guilds, indexes for guilds and keys"

INDEXES = {
    "guilds_deleted_idx": "guilds (id) WHERE deleted_at IS NOT NULL",
    "api_keys_good_idx": "api_keys (id) WHERE revoked_at IS NULL",
    "api_keys_revoked_idx": "api_keys (id) WHERE revoked_at IS NOT NULL",
    "api_keys_children_idx": "api_keys (parent_id, id) WHERE parent_id IS NOT NULL",
    "api_keys_guilds_idx": "api_keys USING gin (guild_ids) WITH (fastupdate = off) WHERE guild_ids IS NOT NULL",
}

TABLE = """
    CREATE TABLE IF NOT EXISTS installation_counts (
        id bigint GENERATED ALWAYS AS IDENTITY,
        subject bigint NOT NULL,
        total bigint NOT NULL,
        CONSTRAINT installation_counts_subject_id_key PRIMARY KEY (subject, id)
    )
"""
COMMENTS = (
    "COMMENT ON TABLE installation_counts IS 'What the counters of all guilds come to. Each subject has a few rows,"
    " whose sum it is: as many as transactions have counted at once.'",
    "COMMENT ON COLUMN installation_counts.subject IS 'The achievement, of the whole installation; 0: members.'",
    "COMMENT ON COLUMN installation_counts.total IS 'A part of the sum; may be below 0.'",
)

# Nobody waits here: whoever finds a row that another transaction has takes the next one, or makes one.
ADD = """
    CREATE OR REPLACE FUNCTION guildhall_add_to_installation(what bigint, change bigint) RETURNS void
    LANGUAGE plpgsql AS $$
    BEGIN
        UPDATE installation_counts SET total = total + change WHERE subject = what AND id = (
            SELECT id FROM installation_counts WHERE subject = what ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
        );
        IF NOT FOUND THEN
            INSERT INTO installation_counts (subject, total) VALUES (what, change);
        END IF;
    END $$
"""

# However a counter of a guild changes, and with whatever it goes.
SUM = """
    CREATE OR REPLACE FUNCTION guildhall_sum_{name}() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'INSERT' THEN
            PERFORM guildhall_add_to_installation(subject, change::bigint)
            FROM (SELECT {subject} AS subject, sum({counter}) AS change FROM came {of_all} GROUP BY 1) AS each
            WHERE change <> 0;
        ELSIF TG_OP = 'DELETE' THEN
            PERFORM guildhall_add_to_installation(subject, -change::bigint)
            FROM (SELECT {subject} AS subject, sum({counter}) AS change FROM went {of_all} GROUP BY 1) AS each
            WHERE change <> 0;
        ELSE
            PERFORM guildhall_add_to_installation(subject, change::bigint)
            FROM (
                SELECT {subject} AS subject, sum({counter}) AS change FROM (
                    SELECT {columns} FROM came UNION ALL SELECT {negative} FROM went
                ) AS moved {of_all} GROUP BY 1
            ) AS each
            WHERE change <> 0;
        END IF;
        RETURN NULL;
    END $$
"""
SUMS = {
    "achievement_counts": {
        "subject": "achievement_id",
        "counter": "awarded",
        "columns": "achievement_id, awarded",
        "negative": "achievement_id, -awarded",
        "of_all": "WHERE achievement_id IN (SELECT id FROM achievements WHERE guild_id IS NULL)",
    },
    "member_counts": {
        "subject": "0::bigint",
        "counter": "members",
        "columns": "members",
        "negative": "-members",
        "of_all": "",
    },
}
TRIGGERS = {"came": "INSERT", "changed": "UPDATE", "went": "DELETE"}
REFERENCING = {
    "came": "NEW TABLE AS came",
    "changed": "NEW TABLE AS came OLD TABLE AS went",
    "went": "OLD TABLE AS went",
}

# Counted once, while nobody counts; done twice it is the same.
BACKFILL = (
    "LOCK TABLE achievement_counts, member_counts IN SHARE ROW EXCLUSIVE MODE",
    "DELETE FROM installation_counts",
    "INSERT INTO installation_counts (subject, total) SELECT c.achievement_id, sum(c.awarded) FROM achievement_counts c"
    " JOIN achievements a ON a.id = c.achievement_id WHERE a.guild_id IS NULL GROUP BY 1",
    "INSERT INTO installation_counts (subject, total) SELECT 0, coalesce(sum(members), 0) FROM member_counts",
)


async def run(*statements: str) -> None:
    engine = engine_finder()
    assert engine is not None
    for statement in statements:
        await engine.run_ddl(statement)


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="guildhall", description=DESCRIPTION)

    async def create() -> None:
        await run(*(f"CREATE INDEX IF NOT EXISTS {name} ON {on}" for name, on in INDEXES.items()))
        await run(TABLE, *COMMENTS, ADD, *(SUM.format(name=name, **parts) for name, parts in SUMS.items()))
        await run(*BACKFILL)
        await run(
            *(
                f"CREATE OR REPLACE TRIGGER {table}_sum_{name} AFTER {event} ON {table} REFERENCING {REFERENCING[name]}"
                f" FOR EACH STATEMENT EXECUTE FUNCTION guildhall_sum_{table}()"
                for table in SUMS
                for name, event in TRIGGERS.items()
            )
        )

    async def drop() -> None:
        await run(*(f"DROP TRIGGER IF EXISTS {table}_sum_{name} ON {table}" for table in SUMS for name in TRIGGERS))
        await run(*(f"DROP FUNCTION IF EXISTS guildhall_sum_{table}()" for table in SUMS))
        await run("DROP FUNCTION IF EXISTS guildhall_add_to_installation(bigint, bigint)")
        await run("DROP TABLE IF EXISTS installation_counts")
        await run(*(f"DROP INDEX IF EXISTS {name}" for name in INDEXES))

    manager.add_raw(create)
    manager.add_raw_backwards(drop)
    return manager
