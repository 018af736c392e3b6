from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.engine import engine_finder

ID = "2026-11-29T17:26:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "Who removes members locks the counters of awards and members in the order in which everybody does"

AWARDS_IN_ORDER = """
            PERFORM 1 FROM achievement_counts c
            WHERE (c.achievement_id, c.guild_id) IN (SELECT achievement_id, guild_id FROM went WHERE revoked_at IS NULL)
            ORDER BY c.achievement_id, c.guild_id FOR UPDATE;"""
MEMBERS_IN_ORDER = """
            PERFORM 1 FROM member_counts c WHERE c.guild_id IN (SELECT guild_id FROM went)
            ORDER BY c.guild_id FOR UPDATE;"""


def functions(awards_in_order: str, members_in_order: str) -> list[str]:
    """How the counters are kept, and with what they are locked before something is taken off them."""
    return [
        f"""
    CREATE OR REPLACE FUNCTION guildhall_count_awards() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'INSERT' THEN
            INSERT INTO achievement_counts AS c (achievement_id, guild_id, awarded)
            SELECT achievement_id, guild_id, count(*) FROM came WHERE revoked_at IS NULL
            GROUP BY achievement_id, guild_id ORDER BY achievement_id, guild_id
            ON CONFLICT (achievement_id, guild_id) DO UPDATE SET awarded = c.awarded + EXCLUDED.awarded;
        ELSIF TG_OP = 'UPDATE' THEN
            INSERT INTO achievement_counts AS c (achievement_id, guild_id, awarded)
            SELECT achievement_id, guild_id, sum(change) FROM (
                SELECT achievement_id, guild_id, 1 AS change FROM came WHERE revoked_at IS NULL
                UNION ALL SELECT achievement_id, guild_id, -1 FROM went WHERE revoked_at IS NULL
            ) AS each
            GROUP BY achievement_id, guild_id HAVING sum(change) <> 0 ORDER BY achievement_id, guild_id
            ON CONFLICT (achievement_id, guild_id) DO UPDATE SET awarded = c.awarded + EXCLUDED.awarded;
        ELSE{awards_in_order}
            UPDATE achievement_counts c SET awarded = c.awarded - g.awarded FROM (
                SELECT achievement_id, guild_id, count(*) AS awarded FROM went WHERE revoked_at IS NULL
                GROUP BY achievement_id, guild_id
            ) AS g
            WHERE c.achievement_id = g.achievement_id AND c.guild_id = g.guild_id;
        END IF;
        RETURN NULL;
    END $$
    """,
        f"""
    CREATE OR REPLACE FUNCTION guildhall_count_members() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'INSERT' THEN
            INSERT INTO member_counts AS c (guild_id, members)
            SELECT guild_id, count(*) FROM came GROUP BY guild_id ORDER BY guild_id
            ON CONFLICT (guild_id) DO UPDATE SET members = c.members + EXCLUDED.members;
        ELSE{members_in_order}
            UPDATE member_counts c SET members = c.members - g.members FROM (
                SELECT guild_id, count(*) AS members FROM went GROUP BY guild_id
            ) AS g
            WHERE c.guild_id = g.guild_id;
            DELETE FROM member_counts WHERE members = 0 AND guild_id IN (SELECT guild_id FROM went);
        END IF;
        RETURN NULL;
    END $$
    """,
    ]


async def run(statements: list[str]) -> None:
    engine = engine_finder()
    assert engine is not None
    for statement in statements:
        await engine.run_ddl(statement)


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="guildhall", description=DESCRIPTION)

    async def in_order() -> None:
        await run(functions(AWARDS_IN_ORDER, MEMBERS_IN_ORDER))

    async def in_any_order() -> None:
        await run(functions("", ""))

    manager.add_raw(in_order)
    manager.add_raw_backwards(in_any_order)
    return manager
