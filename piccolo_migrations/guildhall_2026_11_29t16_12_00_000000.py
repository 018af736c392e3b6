from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.engine import engine_finder

from piccolo_migrations.guildhall_2026_11_25t01_20_00_000000 import FUNCTIONS as FORMER

ID = "2026-11-29T16:12:00:000000"
VERSION = "1.38.0"
DESCRIPTION = (
    "Who is a person in the trail, by an index; whoever is erased keeps a word there that nobody can turn back"
)

TABLE = """
    CREATE TABLE IF NOT EXISTS pseudonym_key (
        inner_pad bytea NOT NULL,
        outer_pad bytea NOT NULL,
        CONSTRAINT pseudonym_key_pads_check CHECK (length(inner_pad) = 64 AND length(outer_pad) = 64)
    )
"""
COMMENTS = {
    "TABLE pseudonym_key": "The key of the words that stand for erased people. The application cannot read it.",
    "COLUMN pseudonym_key.inner_pad": "A secret key of 64 bytes, each XOR 0x36, as HMAC has it.",
    "COLUMN pseudonym_key.outer_pad": "The same key, each byte XOR 0x5c.",
}
# One row, made here, different in every installation; four of these are 488 random bits.
KEY = """
    INSERT INTO pseudonym_key (inner_pad, outer_pad)
    SELECT decode(string_agg(lpad(to_hex(get_byte(secret, n) # 54), 2, '0'), '' ORDER BY n), 'hex'),
        decode(string_agg(lpad(to_hex(get_byte(secret, n) # 92), 2, '0'), '' ORDER BY n), 'hex')
    FROM (
        SELECT sha512(convert_to(
            concat(gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), gen_random_uuid()), 'UTF8'
        )) AS secret OFFSET 0
    ) AS made, generate_series(0, 63) AS n
    WHERE NOT EXISTS (SELECT FROM pseudonym_key) HAVING count(*) > 0
"""

