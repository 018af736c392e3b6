from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.engine import engine_finder

ID = "2026-11-30T20:02:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "A deleted guild's revisions go in batches, and old partitions one by one"

# The application may not delete from this table. It calls this, which touches no guild that is there.
FORGET = """
    CREATE OR REPLACE FUNCTION guildhall_forget_revisions_of(guild bigint, most integer)
    RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
        WITH gone AS (
            DELETE FROM guild_settings_revisions WHERE id = ANY(ARRAY(
                SELECT r.id FROM guild_settings_revisions r JOIN guilds g ON g.id = r.guild_id
                WHERE r.guild_id = guild AND g.deleted_at IS NOT NULL LIMIT most
            )) RETURNING 1
        )
        SELECT count(*) FROM gone
    $$
"""
SIGNATURE = "guildhall_forget_revisions_of(bigint, integer)"

# Dropping a partition locks its table against everybody until the transaction ends: so it is one a call.
DROP = """
    CREATE OR REPLACE FUNCTION guildhall_drop_parts(parent text, before date) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    DECLARE
        part record;
        dropped integer := 0;
    BEGIN
        PERFORM guildhall_part(parent, before);
        FOR part IN
            SELECT c.relname, (guildhall_part(parent, to_date(right(c.relname, 10), 'YYYY_MM_DD'))).next AS ends
            FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
            WHERE i.inhparent = to_regclass(parent) ORDER BY c.relname
        LOOP
            IF part.ends <= before THEN
                EXECUTE format('DROP TABLE %I', part.relname);
                dropped := dropped + 1;{leave}
            END IF;
        END LOOP;
        RETURN dropped;
    END $$
"""


async def run(statement: str) -> None:
    engine = engine_finder()
    assert engine is not None
    await engine.run_ddl(statement)


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="guildhall", description=DESCRIPTION)

    async def create() -> None:
        await run(FORGET)
        await run(f"REVOKE ALL ON FUNCTION {SIGNATURE} FROM PUBLIC")
        await run(DROP.format(leave="\n                EXIT;"))

    async def drop() -> None:
        await run(DROP.format(leave=""))
        await run(f"DROP FUNCTION IF EXISTS {SIGNATURE}")

    manager.add_raw(create)
    manager.add_raw_backwards(drop)
    return manager
