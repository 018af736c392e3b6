from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.engine import engine_finder

ID = "2026-11-24T20:40:00:000000"
VERSION = "1.38.0"
DESCRIPTION = (
    "What grows with time, in parts: event ids, activity by day and by hour; counters of ranks; boards' indexes"
)

COUNTED = """
    xp bigint NOT NULL DEFAULT 0,
    messages bigint NOT NULL DEFAULT 0,
    voice_seconds bigint NOT NULL DEFAULT 0,
    reactions bigint NOT NULL DEFAULT 0,
    commands bigint NOT NULL DEFAULT 0
"""

TABLES = {
    # Ids of events in the week in which they were delivered, so that none counts twice. Those of imported
    # events stay for as long as their guild: week 9999-12-27.
    "activity_ids": """(
        guild_id bigint NOT NULL,
        id varchar(64) COLLATE "C" NOT NULL,
        week date NOT NULL,
        CONSTRAINT activity_ids_guild_id_week_key PRIMARY KEY (guild_id, id, week)
    ) PARTITION BY RANGE (week)""",
    # A member's day, the guild's; user 0 is the guild as a whole. `events` are those that count
    # for the streak, `earned_xp` is what they earned: the daily cap's.
    "activity_days": f"""(
        guild_id bigint NOT NULL,
        day date NOT NULL,
        user_id bigint NOT NULL,
        {COUNTED},
        earned_xp bigint NOT NULL DEFAULT 0,
        events bigint NOT NULL DEFAULT 0,
        CONSTRAINT activity_days_guild_day_user_key PRIMARY KEY (guild_id, day, user_id)
    ) PARTITION BY RANGE (day)""",
    "activity_hours": f"""(
        guild_id bigint NOT NULL,
        hour timestamptz NOT NULL,
        user_id bigint NOT NULL,
        {COUNTED},
        CONSTRAINT activity_hours_guild_hour_user_key PRIMARY KEY (guild_id, hour, user_id)
    ) PARTITION BY RANGE (hour)""",
    "custom_stat_days": """(
        guild_id bigint NOT NULL,
        stat varchar(64) COLLATE "C" NOT NULL,
        day date NOT NULL,
        user_id bigint NOT NULL,
        value bigint NOT NULL DEFAULT 0,
        CONSTRAINT custom_stat_days_guild_stat_day_user_key PRIMARY KEY (guild_id, stat, day, user_id)
    ) PARTITION BY RANGE (day)""",
    # The all-time boards: 0 xp, 1 messages, 2 voice_seconds, 3 reactions, 4 commands. A row for each ranked
    # member's XP, and for each stat that is not 0. Beside the members, so that a change of one number writes to
    # one index, and not to all indexes of a member.
    "boards": """(
        guild_id bigint NOT NULL,
        stat integer NOT NULL,
        value bigint NOT NULL,
        user_id bigint NOT NULL
    )""",
    # How many ranked members of a guild have XP whose first `kept` bits are those of `low`, the rest 0.
    "xp_counts": """(
        guild_id bigint NOT NULL,
        kept integer NOT NULL,
        low bigint NOT NULL,
        members bigint NOT NULL,
        CONSTRAINT xp_counts_guild_kept_low_key PRIMARY KEY (guild_id, kept, low)
    )""",
}

COMMENTS = {
    "activity_ids": "Which events have been counted. Parts are weeks of delivery; imported ones have a part of their own.",
    "activity_days": "What a member did on a day in the timezone of the guild; user 0 is the whole guild.",
    "activity_hours": "What a member did in an hour; user 0 is the whole guild. Kept for a shorter time than days.",
    "custom_stat_days": "Amounts of custom stats by day in the timezone of the guild.",
    "boards": "Ranked members by XP and by stats, in the order of the all-time boards.",
    "xp_counts": "Counters from which exact ranks come: see docs/architecture.md.",
}

INDEXES = {
    "boards_guild_stat_value_user_key": "boards (guild_id, stat, value DESC, user_id)",
    # One person in every guild: hiding, export, erasing.
    "members_user_idx": "members (user_id)",
    "custom_stats_user_idx": "custom_stats (user_id)",
    "custom_stats_board_idx": "custom_stats (guild_id, stat, value DESC, user_id)",
}

