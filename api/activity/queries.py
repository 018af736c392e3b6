"""The SQL of recording events."""

from api.members.ledger_queries import COLUMNS, IS_LACKING, WIDTH
from api.members.queries import TOMBSTONES
from api.postgres.partitions import IMPORTED
from api.postgres.plans import match_by_index

_LACKS = """(
                SELECT 1 FROM activity_ids a WHERE a.guild_id = e.guild_id AND a.id = e.id AND a.week = {week}::date
                LIMIT 1
            ) IS NULL"""
# The greatest key of each span that a week has; the zero key if it has none. A greater one is not in that week.
_GREATEST = """
        array_agg(coalesce((
            SELECT a.id FROM activity_ids a
            WHERE a.guild_id = s.guild_id AND a.id BETWEEN s.first AND s.last AND a.week = {week}::date
            ORDER BY a.id DESC LIMIT 1
        ), '00000000000000000000000000000000') ORDER BY s.n)"""
_LACKS_ANY = "(e.id > ((SELECT {greatest} FROM greatest_of))[e.span] OR " + _LACKS + ")"
_NULLS = ", ".join(["NULL"] * WIDTH)

# Remembers ids, in the order of their keys. Gives those that were known already, the people who have opted out, of whom
# nothing is stored, and those who were erased, of whom nothing is that came to pass before. $4 is the week of now, $5
# and $6 those before in which an id may have come; there are imported ones too. Then the members ($7 guilds, $8 users,
# in the order of their keys) are locked, if none of them is missing: see `ledger.lock`.
#
# Events are in spans of keys ($9: the number of each event's; $10 to $12: the guild, first and last key of each span).
# In another week, only keys are looked for that are not greater than all of their span there. Ids of new messages are.
#
# An id is looked for by subqueries with a limit: the planner would make a join of others, and, while a new week's
# part is empty, one that reads the whole part.
DEDUPLICATE = f"""
    WITH event AS MATERIALIZED (
        SELECT * FROM unnest($1::text::bigint[], $2::text::uuid[], $3::text::bigint[], $9::text::int[])
            AS e (guild_id, id, user_id, span)
    ), greatest_of AS MATERIALIZED (
        SELECT {_GREATEST.format(week="$5")} AS last, {_GREATEST.format(week="$6")} AS earlier,
            {_GREATEST.format(week=f"'{IMPORTED}'")} AS imported
        FROM unnest($10::text::bigint[], $11::text::uuid[], $12::text::uuid[]) WITH ORDINALITY
            AS s (guild_id, first, last, n)
    ), private AS MATERIALIZED (
        SELECT user_id FROM privacy_choices WHERE user_id = ANY($8::text::bigint[]) AND opted_out_at IS NOT NULL
    ), erased AS MATERIALIZED (
        SELECT e.guild_id, e.user_id, max(t.erased_at) AS erased_at
        FROM event e JOIN {TOMBSTONES.format(e="e")} GROUP BY e.guild_id, e.user_id
    ), fresh AS (
        INSERT INTO activity_ids (guild_id, id, week)
        SELECT e.guild_id, e.id, $4::date FROM event e
        WHERE {_LACKS_ANY.format(week="$5", greatest="last")}
            AND ($5::date = $6::date OR {_LACKS_ANY.format(week="$6", greatest="earlier")})
            AND {_LACKS_ANY.format(week=f"'{IMPORTED}'", greatest="imported")}
            AND e.user_id NOT IN (SELECT user_id FROM private)
        ORDER BY e.guild_id, e.id
        ON CONFLICT DO NOTHING RETURNING guild_id, id
    ), member AS (
        SELECT * FROM unnest($7::text::bigint[], $8::text::bigint[]) AS k (guild_id, user_id)
    ), held AS (
        SELECT {COLUMNS}, m.is_ranked AS was_ranked
        FROM member k JOIN members m ON {match_by_index("m", "k", "guild_id", "user_id")}
        WHERE (SELECT count(*) FROM fresh) >= 0 -- ids first: everybody waits in this order
            AND NOT EXISTS (SELECT FROM member k WHERE {IS_LACKING})
        ORDER BY k.guild_id, k.user_id FOR UPDATE OF m
    )
    SELECT *, NULL::bigint, NULL::uuid, NULL::bigint, NULL::timestamptz FROM held
    UNION ALL SELECT {_NULLS}, guild_id, id, NULL, NULL FROM event
    WHERE (SELECT count(*) FROM fresh) < (SELECT count(*) FROM event)
        AND (guild_id, id) NOT IN (SELECT guild_id, id FROM fresh)
    UNION ALL SELECT {_NULLS}, NULL, NULL, user_id, NULL FROM private
    UNION ALL SELECT {_NULLS}, guild_id, NULL, user_id, erased_at FROM erased
"""

