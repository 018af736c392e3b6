"""The SQL of visibility: locking, hiding and showing people."""

from api.members.ledger_queries import BUCKET, PEOPLE_LOCK

# Takes the locks alone that code which inserts members shares: see `ledger_queries.LOCK_PEOPLE_SHARED`.
LOCK_PEOPLE = f"""
    SELECT pg_advisory_xact_lock({PEOPLE_LOCK}, bucket) FROM (
        SELECT DISTINCT {BUCKET} AS bucket FROM unnest($1::bigint[]) AS user_id ORDER BY bucket OFFSET 0
    ) AS b
"""

# Hides people since $2, or shows them again (null). People who are hidden keep their time.
CHOOSE_VISIBILITY = """
    INSERT INTO privacy_choices AS p (user_id, hidden_at)
    SELECT user_id, $2::timestamptz FROM unnest($1::bigint[]) AS user_id ORDER BY user_id
    ON CONFLICT (user_id) DO UPDATE
    SET hidden_at = CASE WHEN EXCLUDED.hidden_at IS NULL THEN NULL ELSE coalesce(p.hidden_at, EXCLUDED.hidden_at) END
"""

# Locks the people's members in all guilds, in the common order.
LOCK_EVERYWHERE = """
    SELECT id FROM members WHERE user_id = ANY($1::bigint[]) ORDER BY guild_id, user_id FOR UPDATE
"""

# Enters people on the boards of all their guilds, or removes them if they are hidden since $2. People who left a guild
# are not on its boards if its setting `on_leave` ($3: the default) is `hide`.
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

# Those of these people who are hidden.
HIDDEN = "SELECT user_id FROM privacy_choices WHERE user_id = ANY($1::bigint[]) AND hidden_at IS NOT NULL"

# Those of these people who have opted out.
OPTED_OUT = "SELECT user_id FROM privacy_choices WHERE user_id = ANY($1::bigint[]) AND opted_out_at IS NOT NULL"

# XP and visibility of a person, who may be no member.
MEMBER = """
    SELECT m.xp, p.hidden_at IS NOT NULL AS is_hidden
    FROM (SELECT $2::bigint AS user_id) AS person
    LEFT JOIN members m ON m.guild_id = $1 AND m.user_id = person.user_id
    LEFT JOIN privacy_choices p ON p.user_id = person.user_id
"""
