"""The SQL of members: profiles, names, activity in time, leaving, tombstones."""

from api.postgres.plans import match_by_index

# Of many members at once ($1 guilds, $2 users); `place` is which of them, from 1. The rank is the sum of a few hundred
# counters at most, and a count of the members who share the first eight bits of this one's XP: see the ledger.
# Materialized, so that the bounds are worked out once, not for each counter. The arrays come from a SELECT so that
# the planner does not see how long they are: for short ones it would make a plan anew each time.
PROFILES = """
    WITH found AS MATERIALIZED (
        SELECT asked.place, m.*, n.username, n.display_name, n.avatar, p.hidden_at,
            guildhall_xp_floor(m.xp, 1) AS octave, guildhall_xp_floor(m.xp, 8) AS fine
        FROM ROWS FROM (unnest((SELECT $1::bigint[])), unnest((SELECT $2::bigint[])))
            WITH ORDINALITY AS asked (guild_id, user_id, place)
        JOIN members m ON m.guild_id = asked.guild_id AND m.user_id = asked.user_id
        LEFT JOIN member_names n ON n.guild_id = asked.guild_id AND n.user_id = asked.user_id
        LEFT JOIN privacy_choices p ON p.user_id = asked.user_id
    )
    SELECT f.xp, f.messages, f.voice_seconds, f.reactions, f.commands, f.streak_from, f.streak_to, f.streak_best,
        f.first_seen_at, f.last_active_at, f.hidden_at IS NOT NULL AS is_hidden, counted.member_count,
        CASE WHEN f.is_ranked AND f.hidden_at IS NULL THEN 1 + counted.above + (
            SELECT count(*) FROM boards n
            WHERE n.guild_id = f.guild_id AND n.stat = 0 AND n.value > f.xp
                AND n.value < f.fine + greatest(f.octave >> 7, 1)
        ) END AS rank,
        (
            SELECT json_object_agg(s.stat, s.value ORDER BY s.stat) FROM custom_stats s
            WHERE s.guild_id = f.guild_id AND s.user_id = f.user_id
        ) AS custom_stats,
        f.username, f.display_name, f.avatar, f.place
    FROM found f
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(c.members) FILTER (WHERE c.kept = 1), 0)::bigint AS member_count,
            coalesce(sum(c.members) FILTER (WHERE c.kept = 8 OR c.low > f.octave), 0)::bigint AS above
        FROM xp_counts c
        WHERE c.guild_id = f.guild_id
            AND (c.kept = 1 OR c.kept = 8 AND c.low > f.fine AND c.low < greatest(2 * f.octave, 1))
    ) AS counted
"""

# One row is looked up for each day: between two days lie the rows of all other members.
# `OFFSET 0` keeps it so, the bounds prune partitions.
DAYS = """
    SELECT d.* FROM generate_series($3::date, $4::date, '1 day') AS each (day)
    CROSS JOIN LATERAL (
        SELECT a.day AS at, a.messages, a.voice_seconds, a.reactions, a.commands, a.xp FROM activity_days a
        WHERE a.guild_id = $1 AND a.user_id = $2 AND a.day = each.day::date AND a.day BETWEEN $3 AND $4 OFFSET 0
    ) d
"""

# By quarters of an hour: an hour that was written while the guild had another time zone may begin at any of them.
HOURS = """
    SELECT h.* FROM generate_series($3::timestamptz, $4::timestamptz, '15 minutes') AS each (hour)
    CROSS JOIN LATERAL (
        SELECT a.hour AS at, a.messages, a.voice_seconds, a.reactions, a.commands, a.xp FROM activity_hours a
        WHERE a.guild_id = $1 AND a.user_id = $2 AND a.hour = each.hour AND a.hour BETWEEN $3 AND $4 OFFSET 0
    ) h
"""

# All that is stored of a member in a guild; the guild's own totals (user 0) stay. Looked up day by day, as above.
# Gives how many rows that was.
ERASE = """
    WITH day AS (
        DELETE FROM activity_days a
        USING (
            SELECT generate_series(min(b.day), max(b.day), '1 day')::date AS day FROM activity_days b
            WHERE b.guild_id = $1
        ) AS each
        WHERE a.guild_id = $1 AND a.user_id = $2 AND a.day = each.day
        RETURNING 1
    ), total AS (
        DELETE FROM activity_totals a USING activity_checkpoints c
        WHERE c.guild_id = $1 AND a.guild_id = $1 AND a.user_id = $2 AND a.day = c.day
    ), hour AS (
        DELETE FROM activity_hours a
        USING (
            SELECT generate_series(min(b.hour), max(b.hour), '15 minutes') AS hour FROM activity_hours b
            WHERE b.guild_id = $1
        ) AS each
        WHERE a.guild_id = $1 AND a.user_id = $2 AND a.hour = each.hour
        RETURNING 1
    ), stat_day AS (
        DELETE FROM custom_stat_days a
        USING custom_stats s CROSS JOIN LATERAL (
            SELECT generate_series(min(b.day), max(b.day), '1 day')::date AS day FROM custom_stat_days b
            WHERE b.guild_id = $1 AND b.stat = s.stat
        ) AS each
        WHERE s.guild_id = $1 AND s.user_id = $2
            AND a.guild_id = $1 AND a.user_id = $2 AND a.stat = s.stat AND a.day = each.day
        RETURNING 1
    ), stat AS (
        DELETE FROM custom_stats WHERE guild_id = $1 AND user_id = $2 RETURNING 1
    ), name AS (
        DELETE FROM member_names WHERE guild_id = $1 AND user_id = $2 RETURNING 1
    ), member AS (
        DELETE FROM members WHERE guild_id = $1 AND user_id = $2 RETURNING 1
    )
    SELECT (SELECT count(*) FROM day) + (SELECT count(*) FROM hour) + (SELECT count(*) FROM stat_day)
        + (SELECT count(*) FROM stat) + (SELECT count(*) FROM name) + (SELECT count(*) FROM member)
"""

