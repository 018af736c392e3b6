"""The SQL of the registry: what `places.Place` says of `$1` to `$4` holds for all of it."""

# A row is looked up for each day, hour and quarter: between two of them lie the rows of all other members.
DAYS = """
    SELECT a.* FROM (
        SELECT generate_series(min(b.day), max(b.day), '1 day')::date AS day FROM activity_days b WHERE b.guild_id = $2
    ) AS each
    CROSS JOIN LATERAL (
        SELECT guild_id, a.day, xp, messages, voice_seconds, reactions, commands, earned_xp, events FROM activity_days a
        WHERE a.guild_id = $2 AND a.user_id = $1 AND a.day = each.day OFFSET 0
    ) AS a
"""
HOURS = """
    SELECT a.* FROM (
        SELECT generate_series(min(b.hour), max(b.hour), '15 minutes') AS hour FROM activity_hours b
        WHERE b.guild_id = $2
    ) AS each
    CROSS JOIN LATERAL (
        SELECT guild_id, a.hour, xp, messages, voice_seconds, reactions, commands FROM activity_hours a
        WHERE a.guild_id = $2 AND a.user_id = $1 AND a.hour = each.hour OFFSET 0
    ) AS a
"""
STAT_DAYS = """
    SELECT a.* FROM custom_stats s CROSS JOIN LATERAL (
        SELECT generate_series(min(b.day), max(b.day), '1 day')::date AS day FROM custom_stat_days b
        WHERE b.guild_id = $2 AND b.stat = s.stat
    ) AS each
    CROSS JOIN LATERAL (
        SELECT guild_id, stat, a.day, value FROM custom_stat_days a
        WHERE a.guild_id = $2 AND a.user_id = $1 AND a.stat = s.stat AND a.day = each.day OFFSET 0
    ) AS a
    WHERE s.guild_id = $2 AND s.user_id = $1
"""

IS_ACTOR = "t.actor_kind = 'user' AND t.actor_id = $1::bigint::text"

# By whom, about whom, or only mentioned: then without what changed, which is somebody else's. Found by an index.
TRAIL = f"""
    SELECT t.id, t.at, t.guild_id, {IS_ACTOR} AS is_yours, t.action, t.target, t.reason,
        CASE WHEN {IS_ACTOR} THEN t.ip END AS ip,
        CASE WHEN {IS_ACTOR} OR t.target = $1::bigint::text THEN t.changes END AS changes
    FROM audit_log t
    WHERE guildhall_people(t.actor_kind, t.actor_id, t.action, t.target, t.changes, t.reason) @> ARRAY[$1::bigint]
        AND ($2::bigint[] IS NULL OR t.guild_id = ANY($2)) AND t.id > $3
        AND (
            guildhall_people(t.actor_kind, t.actor_id, t.action, t.target, t.changes, NULL) @> ARRAY[$1::bigint]
            OR guildhall_redact(t.reason, $1, '') <> t.reason
        )
    ORDER BY t.id LIMIT $4
"""
REVISIONS = f"""
    SELECT t.id, t.guild_id, t.module, t.revision, t.at, t.reason, t.changes FROM guild_settings_revisions t
    WHERE guildhall_people(t.actor_kind, t.actor_id, '', NULL, NULL, t.reason) @> ARRAY[$1::bigint]
        AND ($2::bigint[] IS NULL OR t.guild_id = ANY($2)) AND {IS_ACTOR} AND t.id > $3
    ORDER BY t.id LIMIT $4
"""
IN_IMPORTS = f"""
    t.id BETWEEN $3 AND $4 AND ($2::bigint[] IS NULL OR t.guild_id = ANY($2)) AND (
        {IS_ACTOR}
        OR t.preview @> jsonb_build_array(jsonb_build_object('user_id', $1::bigint::text))
        OR guildhall_redact(t.reason, $1, '') <> t.reason
    )
"""
IMPORTS = f"""
    SELECT t.id, t.guild_id, t.source, t.created_at, {IS_ACTOR} AS is_yours,
        (SELECT p FROM jsonb_array_elements(t.preview) AS p WHERE p ->> 'user_id' = $1::bigint::text LIMIT 1) AS preview
    FROM imports t WHERE {IN_IMPORTS} ORDER BY t.id
"""
ERASE_IN_IMPORTS = f"""
    WITH gone AS (
        UPDATE imports t SET
            actor_id = CASE WHEN {IS_ACTOR} THEN 'erased' ELSE t.actor_id END,
            ip = CASE WHEN {IS_ACTOR} THEN NULL ELSE t.ip END,
            reason = guildhall_redact(t.reason, $1, 'erased'),
            preview = (
                SELECT coalesce(jsonb_agg(p.item ORDER BY p.n), '[]'::jsonb)
                FROM jsonb_array_elements(t.preview) WITH ORDINALITY AS p (item, n)
                WHERE p.item ->> 'user_id' <> $1::bigint::text
            )
        WHERE {IN_IMPORTS} RETURNING t.guild_id
    )
    SELECT guild_id, count(*) AS changed FROM gone GROUP BY guild_id
"""

