"""The SQL of imports of events."""

from api.members.queries import TOMBSTONES
from api.postgres.plans import match_by_index

# Whose event it is was erased after it came to pass.
_OF_BEFORE = f"""
    EXISTS (
        SELECT FROM (SELECT $1::bigint AS guild_id, e.user_id) AS p
        JOIN {TOMBSTONES.format(e="p")} AND e.occurred_at < t.erased_at
    )
"""

# Whose event it is has not opted out. With a limit, as what follows: of NOT EXISTS the planner makes a join.
_COUNTS = """(
        SELECT 1 FROM privacy_choices p WHERE p.user_id = e.user_id AND p.opted_out_at IS NOT NULL LIMIT 1
    ) IS NULL"""

# Not COPY: asyncpg prepares a statement for it by name, which a pooler could meet again on another client's connection.
STAGE = """
    INSERT INTO import_events (import_id, occurred_at, id, n, data)
    SELECT $1, * FROM unnest($2::timestamptz[], $3::text[], $4::bigint[], $5::bytea[])
"""

NEXT = """
    SELECT occurred_at, id, n, data FROM import_events
    WHERE import_id = $1 AND (occurred_at, id, n) > ($2::timestamptz, $3::varchar, $4::bigint)
    ORDER BY occurred_at, id, n LIMIT $5
"""

# Which ids ($2: their keys) are new: not imported before, and not delivered as long as such are remembered. $4 is their
# week.
DEDUPLICATE = f"""
    INSERT INTO activity_ids (guild_id, id, week)
    SELECT $1, e.id, $4::date
    FROM unnest($2::uuid[], $3::bigint[], $5::timestamptz[]) AS e (id, user_id, occurred_at)
    WHERE (SELECT 1 FROM activity_ids a WHERE a.guild_id = $1 AND a.id = e.id AND a.week <> $4 LIMIT 1) IS NULL
        AND {_COUNTS}
        AND NOT {_OF_BEFORE}
    ORDER BY e.id
    ON CONFLICT DO NOTHING RETURNING id
"""

# The same, only looked up.
FRESH = f"""
    SELECT e.id FROM unnest($2::uuid[], $3::bigint[], $4::timestamptz[]) AS e (id, user_id, occurred_at)
    WHERE (SELECT 1 FROM activity_ids a WHERE a.guild_id = $1 AND a.id = e.id LIMIT 1) IS NULL
        AND {_COUNTS}
        AND NOT {_OF_BEFORE}
"""

COOLDOWNS = "SELECT user_id, last_xp_at FROM import_members WHERE import_id = $1 AND user_id = ANY($2::bigint[])"

KEEP_MEMBERS = """
    INSERT INTO import_members AS m (import_id, user_id, last_xp_at, is_late)
    SELECT $1, * FROM unnest($2::bigint[], $3::timestamptz[], $4::boolean[])
    ON CONFLICT (import_id, user_id) DO UPDATE
    SET last_xp_at = EXCLUDED.last_xp_at, is_late = m.is_late OR EXCLUDED.is_late
"""

# Gaps and islands: days less their own number are the same throughout a run; days that the calendar does not have ($3)
# are no gap. Kept are the latest run, and the length of the longest.
FIND_RUNS = """
    WITH numbered AS (
        SELECT d.user_id, d.day, d.day - (SELECT count(*) FROM unnest($3::date[]) s WHERE s < d.day)::int
            - (row_number() OVER (PARTITION BY d.user_id ORDER BY d.day))::int AS island
        FROM activity_days d JOIN import_members m ON m.user_id = d.user_id
        WHERE m.import_id = $1 AND m.is_late AND d.guild_id = $2 AND d.events > 0
    ), run AS (
        SELECT user_id, min(day) AS first, max(day) AS last, count(*)::int AS days
        FROM numbered GROUP BY user_id, island
    ), latest AS (
        SELECT user_id, (array_agg(first ORDER BY last DESC))[1] AS first, max(last) AS last,
            max(days) AS best
        FROM run GROUP BY user_id
    )
    UPDATE import_members m SET run_from = t.first, run_to = t.last, run_best = t.best
    FROM latest t WHERE m.import_id = $1 AND m.user_id = t.user_id
"""

# A run that has grown since is the one that was found if it begins within it, or the day after. Returns the members
# that were read.
MEND_RUNS = f"""
    WITH found AS (
        SELECT user_id, run_from, run_to, run_best FROM import_members
        WHERE import_id = $1 AND is_late AND run_best IS NOT NULL AND user_id > $3 ORDER BY user_id LIMIT $4
    ), mended AS (
        UPDATE members m SET
            streak_from = least(m.streak_from, f.joined),
            streak_best = greatest(m.streak_best, f.run_best, m.streak_to - f.joined + 1 - (
                SELECT count(*)::int FROM unnest($5::date[]) s WHERE s BETWEEN f.joined AND m.streak_to
            ))
        FROM (
            SELECT m.id, f.run_best, CASE WHEN m.streak_from BETWEEN f.run_from AND f.run_to + 1 + (
                SELECT count(*)::int FROM unnest($5::date[]) s WHERE s = f.run_to + 1
            ) THEN f.run_from END
                AS joined
            FROM found f JOIN members m ON m.guild_id = $2 AND {match_by_index("m", "f", "user_id")}
        ) f
        WHERE {match_by_index("m", "f", "id")}
    )
    SELECT user_id FROM found ORDER BY user_id
"""