# What a guild's leveling config is made of.
READ_LEVELING_CONFIG = """
    SELECT g.name, g.timezone, s.overrides FROM guilds g
    LEFT JOIN guild_settings s ON s.guild_id = g.id AND s.module = 'leveling'
    WHERE g.id = $1 AND g.deleted_at IS NULL
"""

CHANNEL_PARENTS = "SELECT channel_id, parent_id FROM guild_channels WHERE guild_id = $1 AND parent_id IS NOT NULL"

# The names of members, by guilds $1 and users $2.
NAMES = f"""
    SELECT n.guild_id, n.user_id, n.username, n.display_name, n.avatar
    FROM unnest($1::text::bigint[], $2::text::bigint[]) AS k (guild_id, user_id)
    JOIN member_names n ON {match_by_index("n", "k", "guild_id", "user_id")}
"""

# Stores names and their digests, or removes those without any (digest 0). The members are locked.
STORE_NAMES = f"""
    WITH given AS MATERIALIZED (
        SELECT * FROM unnest(
            $1::text::bigint[], $2::text::bigint[], $3::text::int[], $4::text::text[], $5::text::text[],
            $6::text::text[], $7::text::text[], $8::text::text[]
        ) AS g (guild_id, user_id, digest, username, display_name, avatar, username_folded, sort_name)
    ), noted AS (
        UPDATE members m SET names_digest = g.digest, has_display_name = g.display_name IS NOT NULL
        FROM given g WHERE {match_by_index("m", "g", "guild_id", "user_id")}
    ), gone AS (
        DELETE FROM member_names n USING given g
        WHERE g.digest = 0 AND {match_by_index("n", "g", "guild_id", "user_id")}
    )
    INSERT INTO member_names (guild_id, user_id, username, display_name, avatar, username_folded, sort_name)
    SELECT guild_id, user_id, username, display_name, avatar, username_folded, sort_name
    FROM given WHERE digest <> 0
    ON CONFLICT (guild_id, user_id) DO UPDATE SET
        username = EXCLUDED.username, display_name = EXCLUDED.display_name, avatar = EXCLUDED.avatar,
        username_folded = EXCLUDED.username_folded, sort_name = EXCLUDED.sort_name
"""

# The advisory lock of a guild's checkpoints, the totals up to the ends of months: see `api/leaderboards/folding.py`.
TOTALS_LOCK = 0x746F7461  # "tota"
TOTALS_KEY = "($1::bigint % 2147483647)::int"

# Marks the days of guild $1 from day $2 on as rewritten.
NOTE_REWRITTEN = """
    INSERT INTO activity_rewrites AS r (guild_id, day) VALUES ($1, $2)
    ON CONFLICT (guild_id) DO UPDATE SET day = least(r.day, EXCLUDED.day)
"""

# A checkpoint that is being computed may have read rows that are about to be removed, and would store them after the
# removal: then all checkpoints become stale. Nobody waits: computing holds the lock alone, removing members shares it.
NOTE_REMOVED = f"""
    INSERT INTO activity_rewrites AS r (guild_id, day)
    SELECT $1, '0001-01-01' WHERE NOT pg_try_advisory_xact_lock_shared({TOTALS_LOCK}, {TOTALS_KEY})
    ON CONFLICT (guild_id) DO UPDATE SET day = EXCLUDED.day
"""

# Joins `t`, the tombstones, to `{e}`, rows with a guild and a user. Checking first whether there are any tombstones
# saves the hashes of everybody. OFFSET keeps the planner from comparing each tombstone with each row.
TOMBSTONES = """
    LATERAL (
        SELECT erased_at, only_left FROM erased_people
        WHERE digest = sha256((SELECT salt FROM erasure_salt) || int8send({e}.user_id))
            AND guild_id IN (0, {e}.guild_id)
        OFFSET 0
    ) AS t ON (SELECT EXISTS (SELECT FROM erased_people))
"""

# Those of these people (guilds $1, users $2) who were erased, with the times.
ERASED_SINCE = f"""
    SELECT e.guild_id, e.user_id, max(t.erased_at)
    FROM unnest($1::text::bigint[], $2::text::bigint[]) AS e (guild_id, user_id) JOIN {TOMBSTONES.format(e="e")}
    GROUP BY e.guild_id, e.user_id
"""

# Those of these people ($2) whose standings in guild $1 an import that was requested at $3 must not store.
ERASED_STANDINGS = f"""
    SELECT DISTINCT e.user_id FROM (SELECT $1::bigint AS guild_id, unnest($2::bigint[]) AS user_id) AS e
    JOIN {TOMBSTONES.format(e="e")} AND (NOT t.only_left OR t.erased_at > $3::timestamptz)
"""

# Stores tombstones of person $1 in guilds $2 at the time $3. $4: they only left.
SET_UP_TOMBSTONES = """
    INSERT INTO erased_people AS t (digest, guild_id, erased_at, only_left)
    SELECT sha256(s.salt || int8send($1::bigint)), guild_id, $3::timestamptz, $4::boolean
    FROM erasure_salt s, unnest($2::bigint[]) AS guild_id ORDER BY guild_id
    ON CONFLICT (digest, guild_id) DO UPDATE SET
        erased_at = greatest(t.erased_at, EXCLUDED.erased_at), only_left = t.only_left AND EXCLUDED.only_left
"""