# Who awarded it by hand or took it away: `user 190320984123768832`.
BY_HAND = "'user ' || $1::bigint"
BY_THEM = f"""
    t.id BETWEEN $3 AND $4 AND ($2::bigint[] IS NULL OR t.guild_id = ANY($2))
        AND (t.awarded_by = {BY_HAND} OR t.revoked_by = {BY_HAND})
"""
AWARDED_BY_THEM = f"""
    SELECT t.guild_id, t.name, CASE WHEN t.awarded_by = {BY_HAND} THEN t.awarded_at END AS awarded_at,
        CASE WHEN t.revoked_by = {BY_HAND} THEN t.revoked_at END AS revoked_at
    FROM achievement_awards t WHERE {BY_THEM} ORDER BY t.id
"""
ERASE_WHO_AWARDED = f"""
    WITH gone AS (
        UPDATE achievement_awards t SET
            awarded_by = CASE WHEN t.awarded_by = {BY_HAND} THEN 'user erased' ELSE t.awarded_by END,
            revoked_by = CASE WHEN t.revoked_by = {BY_HAND} THEN 'user erased' ELSE t.revoked_by END
        WHERE {BY_THEM} RETURNING t.guild_id
    )
    SELECT guild_id, count(*) AS changed FROM gone GROUP BY guild_id
"""

# Not deleted: the caches of other processes see what is written, and not what is gone.
# Their tokens stay, sealed, until the upkeep of log-ins has given them back to Discord.
END_SESSIONS = """
    WITH gone AS (
        UPDATE sessions SET ended_at = coalesce(ended_at, now()), user_id = NULL, username = 'erased',
            display_name = NULL, avatar = NULL, user_agent = NULL, ip = NULL
        WHERE id IN (SELECT id FROM sessions WHERE user_id = $1 AND $2::bigint[] IS NULL LIMIT $3) RETURNING id
    )
    SELECT NULL::bigint AS guild_id, count(*) AS changed FROM gone
"""

# Where a job goes on: after the one before them it finds the same.
STEP_BACK = """
    WITH gone AS (
        UPDATE achievement_backfills SET after_user_id = after_user_id - 1
        WHERE after_user_id = $1 AND ($2::bigint[] IS NULL OR after_guild_id = ANY($2)) AND $3 > 0 RETURNING 1
    )
    SELECT NULL::bigint AS guild_id, count(*) AS changed FROM gone
"""

EVENTS_ABOUT = (
    "SELECT guild_id, at, type, data FROM {table} WHERE user_id = $1 AND ($2::bigint[] IS NULL OR guild_id = ANY($2))"
)
ERASED_EVENT = "data = '{\"erased\": true}', user_id = NULL"

# Those about no guild are for those alone who erase everywhere.
DELETE_ANSWERS = """
    WITH gone AS (
        DELETE FROM idempotent_answers WHERE ctid IN (
            SELECT ctid FROM idempotent_answers
            WHERE user_ids @> ARRAY[$1::bigint] AND ($2::bigint[] IS NULL OR guild_id = ANY($2)) LIMIT $3
        ) RETURNING guild_id
    )
    SELECT guild_id, count(*) AS changed FROM gone GROUP BY guild_id
"""