FUNCTIONS = {
    # HMAC-SHA256 of the 8 bytes of the snowflake, of which 80 bits are told: the same person is the same word.
    "guildhall_pseudonym(bigint)": """
    CREATE OR REPLACE FUNCTION guildhall_pseudonym(person bigint) RETURNS text
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
        SELECT 'erased-' || left(encode(sha256(outer_pad || sha256(inner_pad || int8send(person))), 'hex'), 20)
        FROM pseudonym_key
    $$
    """,
    # Who is a person in an entry: a user who did it, the target of what is done to people, an owner. In words what is
    # written as a mention, or is as long as a snowflake.
    "guildhall_people(text, text, text, text, jsonb, text)": r"""
    CREATE OR REPLACE FUNCTION guildhall_people(
        kind text, actor text, action text, target text, changes jsonb, words text
    ) RETURNS bigint[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
        SELECT coalesce(array_agg(DISTINCT id::bigint), '{}') FROM (
            SELECT actor AS id WHERE kind = 'user'
            UNION ALL SELECT target
            WHERE action ~ '^(member|user)\.' OR action IN ('achievement.awarded', 'achievement.revoked')
            UNION ALL SELECT changes -> member ->> side
            FROM unnest('{owner_id,user_id}'::text[]) AS member, unnest('{before,after}'::text[]) AS side
            WHERE action !~ '^settings\.'
            UNION ALL SELECT coalesce(found[1], found[2])
            FROM regexp_matches(words, '<@!?([0-9]{1,19})>|(?<![0-9])([0-9]{15,19})(?![0-9])', 'g') AS found
        ) AS named
        WHERE id ~ '^[1-9][0-9]{0,18}$' AND (length(id) < 19 OR id COLLATE "C" <= '9223372036854775807')
    $$
    """,
    # Words in which a person's id is no more, where it is one: not where a guild has it.
    "guildhall_unnamed(text, bigint, text)": r"""
    CREATE OR REPLACE FUNCTION guildhall_unnamed(words text, person bigint, word text) RETURNS text
    LANGUAGE sql STABLE AS $$
        SELECT CASE
            WHEN strpos(words, person::text) = 0 OR EXISTS (SELECT FROM guilds WHERE id = person) THEN words
            WHEN person >= 100000000000000 THEN regexp_replace(words, '(?<![0-9])' || person || '(?![0-9])', word, 'g')
            ELSE regexp_replace(words, '<@!?' || person || '>', word, 'g')
        END
    $$
    """,
    # The application may add to the trail, and alter nothing of it but this: who somebody was. Some entries, of the
    # guilds (null: all).
    "guildhall_forget_in_audit_log(bigint, bigint[], integer)": """
    CREATE OR REPLACE FUNCTION guildhall_forget_in_audit_log(person bigint, guilds bigint[], most integer)
    RETURNS TABLE (guild_id bigint, changed bigint)
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
        WITH named AS (
            SELECT a.id FROM audit_log a
            WHERE guildhall_people(a.actor_kind, a.actor_id, a.action, a.target, a.changes, a.reason) @> ARRAY[person]
                AND (guilds IS NULL OR a.guild_id = ANY(guilds))
                AND (
                    guildhall_people(a.actor_kind, a.actor_id, a.action, a.target, a.changes, NULL) @> ARRAY[person]
                    OR guildhall_unnamed(a.reason, person, '') <> a.reason
                )
            LIMIT most FOR UPDATE
        ), entry AS (
            UPDATE audit_log a SET
                ip = CASE WHEN a.actor_kind = 'user' AND a.actor_id = person::text THEN NULL ELSE a.ip END,
                actor_id = CASE WHEN a.actor_kind = 'user' AND a.actor_id = person::text THEN p.word ELSE a.actor_id END,
                target = CASE
                    WHEN a.target = person::text
                        AND guildhall_people('', NULL, a.action, a.target, NULL, NULL) @> ARRAY[person]
                    THEN p.word ELSE a.target END,
                reason = guildhall_unnamed(a.reason, person, p.word),
                changes = CASE WHEN guildhall_people('', NULL, a.action, NULL, a.changes, NULL) @> ARRAY[person] THEN (
                    SELECT jsonb_object_agg(
                        c.key,
                        CASE WHEN c.key IN ('owner_id', 'user_id')
                        THEN replace(c.value::text, '"' || person || '"', '"' || p.word || '"')::jsonb ELSE c.value END
                    ) FROM jsonb_each(a.changes) AS c
                ) ELSE a.changes END
            FROM named, (SELECT guildhall_pseudonym(person) AS word OFFSET 0) AS p
            WHERE a.id = named.id
            RETURNING a.guild_id
        )
        SELECT entry.guild_id, count(*) FROM entry GROUP BY entry.guild_id
    $$
    """,
    # The same of revisions of settings. What was set then stays: restoring it must give what it was.
    "guildhall_forget_in_revisions(bigint, bigint[], integer)": """
    CREATE OR REPLACE FUNCTION guildhall_forget_in_revisions(person bigint, guilds bigint[], most integer)
    RETURNS TABLE (guild_id bigint, changed bigint)
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
        WITH named AS (
            SELECT r.id FROM guild_settings_revisions r
            WHERE guildhall_people(r.actor_kind, r.actor_id, '', NULL, NULL, r.reason) @> ARRAY[person]
                AND (guilds IS NULL OR r.guild_id = ANY(guilds))
                AND (
                    r.actor_kind = 'user' AND r.actor_id = person::text
                    OR guildhall_unnamed(r.reason, person, '') <> r.reason
                )
            LIMIT most FOR UPDATE
        ), entry AS (
            UPDATE guild_settings_revisions r SET
                actor_id = CASE WHEN r.actor_kind = 'user' AND r.actor_id = person::text THEN p.word ELSE r.actor_id END,
                reason = guildhall_unnamed(r.reason, person, p.word)
            FROM named, (SELECT guildhall_pseudonym(person) AS word OFFSET 0) AS p
            WHERE r.id = named.id
            RETURNING r.guild_id
        )
        SELECT entry.guild_id, count(*) FROM entry GROUP BY entry.guild_id
    $$
    """,
    # That somebody was erased, without naming them: not even where they did it themselves.
    "guildhall_record_erasure(bigint, bigint[], text, text, text, text, text, text)": """
    CREATE OR REPLACE FUNCTION guildhall_record_erasure(
        person bigint, guilds bigint[], kind text, actor text, receipt text, words text, address text, request text
    ) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
        INSERT INTO audit_log (guild_id, actor_kind, actor_id, action, target, reason, ip, request_id)
        SELECT g.id, kind, CASE WHEN p.is_own THEN p.word ELSE actor END, 'user.erased', receipt,
            guildhall_unnamed(words, person, p.word), CASE WHEN p.is_own THEN NULL ELSE address END, request
        FROM unnest(guilds) AS g (id),
            (SELECT guildhall_pseudonym(person) AS word, kind = 'user' AND actor = person::text AS is_own OFFSET 0) AS p
    $$
    """,
}
CALLABLE = ("guildhall_people", "guildhall_unnamed")

INDEXES = {
    "audit_log_people_idx": "audit_log USING gin"
    " (guildhall_people(actor_kind, actor_id, action, target, changes, reason))",
    "guild_settings_revisions_people_idx": "guild_settings_revisions USING gin"
    " (guildhall_people(actor_kind, actor_id, '', NULL, NULL, reason))",
}

REPLACED = (
    "guildhall_forget_in_audit_log(bigint, bigint[], bigint, bigint)",
    "guildhall_forget_in_revisions(bigint, bigint[], bigint, bigint)",
)


async def run(statements: list[str]) -> None:
    engine = engine_finder()
    assert engine is not None
    for statement in statements:
        await engine.run_ddl(statement)


def withheld(functions: list[str]) -> list[str]:
    return [f"REVOKE ALL ON FUNCTION {name} FROM PUBLIC" for name in functions if not name.startswith(CALLABLE)]


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="guildhall", description=DESCRIPTION)

    async def create() -> None:
        await run([TABLE, *(f"COMMENT ON {what} IS '{words}'" for what, words in COMMENTS.items()), KEY])
        await run([*FUNCTIONS.values(), *withheld([*FUNCTIONS])])
        await run([f"CREATE INDEX IF NOT EXISTS {name} ON {on}" for name, on in INDEXES.items()])
        await run([f"DROP FUNCTION IF EXISTS {name}" for name in (*REPLACED, "guildhall_without(text, bigint)")])

    async def drop() -> None:
        await run([*FORMER, *withheld([*REPLACED])])
        await run([f"DROP INDEX IF EXISTS {name}" for name in INDEXES])
        await run([f"DROP FUNCTION IF EXISTS {name}" for name in reversed(FUNCTIONS)])
        await run(["DROP TABLE IF EXISTS pseudonym_key"])

    manager.add_raw(create)
    manager.add_raw_backwards(drop)
    return manager
