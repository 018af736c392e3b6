"""The SQL of imports."""

from api.members.queries import ERASED_STANDINGS, TOMBSTONES

COLUMNS = """
    i.id, i.guild_id, i.source, i.mode, i.dry_run, i.takes_settings, i.status, i.progress, i.bytes, i.position,
    i.reached, i.imported, i.unchanged, i.refused, i.refused_rows, i.preview, i.created_at, i.finished_at
"""

# The preview as a reader sees it. Hidden people are shown only to their bot ({seen} null) and to themselves. People who
# had no XP before stay in it: they may be unknown, so their presence reveals nothing.
_SEEN = """CASE WHEN {seen} IS NULL THEN i.preview ELSE (
        SELECT coalesce(jsonb_agg(p.item ORDER BY p.n), '[]'::jsonb)
        FROM jsonb_array_elements(i.preview) WITH ORDINALITY AS p (item, n)
        WHERE NOT EXISTS (
            SELECT FROM privacy_choices c
            WHERE c.user_id = (p.item ->> 'user_id')::bigint AND c.hidden_at IS NOT NULL AND c.user_id <> {seen}
                AND p.item ->> 'xp_before' <> '0'
        )
    ) END AS preview"""


def _seen(seen: str) -> str:
    return COLUMNS.replace("i.preview", _SEEN.format(seen=seen))


# Leases the place of a guild's ($1) next file for the import with this id ($2) and this many seconds ($3).
RESERVE = """
    INSERT INTO import_uploads AS u (guild_id, import_id, leased_until)
    VALUES ($1, $2, now() + $3 * interval '1 second')
    ON CONFLICT (guild_id) DO UPDATE SET import_id = EXCLUDED.import_id, leased_until = EXCLUDED.leased_until
    WHERE u.leased_until < now() OR u.import_id = EXCLUDED.import_id
    RETURNING true
"""

NEXT_ID = "SELECT nextval(pg_get_serial_sequence('imports', 'id'))"

# By id, of a guild that is there and that the reader sees ($2 null: all).
READ = f"""
    SELECT {_seen("$3::bigint")} FROM imports i JOIN guilds g ON g.id = i.guild_id
    WHERE i.id = $1 AND g.deleted_at IS NULL AND ($2::bigint[] IS NULL OR i.guild_id = ANY($2))
"""

LIST = f"""
    SELECT {_seen("$4::bigint")} FROM imports i WHERE i.guild_id = $1 AND ($2::bigint IS NULL OR i.id < $2)
    ORDER BY i.id DESC LIMIT $3
"""

# Those of these members whom the file has not named yet.
NAME_FIRST = """
    INSERT INTO import_members (import_id, user_id) SELECT $1, * FROM unnest($2::bigint[])
    ON CONFLICT DO NOTHING RETURNING user_id
"""

# Removes a batch of what a finished import leaves behind.
SWEEP = """
    DELETE FROM {table} WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM {table} WHERE import_id = $1 LIMIT {size}
    ))
"""

# The ids of ended imports that left rows in the table; found without reading the whole table.
STRAYS = """
    WITH RECURSIVE found AS (
        (SELECT import_id FROM {table} ORDER BY import_id LIMIT 1)
        UNION ALL
        SELECT (SELECT t.import_id FROM {table} t WHERE t.import_id > f.import_id ORDER BY t.import_id LIMIT 1)
        FROM found f WHERE f.import_id IS NOT NULL
    )
    SELECT f.import_id FROM found f WHERE f.import_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM imports i WHERE i.id = f.import_id AND i.status IN ('queued', 'running')
    )
"""

# Those of these imports whose file is not being uploaded.
OLD = """
    SELECT id FROM unnest($1::bigint[]) AS id WHERE NOT EXISTS (
        SELECT FROM import_chunks c WHERE c.import_id = id AND c.created_at > now() - interval '1 hour'
    )
"""

# Those of these people of whom nothing is taken: who opted out, and who were erased not long ago, or left since
# somebody asked for the import ($3); and hidden people but the person who asked ($4), if it was one.
PRIVATE = f"""
    SELECT p.user_id FROM privacy_choices p WHERE p.user_id = ANY($2::bigint[]) AND p.opted_out_at IS NOT NULL
    UNION SELECT h.user_id FROM privacy_choices h
    WHERE h.user_id = ANY($2::bigint[]) AND h.hidden_at IS NOT NULL AND h.user_id <> $4::bigint
    UNION ({ERASED_STANDINGS})
"""

# Members that are there, of these; and those of these people whose rows are dropped.
KNOWN = f"""
    SELECT m.user_id, m.xp, m.messages, false AS is_private FROM members m
    WHERE m.guild_id = $1 AND m.user_id = ANY($2::bigint[])
    UNION ALL SELECT user_id, 0, 0, true FROM ({PRIVATE}) AS p
"""

# Members of a preview who were erased while it was being made.
DELETE_ERASED = f"""
    UPDATE imports i SET preview = (
        SELECT coalesce(jsonb_agg(p.item ORDER BY p.n), '[]'::jsonb)
        FROM jsonb_array_elements(i.preview) WITH ORDINALITY AS p (item, n)
        WHERE NOT EXISTS (
            SELECT FROM (SELECT i.guild_id, (p.item ->> 'user_id')::bigint AS user_id) AS e
            JOIN {TOMBSTONES.format(e="e")} AND NOT t.only_left
        )
    )
    WHERE i.id = $1 AND EXISTS (SELECT FROM erased_people)
"""
