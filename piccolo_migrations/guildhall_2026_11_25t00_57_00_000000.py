from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.engine import engine_finder

ID = "2026-11-25T00:57:00:000000"
VERSION = "1.38.0"
DESCRIPTION = (
    "Achievements: indexes, the counters that rarity comes of, and what the tables hold, for whoever opens psql"
)

INDEXES = {
    # One key for a guild, and one for the whole installation.
    "achievements_guild_key_key": "UNIQUE INDEX IF NOT EXISTS achievements_guild_key_key"
    " ON achievements (coalesce(guild_id, 0), key)",
    "achievements_guild_idx": "INDEX IF NOT EXISTS achievements_guild_idx ON achievements (guild_id, id)",
    "achievements_changed_xid_idx": "INDEX IF NOT EXISTS achievements_changed_xid_idx ON achievements (changed_xid)",
    "achievement_awards_achievement_member_idx": "INDEX IF NOT EXISTS achievement_awards_achievement_member_idx"
    " ON achievement_awards (achievement_id, member_id)",
    # One person in every guild: export, erasing.
    "achievement_awards_user_idx": "INDEX IF NOT EXISTS achievement_awards_user_idx ON achievement_awards (user_id)",
    "achievement_counts_guild_idx": "INDEX IF NOT EXISTS achievement_counts_guild_idx ON achievement_counts (guild_id)",
}

