"""The SQL of members' profiles, their activity in time, and their leaving."""

from api.members.ledger_queries import BUCKET, PEOPLE_LOCK

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

# Of someone whose level or activity is asked for.
MEMBER = """
    SELECT m.xp, p.hidden_at IS NOT NULL AS is_hidden
    FROM (SELECT $2::bigint AS user_id) AS person
    LEFT JOIN members m ON m.guild_id = $1 AND m.user_id = person.user_id
    LEFT JOIN privacy_choices p ON p.user_id = person.user_id
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

LOCK_PRESENT = "SELECT 1 FROM members WHERE guild_id = $1 AND user_id = $2 AND left_at IS NULL FOR UPDATE"

LOCK_ONE = "SELECT 1 FROM members WHERE guild_id = $1 AND user_id = $2 FOR UPDATE"

LOCK_MEMBER_COUNT = "SELECT 1 FROM member_counts WHERE guild_id = $1 FOR UPDATE"

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

# Alone, where those who make members share: see `ledger_queries.LOCK_PEOPLE_SHARED`.
LOCK_PEOPLE = f"""
    SELECT pg_advisory_xact_lock({PEOPLE_LOCK}, bucket) FROM (
        SELECT DISTINCT {BUCKET} AS bucket FROM unnest($1::bigint[]) AS user_id ORDER BY bucket OFFSET 0
    ) AS b
"""

# Someone hidden stays hidden since when they first were.
CHOOSE_VISIBILITY = """
    INSERT INTO privacy_choices AS p (user_id, hidden_at)
    SELECT user_id, $2::timestamptz FROM unnest($1::bigint[]) AS user_id ORDER BY user_id
    ON CONFLICT (user_id) DO UPDATE
    SET hidden_at = CASE WHEN EXCLUDED.hidden_at IS NULL THEN NULL ELSE coalesce(p.hidden_at, EXCLUDED.hidden_at) END
"""

# Of these people.
HIDDEN = "SELECT user_id FROM privacy_choices WHERE user_id = ANY($1::bigint[]) AND hidden_at IS NOT NULL"

OPTED_OUT = "SELECT user_id FROM privacy_choices WHERE user_id = ANY($1::bigint[]) AND opted_out_at IS NOT NULL"

# In the order in which everybody locks members.
LOCK_EVERYWHERE = """
    SELECT id FROM members WHERE user_id = ANY($1::bigint[]) ORDER BY guild_id, user_id FOR UPDATE
"""

# On the boards are those who are not hidden, and did not leave a guild that takes off those who leave.
RANK_ANEW = """
    WITH target AS (
        SELECT m.id, m.guild_id, m.xp, $2::timestamptz IS NULL
            AND (m.left_at IS NULL OR coalesce(s.overrides ->> 'on_leave', $3) <> 'hide') AS is_ranked
        FROM members m
        LEFT JOIN guild_settings s ON s.guild_id = m.guild_id AND s.module = 'leveling'
        WHERE m.user_id = ANY($1::bigint[])
    ), changed AS (
        UPDATE members m SET is_ranked = t.is_ranked FROM target t
        WHERE m.id = t.id AND m.is_ranked <> t.is_ranked
        RETURNING m.*, CASE WHEN m.is_ranked THEN 1 ELSE -1 END AS members
    ), entry AS (
        SELECT guild_id, stat, value, user_id, members FROM changed CROSS JOIN LATERAL (
            VALUES (0, xp), (1, messages), (2, voice_seconds), (3, reactions), (4, commands)
        ) AS each (stat, value)
        WHERE stat = 0 OR value > 0
    ), shown AS (
        INSERT INTO boards (guild_id, stat, value, user_id)
        SELECT guild_id, stat, value, user_id FROM entry WHERE members = 1
    ), gone AS (
        DELETE FROM boards b USING entry e
        WHERE e.members = -1 AND b.guild_id = e.guild_id AND b.stat = e.stat AND b.value = e.value
            AND b.user_id = e.user_id
    )
    INSERT INTO xp_counts AS c (guild_id, kept, low, members)
    SELECT guild_id, kept, guildhall_xp_floor(xp, kept) AS low, sum(members)
    FROM changed CROSS JOIN (VALUES (1), (8)) AS each (kept)
    GROUP BY guild_id, kept, low HAVING sum(members) <> 0 ORDER BY guild_id, kept, low
    ON CONFLICT (guild_id, kept, low) DO UPDATE SET members = c.members + EXCLUDED.members
"""

# What a guild's leveling config is made of.
READ_LEVELING_CONFIG = """
    SELECT g.name, g.timezone, s.overrides FROM guilds g
    LEFT JOIN guild_settings s ON s.guild_id = g.id AND s.module = 'leveling'
    WHERE g.id = $1 AND g.deleted_at IS NULL
"""

CHANNEL_PARENTS = "SELECT channel_id, parent_id FROM guild_channels WHERE guild_id = $1 AND parent_id IS NOT NULL"
