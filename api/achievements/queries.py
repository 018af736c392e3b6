"""The SQL of achievements."""

from api.members.ledger_queries import COLUMNS as MEMBER_COLUMNS

_DEFINITION = """
    a.id, a.guild_id, a.key, a.name, a.hidden, a.condition, a.prerequisites, a.reward_xp, a.reward_role_id, a.revision,
    a.deleted_at
"""

# The achievements of these guilds (0: of the whole installation), with deleted ones, which may be prerequisites. The
# condition is the indexed expression: an OR would need bitmap scans, which are switched off in some callers. Without
# ORDER BY, because a small table's primary key would be scanned for it.
DEFINITIONS = f"SELECT {_DEFINITION} FROM achievements a WHERE coalesce(a.guild_id, 0) = ANY($1::bigint[])"

SETTINGS = "SELECT guild_id, overrides FROM guild_settings WHERE guild_id = ANY($1::bigint[]) AND module = $2"

# The awards of members, including revoked ones. The subquery parses the text once; otherwise a scan of the table would
# parse it for every row.
AWARDS = """
    SELECT member_id, achievement_id, revoked_at IS NULL AS is_held FROM achievement_awards
    WHERE member_id = ANY((SELECT $1::text::bigint[])::bigint[])
"""

# The same, without which of them are revoked: of old awards, the index alone is read.
AWARDED = """
    SELECT a.member_id, a.achievement_id FROM unnest($1::text::bigint[]) AS k (id)
    CROSS JOIN LATERAL (
        SELECT member_id, achievement_id FROM achievement_awards WHERE member_id = k.id OFFSET 0
    ) AS a
"""

AWARD = """
    INSERT INTO achievement_awards
        (achievement_id, member_id, guild_id, user_id, name, xp, role_id, awarded_at, awarded_by)
    SELECT *, $8::timestamptz, $9::text FROM unnest(
        $1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::text[], $6::bigint[], $7::bigint[]
    )
"""

_KEYS = "unnest($1::text::bigint[], $2::text::bigint[]) AS k (guild_id, user_id)"

_DAYS = """
    unnest($1::text::bigint[], $2::text::bigint[], $3::text::date[]) AS k (guild_id, user_id, today)
    CROSS JOIN LATERAL generate_series(k.today - $5::int + 1, k.today, '1 day') AS each (day)
"""

# The numbers that these members' rows lack, in one statement: totals of the guild's own stats ($8), and activity summed
# over windows of $4 days that end today (the guild's). Each day's row is looked up, as in `members.queries.DAYS`; the
# bounds prune partitions.
TOTALS_AND_WINDOWS = f"""
    SELECT s.guild_id, s.user_id, 0 AS days, s.stat, s.value, 0::bigint AS messages, 0::bigint AS voice_seconds,
        0::bigint AS reactions, 0::bigint AS commands
    FROM {_KEYS}
    CROSS JOIN LATERAL (
        SELECT c.* FROM custom_stats c
        WHERE c.guild_id = k.guild_id AND c.user_id = k.user_id AND c.stat = ANY($8::text[]) OFFSET 0
    ) AS s
    UNION ALL
    SELECT k.guild_id, k.user_id, w.days, NULL, 0, sum(d.messages)::bigint, sum(d.voice_seconds)::bigint,
        sum(d.reactions)::bigint, sum(d.commands)::bigint
    FROM {_DAYS}
    CROSS JOIN LATERAL (
        SELECT a.* FROM activity_days a
        WHERE a.guild_id = k.guild_id AND a.user_id = k.user_id AND a.day = each.day::date
            AND a.day BETWEEN $6::date AND $7::date OFFSET 0
    ) d
    JOIN unnest($4::int[]) AS w (days) ON d.day > k.today - w.days
    GROUP BY 1, 2, 3
"""

STAT_WINDOWS = f"""
    SELECT k.guild_id, k.user_id, w.days, d.stat, sum(d.value)::bigint AS value
    FROM {_DAYS}
    CROSS JOIN unnest($8::text[]) AS s (stat)
    CROSS JOIN LATERAL (
        SELECT a.* FROM custom_stat_days a
        WHERE a.guild_id = k.guild_id AND a.user_id = k.user_id AND a.stat = s.stat AND a.day = each.day::date
            AND a.day BETWEEN $6::date AND $7::date OFFSET 0
    ) d
    JOIN unnest($4::int[]) AS w (days) ON d.day > k.today - w.days
    GROUP BY 1, 2, 3, 4
"""

COLUMNS = """
    a.id, a.key, a.guild_id, a.name, a.description, a.icon, a.hidden, a.prerequisites, a.retroactive, a.condition,
    a.reward_xp, a.reward_role_id, a.revision, a.created_at, a.updated_at, a.deleted_at
"""

# With the number of holders and of members, and the progress of the backfill, in the guilds that the caller sees (null:
# all; their sums are stored). Only a caller who sees all guilds gets the progress for the whole installation.
_COUNTED = f"""
    {COLUMNS},
    CASE WHEN a.guild_id IS NULL AND g.seen IS NULL
        THEN (SELECT coalesce(sum(t.total), 0) FROM installation_counts t WHERE t.subject = a.id)
        ELSE (
            SELECT coalesce(sum(c.awarded), 0) FROM achievement_counts c
            WHERE c.achievement_id = a.id
                AND c.guild_id = ANY(CASE WHEN a.guild_id IS NULL THEN g.seen ELSE ARRAY[a.guild_id] END)
        )
    END::bigint AS awarded_count,
    CASE WHEN a.guild_id IS NULL THEN g.members
        ELSE coalesce((SELECT m.members FROM member_counts m WHERE m.guild_id = a.guild_id), 0)
    END::bigint AS member_count,
    w.status, w.evaluated, w.members, w.awarded
"""
_FROM = """
    FROM (
        SELECT s.seen, CASE WHEN s.seen IS NULL
            THEN (SELECT coalesce(sum(t.total), 0) FROM installation_counts t WHERE t.subject = 0)
            ELSE (SELECT coalesce(sum(m.members), 0) FROM member_counts m WHERE m.guild_id = ANY(s.seen))
        END AS members
        FROM (SELECT {guilds}::bigint[] AS seen OFFSET 0) s OFFSET 0
    ) g CROSS JOIN achievements a
    LEFT JOIN achievement_backfills w ON w.achievement_id = a.id AND (a.guild_id IS NOT NULL OR g.seen IS NULL)
"""

