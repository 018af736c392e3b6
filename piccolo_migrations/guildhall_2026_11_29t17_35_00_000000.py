from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.engine import engine_finder

ID = "2026-11-29T17:35:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "What is older than December 1999 lies in one part of each table, whatever its age"

# Without it a file of events could make a part of each table for each month since the year 1.
ANCIENT = """
        IF first < date_trunc(unit, timestamp '1999-12-01')::date THEN
            next := date_trunc(unit, timestamp '1999-12-01')::date;
            first := '0001-01-01';
        END IF;"""

PART = """
    CREATE OR REPLACE FUNCTION guildhall_part(parent text, day date, OUT name text, OUT first date, OUT next date)
    LANGUAGE plpgsql IMMUTABLE AS $$
    DECLARE
        unit text := CASE parent WHEN 'activity_ids' THEN 'week' WHEN 'activity_days' THEN 'month'
                                 WHEN 'activity_hours' THEN 'month' WHEN 'custom_stat_days' THEN 'month'
                                 WHEN 'stream_events' THEN 'day' END;
    BEGIN
        IF unit IS NULL THEN
            RAISE EXCEPTION 'not a table with parts';
        END IF;
        first := date_trunc(unit, day::timestamp)::date;
        next := (first + ('1 ' || unit)::interval)::date;{more}
        name := parent || to_char(first, '_YYYY_MM_DD');
    END $$
"""


async def run(statement: str) -> None:
    engine = engine_finder()
    assert engine is not None
    await engine.run_ddl(statement)


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="guildhall", description=DESCRIPTION)

    async def create() -> None:
        await run(PART.format(more=ANCIENT))

    async def drop() -> None:
        await run(PART.format(more=""))

    manager.add_raw(create)
    manager.add_raw_backwards(drop)
    return manager
