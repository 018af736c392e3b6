from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.engine import engine_finder

ID = "2026-11-25T01:20:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "Who was erased, for as long as something of theirs may still come late; names taken out of the trail"

TABLES = {
    # Whose events of the time before are dropped. Guild 0: everywhere. No id of anybody is in it: see the salt.
    "erased_people": """(
        digest bytea NOT NULL,
        guild_id bigint NOT NULL,
        erased_at timestamptz NOT NULL,
        CONSTRAINT erased_people_digest_guild_key PRIMARY KEY (digest, guild_id),
        CONSTRAINT erased_people_digest_check CHECK (length(digest) = 32)
    )""",
    # One row, made here, different in every installation.
    "erasure_salt": """(
        salt bytea NOT NULL,
        CONSTRAINT erasure_salt_salt_check CHECK (length(salt) = 32)
    )""",
}

COMMENTS = {
    "TABLE erased_people": "People who were erased, by a salted hash, so that what comes late does not bring them back.",
    "COLUMN erased_people.digest": "SHA-256 of the salt and the 8 bytes of the snowflake.",
    "COLUMN erased_people.guild_id": "The guild in which they were erased; 0: everywhere.",
    "COLUMN erased_people.erased_at": "What happened before then is dropped; the row goes after 8 days.",
    "COLUMN sessions.user_id": "Who it is; empty if they were erased since.",
    "TABLE erasure_salt": "The salt of the hashes of people who were erased.",
    "COLUMN erasure_salt.salt": "32 random bytes.",
}

FUNCTIONS = [
    # A text in which a person's id, where it stands as a whole number, is no more.
    """
    CREATE OR REPLACE FUNCTION guildhall_without(words text, person bigint) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
        regexp_replace(words, '(?<![0-9])' || person || '(?![0-9])', 'erased', 'g')
    """,
    # The application may add to the trail, and alter nothing of it but this: who somebody was. Entries with ids in
    # [first, last], those of the guilds (null: all). Ids within JSON are strings.
    """
    CREATE OR REPLACE FUNCTION guildhall_forget_in_audit_log(person bigint, guilds bigint[], first bigint, last bigint)
    RETURNS TABLE (guild_id bigint, changed bigint)
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
        WITH entry AS (
            UPDATE audit_log a SET
                ip = CASE WHEN a.actor_kind = 'user' AND a.actor_id = person::text THEN NULL ELSE a.ip END,
                actor_id = CASE WHEN a.actor_kind = 'user' AND a.actor_id = person::text THEN 'erased' ELSE a.actor_id END,
                target = guildhall_without(a.target, person),
                reason = guildhall_without(a.reason, person),
                changes = replace(a.changes::text, '"' || person || '"', '"erased"')::jsonb
            WHERE a.id >= first AND a.id <= last AND (guilds IS NULL OR a.guild_id = ANY(guilds)) AND (
                a.actor_kind = 'user' AND a.actor_id = person::text
                OR strpos(a.target, person::text) > 0 AND a.target <> guildhall_without(a.target, person)
                OR strpos(a.reason, person::text) > 0 AND a.reason <> guildhall_without(a.reason, person)
                OR strpos(a.changes::text, '"' || person || '"') > 0
            )
            RETURNING a.guild_id
        )
        SELECT entry.guild_id, count(*) FROM entry GROUP BY entry.guild_id
    $$
    """,
    # The same of revisions of settings. What was set then stays: restoring it must give what it was.
    """
    CREATE OR REPLACE FUNCTION guildhall_forget_in_revisions(person bigint, guilds bigint[], first bigint, last bigint)
    RETURNS TABLE (guild_id bigint, changed bigint)
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
        WITH entry AS (
            UPDATE guild_settings_revisions r SET
                actor_id = CASE WHEN r.actor_kind = 'user' AND r.actor_id = person::text THEN 'erased' ELSE r.actor_id END,
                reason = guildhall_without(r.reason, person)
            WHERE r.id >= first AND r.id <= last AND (guilds IS NULL OR r.guild_id = ANY(guilds)) AND (
                r.actor_kind = 'user' AND r.actor_id = person::text
                OR strpos(r.reason, person::text) > 0 AND r.reason <> guildhall_without(r.reason, person)
            )
            RETURNING r.guild_id
        )
        SELECT entry.guild_id, count(*) FROM entry GROUP BY entry.guild_id
    $$
    """,
]
DROPPED = {
    "guildhall_forget_in_revisions": "bigint, bigint[], bigint, bigint",
    "guildhall_forget_in_audit_log": "bigint, bigint[], bigint, bigint",
    "guildhall_without": "text, bigint",
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
        await run([f"COMMENT ON {what} IS '{words}'" for what, words in COMMENTS.items()])
        # Two of these are 244 random bits.
        await run(
            [
                "INSERT INTO erasure_salt SELECT sha256(convert_to(gen_random_uuid()::text || gen_random_uuid(), 'UTF8'))"
                " WHERE NOT EXISTS (SELECT FROM erasure_salt)"
            ]
        )
        await run(FUNCTIONS)
        await run(
            [
                f"REVOKE ALL ON FUNCTION {name}({types}) FROM PUBLIC"
                for name, types in DROPPED.items()
                if name != "guildhall_without"
            ]
        )

    async def drop() -> None:
        await run([f"DROP FUNCTION IF EXISTS {name}({types})" for name, types in DROPPED.items()])
        await run([f"DROP TABLE IF EXISTS {name}" for name in TABLES])
        await run(["COMMENT ON COLUMN sessions.user_id IS 'Who it is.'"])

    manager.add_raw(create)
    manager.add_raw_backwards(drop)
    return manager