# A guild, or 0 for the whole installation.
_SCOPE = "coalesce(a.guild_id, 0) = $1::bigint"

READ = f"""
    SELECT {_COUNTED} {_FROM.format(guilds="$4")}
    WHERE {_SCOPE} AND a.key = $2 AND (a.deleted_at IS NULL OR a.deleted_at > $3)
"""

LIST = f"""
    SELECT {_COUNTED} {_FROM.format(guilds="$6")}
    WHERE {_SCOPE} AND a.id > $2 AND CASE WHEN $3 THEN a.deleted_at > $4 ELSE a.deleted_at IS NULL END
    ORDER BY a.id LIMIT $5
"""

# The prerequisites of all achievements that can be earned. A guild's own replaces the installation's with the same key.
NEIGHBOURS = """
    SELECT DISTINCT ON (a.key) a.key, a.prerequisites, a.guild_id IS NOT DISTINCT FROM nullif($1::bigint, 0) AS is_own
    FROM achievements a WHERE a.deleted_at IS NULL AND (a.guild_id IS NULL OR a.guild_id = $1)
    ORDER BY a.key, a.guild_id NULLS LAST
"""

BEGIN_BACKFILL = """
    INSERT INTO achievement_backfills (achievement_id, members)
    VALUES ($1, CASE WHEN $2::bigint = 0
        THEN (SELECT coalesce(sum(t.total), 0) FROM installation_counts t WHERE t.subject = 0)
        ELSE coalesce((SELECT m.members FROM member_counts m WHERE m.guild_id = $2), 0)
    END)
    ON CONFLICT (achievement_id) DO UPDATE SET status = 'queued', after_guild_id = 0, after_user_id = 0,
        evaluated = 0, members = EXCLUDED.members, awarded = 0, finished_at = NULL
"""

# The achievement of a guild under a key: its own, or the whole installation's.
EARNED = f"""
    SELECT {_DEFINITION} FROM achievements a
    WHERE a.key = $2 AND coalesce(a.guild_id, 0) IN (0, $1::bigint) AND a.deleted_at IS NULL
    ORDER BY a.guild_id NULLS LAST LIMIT 1
"""

# A member's awards, by the id of their row.
HELD = f"""
    SELECT w.name AS awarded_name, w.awarded_at, {_DEFINITION}
    FROM achievement_awards w JOIN achievements a ON a.id = w.achievement_id
    WHERE w.member_id = $1 AND w.revoked_at IS NULL ORDER BY a.id
"""

# What only people read. The index of achievements does without.
DESCRIPTIONS = "SELECT id, icon, description FROM achievements WHERE id = ANY($1::bigint[])"

# The icons of a member's latest awards, newest first, without addresses of pictures.
LATEST_ICONS = """
    SELECT a.icon
    FROM members m JOIN achievement_awards w ON w.member_id = m.id JOIN achievements a ON a.id = w.achievement_id
    WHERE m.guild_id = $1 AND m.user_id = $2 AND w.revoked_at IS NULL AND a.icon NOT LIKE '%/%'
    ORDER BY w.awarded_at DESC, w.id DESC LIMIT $3
"""

# A member's award under a key; the guild's own achievement first.
HELD_KEY = f"""
    SELECT w.xp AS awarded_xp, {_DEFINITION}
    FROM achievement_awards w JOIN achievements a ON a.id = w.achievement_id
    WHERE w.guild_id = $1 AND w.user_id = $2 AND a.key = $3 AND w.revoked_at IS NULL
    ORDER BY a.guild_id NULLS LAST, a.id DESC LIMIT 1
"""

_SPACE = 0x61636876  # "achv"


def lock(guild_id: int) -> str:
    """The advisory lock of a guild's achievements. Without it, two writers could each make their achievement the
    other's prerequisite."""
    key = (guild_id ^ (guild_id >> 31)) % 2**32 - 2**31
    return f"SELECT pg_advisory_xact_lock({_SPACE}, {key})"


# Members in batches by key: those who could get an achievement, and those who have it.
MEMBERS_AFTER = f"""
    SELECT {MEMBER_COLUMNS}, m.is_ranked AS was_ranked FROM members m
    WHERE guild_id = $1 AND user_id > $2 ORDER BY user_id LIMIT $3
"""
HOLDERS_AFTER = f"""
    SELECT {MEMBER_COLUMNS}, m.is_ranked AS was_ranked
    FROM achievement_awards a JOIN members m ON m.id = a.member_id
    JOIN guilds g ON g.id = m.guild_id AND g.deleted_at IS NULL
    WHERE a.achievement_id = $1 AND a.member_id > $2 AND a.revoked_at IS NULL
    ORDER BY a.member_id LIMIT $3
"""
HELD_BY_KEY = """
    SELECT a.member_id, d.key, a.revoked_at IS NULL AS is_held FROM achievement_awards a
    JOIN achievements d ON d.id = a.achievement_id
    WHERE a.member_id = ANY($1::bigint[]) AND d.key = ANY($2::text[])
"""
