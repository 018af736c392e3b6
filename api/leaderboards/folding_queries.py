"""The SQL of checkpoints."""

from api.members.queries import TOTALS_KEY, TOTALS_LOCK

# Guilds to bring up to date: large ones (more than $1 members), and others that have checkpoints or rewritten days.
GUILDS = """
    SELECT guild_id, bool_or(is_large) AS is_large FROM (
        SELECT guild_id, true AS is_large FROM member_counts WHERE members > $1
        UNION ALL SELECT guild_id, false FROM activity_checkpoints
        UNION ALL SELECT guild_id, false FROM activity_rewrites
    ) AS each GROUP BY guild_id ORDER BY guild_id
"""

# Removes a batch of stale totals by their physical place: a concurrent removal of a member locks a few of these rows,
# for moments.
REMOVE_STALE = """
    DELETE FROM activity_totals WHERE ctid = ANY(ARRAY(
        SELECT t.ctid FROM activity_checkpoints c JOIN activity_totals t USING (guild_id, day)
        WHERE c.guild_id = $1 AND c.is_stale LIMIT $2
    ))
"""

# Removes stale checkpoints whose totals are gone.
DELETE_STALE = """
    DELETE FROM activity_checkpoints c WHERE c.guild_id = $1 AND c.is_stale
        AND NOT EXISTS (SELECT FROM activity_totals t WHERE t.guild_id = c.guild_id AND t.day = c.day)
"""

# One process computes at a time, and only while no member of the guild is being removed: see `NOTE_REMOVED` of members.
TRY_LOCK = f"""
    SELECT pg_try_advisory_xact_lock({TOTALS_LOCK}) AND pg_try_advisory_xact_lock({TOTALS_LOCK}, {TOTALS_KEY})
        AND NOT EXISTS (SELECT FROM activity_checkpoints WHERE guild_id = $1 AND is_stale)
"""

# Stores the totals up to day $3: those of the last checkpoint ($2), and the days since. In the order of users, so rows
# that are read together are stored together.
FOLD = """
    INSERT INTO activity_totals (guild_id, day, user_id, xp, messages, voice_seconds, reactions, commands)
    SELECT $1, $3::date, user_id, sum(xp), sum(messages), sum(voice_seconds), sum(reactions), sum(commands)
    FROM (
        SELECT user_id, xp, messages, voice_seconds, reactions, commands FROM activity_totals
        WHERE guild_id = $1 AND day = $2
        UNION ALL
        SELECT user_id, xp, messages, voice_seconds, reactions, commands FROM activity_days
        WHERE guild_id = $1 AND day > $2 AND day <= $3 AND user_id > 0
    ) AS each GROUP BY user_id ORDER BY user_id
"""

# Valid checkpoints: no earlier day was written to since.
CHECKPOINTS = """
    SELECT c.day FROM activity_checkpoints c LEFT JOIN activity_rewrites r USING (guild_id)
    WHERE c.guild_id = $1 AND NOT c.is_stale AND (r.day IS NULL OR c.day < r.day) ORDER BY c.day
"""

# The totals of members between two checkpoints ($2, $3), with days to add or subtract ($4 to $9).
SUMMED = """
    SELECT u.user_id, sum(u.value)::bigint AS value FROM (
        SELECT t.user_id, CASE WHEN t.day = $2 THEN -t.{stat} ELSE t.{stat} END AS value
        FROM activity_totals t WHERE t.guild_id = $1 AND t.day IN ($2, $3)
        UNION ALL
        SELECT a.user_id, a.{stat} * $6::int FROM activity_days a
        WHERE a.guild_id = $1 AND a.day BETWEEN $4 AND $5 AND a.user_id > 0
        UNION ALL
        SELECT a.user_id, a.{stat} * $9::int FROM activity_days a
        WHERE a.guild_id = $1 AND a.day BETWEEN $7 AND $8 AND a.user_id > 0
    ) AS u GROUP BY u.user_id
"""