# What the daily cap has counted already.
EARNED = """
    SELECT d.guild_id, d.day, d.user_id, d.earned_xp
    FROM unnest($1::bigint[], $2::date[], $3::bigint[]) AS k (guild_id, day, user_id)
    CROSS JOIN LATERAL (
        SELECT * FROM activity_days a WHERE a.guild_id = k.guild_id AND a.day = k.day AND a.user_id = k.user_id OFFSET 0
    ) AS d
"""

# Days that are filled in before a member's latest run, whose first day is $5: each is followed to the first and to the
# last day of the run that it is then part of. Active are the days that are stored, and those that are about to be ($6
# guilds, $7 users, $8 days); days that their calendar does not have ($9 to $11, the same) are passed over. Gives the
# longest of these runs, and the first day of the one that joins the latest.
#
# A day is looked up with a limit: of an EXISTS within an OR the planner makes a hash of every guild's days.
_ACTIVE = """(
    (
        SELECT 1 FROM activity_days a WHERE a.guild_id = {r}.guild_id AND a.day = {r}.reached {step}
            AND a.user_id = {r}.user_id AND a.events > 0
        LIMIT 1
    ) = 1
    OR EXISTS (SELECT FROM own o WHERE o.guild_id = {r}.guild_id AND o.day = {r}.reached {step}
               AND o.user_id = {r}.user_id)
)"""
FILL = f"""
    WITH RECURSIVE late AS (
        SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::date[], $5::date[])
            AS l (id, guild_id, user_id, day, streak_from)
    ), skipped AS (
        SELECT * FROM unnest($9::bigint[], $10::bigint[], $11::date[]) AS s (guild_id, user_id, day)
    ), own AS (
        SELECT * FROM unnest($6::bigint[], $7::bigint[], $8::date[]) AS o (guild_id, user_id, day)
        UNION ALL SELECT * FROM skipped
    ), back AS (
        SELECT id, guild_id, user_id, day, day AS reached FROM late
        UNION ALL
        SELECT b.id, b.guild_id, b.user_id, b.day, b.reached - 1 FROM back b WHERE {_ACTIVE.format(r="b", step="- 1")}
    ), forth AS (
        SELECT id, guild_id, user_id, day, day AS reached FROM late
        UNION ALL
        SELECT f.id, f.guild_id, f.user_id, f.day, f.reached + 1 FROM forth f WHERE {_ACTIVE.format(r="f", step="+ 1")}
    )
    SELECT late.id, max(f.last - b.first + 1 - (
            SELECT count(*)::int FROM skipped s
            WHERE s.guild_id = late.guild_id AND s.user_id = late.user_id AND s.day BETWEEN b.first AND f.last
        )) AS best, min(b.first) FILTER (WHERE f.last >= late.streak_from) AS joined
    FROM late
    JOIN (SELECT id, day, min(reached) AS first FROM back GROUP BY id, day) b USING (id, day)
    JOIN (SELECT id, day, max(reached) AS last FROM forth GROUP BY id, day) f USING (id, day)
    GROUP BY late.id
"""

KNOWN = "SELECT DISTINCT id FROM activity_ids WHERE guild_id = $1 AND id = ANY($2::uuid[]) AND week = ANY($3::date[])"

# Those of these names that the guild has, and how many it has in all; at most the bound.
LOOK_UP_STATS = """
    SELECT array(SELECT stat FROM custom_stat_names WHERE guild_id = $1 AND stat = ANY($2::text[])) AS known,
        (SELECT count(*) FROM (SELECT FROM custom_stat_names WHERE guild_id = $1 LIMIT $3) AS had) AS count
"""

REGISTER_STATS = "INSERT INTO custom_stat_names (guild_id, stat) SELECT $1, unnest($2::text[])"
