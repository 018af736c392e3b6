from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.engine import engine_finder

ID = "2026-11-29T16:20:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "Old revisions of settings are forgotten, by two functions that can forget nothing else"

# The application may not delete from this table. It calls these, which leave the newest hundred of a module, and
# what is of the last thirty days, whatever they are asked for.
FUNCTIONS = [
    """
    CREATE OR REPLACE FUNCTION guildhall_forget_revisions_beyond(guild bigint, name text, newest integer, kept integer)
    RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
        DELETE FROM guild_settings_revisions
        WHERE guild_id = guild AND module = name AND revision <= newest - greatest(kept, 100)
            AND revision <= (SELECT max(revision) FROM guild_settings_revisions
                             WHERE guild_id = guild AND module = name) - 99
    $$
    """,
    # The revision that holds now stays, however old: its row says who made it so.
    """
    CREATE OR REPLACE FUNCTION guildhall_forget_revisions_before(since timestamptz, most integer)
    RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
        WITH old AS (
            SELECT r.id FROM guild_settings_revisions r
            WHERE r.at < least(since, now() - interval '30 days') AND NOT EXISTS (
                SELECT FROM guild_settings s
                WHERE s.guild_id = r.guild_id AND s.module = r.module AND s.revision = r.revision
            )
            ORDER BY r.id LIMIT most
        ), gone AS (
            DELETE FROM guild_settings_revisions WHERE id IN (SELECT id FROM old) RETURNING 1
        )
        SELECT count(*) FROM gone
    $$
    """,
]
SIGNATURES = [
    "guildhall_forget_revisions_beyond(bigint, text, integer, integer)",
    "guildhall_forget_revisions_before(timestamptz, integer)",
]


async def run(statements: list[str]) -> None:
    engine = engine_finder()
    assert engine is not None
    for statement in statements:
        await engine.run_ddl(statement)


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="guildhall", description=DESCRIPTION)

    async def create() -> None:
        await run(FUNCTIONS)
        await run([f"REVOKE ALL ON FUNCTION {signature} FROM PUBLIC" for signature in SIGNATURES])

    async def drop() -> None:
        await run([f"DROP FUNCTION IF EXISTS {signature}" for signature in SIGNATURES])

    manager.add_raw(create)
    manager.add_raw_backwards(drop)
    return manager