FUNCTIONS = [
    # However an award comes or goes: a counter is all that rarity needs. A guild or an achievement that is deleted
    # takes its counters along: nothing may be added then.
    """
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
        ELSE
            UPDATE achievement_counts c SET awarded = c.awarded - g.awarded FROM (
                SELECT achievement_id, guild_id, count(*) AS awarded FROM went WHERE revoked_at IS NULL
                GROUP BY achievement_id, guild_id
            ) AS g
            WHERE c.achievement_id = g.achievement_id AND c.guild_id = g.guild_id;
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE OR REPLACE FUNCTION guildhall_count_members() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'INSERT' THEN
            INSERT INTO member_counts AS c (guild_id, members)
            SELECT guild_id, count(*) FROM came GROUP BY guild_id ORDER BY guild_id
            ON CONFLICT (guild_id) DO UPDATE SET members = c.members + EXCLUDED.members;
        ELSE
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

_STATEMENT = "FOR EACH STATEMENT EXECUTE FUNCTION"
TRIGGERS = {
    ("achievements_stamp", "achievements"): "BEFORE INSERT OR UPDATE {on} FOR EACH ROW EXECUTE FUNCTION"
    " guildhall_stamp()",
    ("achievements_wake", "achievements"): "AFTER INSERT OR UPDATE {on} FOR EACH STATEMENT EXECUTE FUNCTION"
    " guildhall_wake()",
    ("achievements_audit", "achievements"): "AFTER INSERT OR UPDATE OR DELETE {on} FOR EACH ROW"
    " WHEN (current_setting('guildhall.audited', true) IS DISTINCT FROM 'on')"
    " EXECUTE FUNCTION guildhall_audit('achievement')",
    ("achievement_awards_count_came", "achievement_awards"): "AFTER INSERT {on} REFERENCING NEW TABLE AS came"
    f" {_STATEMENT} guildhall_count_awards()",
    ("achievement_awards_count_changed", "achievement_awards"): "AFTER UPDATE {on} REFERENCING NEW TABLE AS came"
    f" OLD TABLE AS went {_STATEMENT} guildhall_count_awards()",
    ("achievement_awards_count_went", "achievement_awards"): "AFTER DELETE {on} REFERENCING OLD TABLE AS went"
    f" {_STATEMENT} guildhall_count_awards()",
    ("members_count_came", "members"): "AFTER INSERT {on} REFERENCING NEW TABLE AS came"
    f" {_STATEMENT} guildhall_count_members()",
    ("members_count_went", "members"): "AFTER DELETE {on} REFERENCING OLD TABLE AS went"
    f" {_STATEMENT} guildhall_count_members()",
}

# Counted once, for the members who are there already; nobody can be added meanwhile, and done twice it is the same.
COUNT = """
    INSERT INTO member_counts (guild_id, members) SELECT guild_id, count(*) FROM members GROUP BY guild_id
    ON CONFLICT (guild_id) DO UPDATE SET members = EXCLUDED.members
"""

COMMENTS = {
    "achievements": (
        "What members can earn, and by what.",
        {
            "guild_id": "The guild it belongs to; empty: every guild.",
            "key": "Its name in addresses.",
            "name": "What members read.",
            "description": "How it is earned, in words.",
            "icon": "An emoji or the address of a picture.",
            "hidden": "Whether only those who have it see it.",
            "prerequisites": "Keys of the achievements that come before it.",
            "condition": "A tree of all, any and comparisons.",
            "reward_xp": "XP that comes with it.",
            "reward_role_id": "The role that comes with it.",
            "retroactive": "Whether those who meet it already are given it in the background.",
            "revision": "Counts the changes; the first is 1.",
            "created_at": "When it was made.",
            "updated_at": "When it last changed.",
            "deleted_at": "Since when it cannot be earned. It can be restored until the retention ends.",
            "changed_xid": "The transaction that last wrote this row; caches follow it.",
        },
    ),
    "achievement_awards": (
        "An achievement that a member has, or had.",
        {
            "achievement_id": "Which achievement.",
            "member_id": "The member's row: with it the award goes.",
            "guild_id": "The member's guild.",
            "user_id": "The member's snowflake.",
            "name": "The achievement's name when it was awarded.",
            "xp": "XP that was given with it, and not taken back.",
            "role_id": "The role that came with it.",
            "awarded_at": "When.",
            "awarded_by": "Who awarded it by hand; empty: it was earned.",
            "revoked_at": "Since when it is taken away; empty: they have it.",
            "revoked_by": "Who took it away.",
        },
    ),
    "achievement_counts": (
        "How many members of a guild have an achievement.",
        {
            "achievement_id": "Which achievement.",
            "guild_id": "In which guild.",
            "awarded": "How many members have it now.",
        },
    ),
    "member_counts": (
        "How many members of a guild are known in all.",
        {
            "guild_id": "The guild.",
            "members": "All of them: hidden ones and those who left, too.",
        },
    ),
    "achievement_awardings": (
        "How far it is found out who meets a new or changed achievement already.",
        {
            "achievement_id": "Which achievement.",
            "status": "queued, running, finished or failed.",
            "after_guild_id": "The guild that is being looked at.",
            "after_user_id": "The last member there who was looked at.",
            "looked_at": "Members who were looked at.",
            "members": "Members there were when it began.",
            "awarded": "Members who were given it.",
            "finished_at": "When it ended; empty before.",
        },
    ),
}

# Before and after.
JOBS = {
    "kind": ("What is to be done: import.", "What is to be done: import, awarding."),
    "subject": ("To what: the import''s id.", "To what: the id of the import, of the achievement."),
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
        await run([f"CREATE {index}" for index in INDEXES.values()])
        await run(FUNCTIONS)
        await run(
            [
                f"CREATE OR REPLACE TRIGGER {name} {body.format(on=f'ON {table}')}"
                for (name, table), body in TRIGGERS.items()
            ]
        )
        await run([COUNT])
        await run(comments(forwards=True))
        await run([f"COMMENT ON COLUMN jobs.{column} IS '{words[1]}'" for column, words in JOBS.items()])

    async def drop() -> None:
        await run(comments(forwards=False))
        await run([f"COMMENT ON COLUMN jobs.{column} IS '{words[0]}'" for column, words in JOBS.items()])
        await run([f"DROP TRIGGER IF EXISTS {name} ON {table}" for name, table in TRIGGERS])
        await run(
            [f"DROP FUNCTION IF EXISTS {name}()" for name in ("guildhall_count_awards", "guildhall_count_members")]
        )
        await run([f"DROP INDEX IF EXISTS {name}" for name in INDEXES])

    manager.add_raw(create)
    manager.add_raw_backwards(drop)
    return manager
