from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.engine import engine_finder

ID = "2026-11-30T00:10:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "Sums of large guilds' members up to the ends of months: what boards of long windows are read from"

TABLES = {
    "activity_totals": """(
        guild_id bigint NOT NULL,
        day date NOT NULL,
        user_id bigint NOT NULL,
        xp bigint NOT NULL,
        messages bigint NOT NULL,
        voice_seconds bigint NOT NULL,
        reactions bigint NOT NULL,
        commands bigint NOT NULL,
        CONSTRAINT activity_totals_guild_day_user_key PRIMARY KEY (guild_id, day, user_id)
    )""",
    "activity_checkpoints": """(
        guild_id bigint NOT NULL,
        day date NOT NULL,
        is_stale boolean NOT NULL DEFAULT false,
        CONSTRAINT activity_checkpoints_guild_day_key PRIMARY KEY (guild_id, day)
    )""",
    "activity_rewrites": """(
        guild_id bigint NOT NULL,
        day date NOT NULL,
        CONSTRAINT activity_rewrites_guild_key PRIMARY KEY (guild_id)
    )""",
}
COMMENTS = {
    "activity_totals": "What a member of a large guild did from its first checkpoint up to a day, the last of a month.",
    "activity_checkpoints": "The days up to which activity_totals has the sums of all members of a guild.",
    "activity_rewrites": "The earliest day of a guild that was written to late: sums from there on are not true.",
}

# Parts have no foreign key, which would cost every event a look-up: they go with the guild all the same. Nor have sums.
FORGET = """
    CREATE OR REPLACE FUNCTION guildhall_forget_activity() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        DELETE FROM activity_ids WHERE guild_id IN (SELECT id FROM gone);
        DELETE FROM activity_days WHERE guild_id IN (SELECT id FROM gone);
        DELETE FROM activity_hours WHERE guild_id IN (SELECT id FROM gone);
        DELETE FROM custom_stat_days WHERE guild_id IN (SELECT id FROM gone);
        DELETE FROM boards WHERE guild_id IN (SELECT id FROM gone);
        DELETE FROM xp_counts WHERE guild_id IN (SELECT id FROM gone);{more}
        RETURN NULL;
    END $$
"""
MORE = "".join(f"\n        DELETE FROM {table} WHERE guild_id IN (SELECT id FROM gone);" for table in TABLES)


async def run(statement: str) -> None:
    engine = engine_finder()
    assert engine is not None
    await engine.run_ddl(statement)


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="guildhall", description=DESCRIPTION)

    async def create() -> None:
        for table, definition in TABLES.items():
            await run(f"CREATE TABLE IF NOT EXISTS {table} {definition}")
            await run(f"COMMENT ON TABLE {table} IS '{COMMENTS[table]}'")
        await run(FORGET.format(more=MORE))

    async def drop() -> None:
        await run(FORGET.format(more=""))
        for table in reversed(TABLES):
            await run(f"DROP TABLE IF EXISTS {table}")

    manager.add_raw(create)
    manager.add_raw_backwards(drop)
    return manager