FUNCTIONS = [
    # The number with only its first `kept` bits: numbers that share them differ by less than 2^(1 - kept) of themselves.
    """
    CREATE OR REPLACE FUNCTION guildhall_xp_floor(xp bigint, kept integer) RETURNS bigint
    LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
        (xp >> greatest(length(ltrim(xp::bit(64)::text, '0')) - kept, 0))
            << greatest(length(ltrim(xp::bit(64)::text, '0')) - kept, 0)
    """,
    # The application may make and drop parts of these tables, and no others: it owns none.
    """
    CREATE OR REPLACE FUNCTION guildhall_part(parent text, day date, OUT name text, OUT first date, OUT next date)
    LANGUAGE plpgsql IMMUTABLE AS $$
    DECLARE
        unit text := CASE parent WHEN 'activity_ids' THEN 'week' WHEN 'activity_days' THEN 'month'
                                 WHEN 'activity_hours' THEN 'month' WHEN 'custom_stat_days' THEN 'month' END;
    BEGIN
        IF unit IS NULL THEN
            RAISE EXCEPTION 'not a table with parts';
        END IF;
        first := date_trunc(unit, day::timestamp)::date;
        next := (first + ('1 ' || unit)::interval)::date;
        name := parent || to_char(first, '_YYYY_MM_DD');
    END $$
    """,
    """
    CREATE OR REPLACE FUNCTION guildhall_make_part(parent text, day date) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    DECLARE
        part record := guildhall_part(parent, day);
        quote text := CASE parent WHEN 'activity_hours' THEN '%s 00:00:00+00' ELSE '%s' END;
    BEGIN
        PERFORM pg_advisory_xact_lock(hashtext('guildhall_make_part'), hashtext(parent));
        IF to_regclass(part.name) IS NOT NULL THEN
            RETURN;
        END IF;
        -- Attached, not created in place: that would lock the parent against everybody.
        EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL)', part.name, parent);
        IF parent <> 'activity_ids' THEN
            EXECUTE format('ALTER TABLE %I SET (fillfactor = 85)', part.name);
        END IF;
        EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', parent, part.name,
                       format(quote, part.first), format(quote, part.next));
    END $$
    """,
    """
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
                dropped := dropped + 1;
            END IF;
        END LOOP;
        RETURN dropped;
    END $$
    """,
    # Parts have no foreign key, which would cost every event a look-up: they go with the guild all the same.
    """
    CREATE OR REPLACE FUNCTION guildhall_forget_activity() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        DELETE FROM activity_ids WHERE guild_id IN (SELECT id FROM gone);
        DELETE FROM activity_days WHERE guild_id IN (SELECT id FROM gone);
        DELETE FROM activity_hours WHERE guild_id IN (SELECT id FROM gone);
        DELETE FROM custom_stat_days WHERE guild_id IN (SELECT id FROM gone);
        DELETE FROM boards WHERE guild_id IN (SELECT id FROM gone);
        DELETE FROM xp_counts WHERE guild_id IN (SELECT id FROM gone);
        RETURN NULL;
    END $$
    """,
    """
    CREATE OR REPLACE TRIGGER guilds_forget_activity AFTER DELETE ON guilds
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION guildhall_forget_activity()
    """,
]
CALLED = {
    "guildhall_make_part": "text, date",
    "guildhall_drop_parts": "text, date",
    "guildhall_part": "text, date",
    "guildhall_xp_floor": "bigint, integer",
    "guildhall_forget_activity": "",
}


async def run(statements: list[str]) -> None:
    engine = engine_finder()
    assert engine is not None
    for statement in statements:
        await engine.run_ddl(statement)


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="guildhall", description=DESCRIPTION)

    async def create() -> None:
        await run([f"CREATE TABLE IF NOT EXISTS {name} {body}" for name, body in TABLES.items()])
        await run([f"COMMENT ON TABLE {name} IS '{words}'" for name, words in COMMENTS.items()])
        await run(
            [
                f"CREATE {'UNIQUE ' if name.endswith('_key') else ''}INDEX IF NOT EXISTS {name} ON {on}"
                for name, on in INDEXES.items()
            ]
        )
        # A member's row is written again and again, and none of its indexes need to know.
        await run(["ALTER TABLE members SET (fillfactor = 85)"])
        await run(FUNCTIONS)
        await run(
            [
                f"REVOKE ALL ON FUNCTION {name}({CALLED[name]}) FROM PUBLIC"
                for name in CALLED
                if name.endswith(("_part", "_parts"))
            ]
        )
        await run(["SELECT guildhall_make_part('activity_ids', '9999-12-27')"])

    async def drop() -> None:
        await run(["DROP TRIGGER IF EXISTS guilds_forget_activity ON guilds"])
        await run([f"DROP TABLE IF EXISTS {name}" for name in TABLES])
        await run([f"DROP FUNCTION IF EXISTS {name}({types})" for name, types in CALLED.items()])
        await run([f"DROP INDEX IF EXISTS {name}" for name in INDEXES])

    manager.add_raw(create)
    manager.add_raw_backwards(drop)
    return manager
