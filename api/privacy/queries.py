"""The SQL of privacy."""

CHOSEN = """
    SELECT hidden_at IS NOT NULL AS is_hidden, opted_out_at IS NOT NULL AS is_opted_out
    FROM privacy_choices WHERE user_id = $1
"""

# Someone who has opted out stays so since when they first did.
OPT_OUT = """
    INSERT INTO privacy_choices AS p (user_id, opted_out_at) VALUES ($1, $2::timestamptz)
    ON CONFLICT (user_id) DO UPDATE SET opted_out_at =
        CASE WHEN EXCLUDED.opted_out_at IS NULL THEN NULL ELSE coalesce(p.opted_out_at, EXCLUDED.opted_out_at) END
"""

# Who has chosen nothing is not known here.
DROP_EMPTY = "DELETE FROM privacy_choices WHERE user_id = $1 AND hidden_at IS NULL AND opted_out_at IS NULL"

GUILDS = """
    SELECT guild_id FROM members WHERE user_id = $1 AND ($2::bigint[] IS NULL OR guild_id = ANY($2)) ORDER BY guild_id
"""

SESSIONS = "SELECT id FROM sessions WHERE user_id = $1 AND $2::bigint[] IS NULL"

IDS = "SELECT min(id), max(id) FROM {table}"

# Names nobody, not even whoever erases themselves: the database knows the word for them, and the application does not.
RECORD = "SELECT guildhall_record_erasure($1, $2, $3, $4, $5, $6, $7, $8)"
