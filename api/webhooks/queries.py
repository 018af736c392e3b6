"""The SQL of webhooks: delivery, in batches, and reads across several tables."""

from api.jobs.leases import IS_FREE, LEASED_UNTIL

_COLUMNS = "d.id, d.position, d.type, d.at, d.status, d.attempts, d.outcome, d.next_at"

# A delivery about a hidden person only if the reader sees all ($4 null) or is that person ($4): see
# `Actor.hidden_seen`.
_SEEN = """
    ($4::bigint IS NULL OR NOT EXISTS (
        SELECT FROM stream_events e JOIN privacy_choices p ON p.user_id = e.user_id AND p.hidden_at IS NOT NULL
        WHERE e.position = d.position AND e.day = d.day AND e.user_id <> $4
    ))
"""
DELIVERIES = f"""
    SELECT {_COLUMNS} FROM webhook_deliveries d
    WHERE d.webhook_id = $1 AND ($2::bigint IS NULL OR d.id < $2) AND {_SEEN}
    ORDER BY d.id DESC LIMIT $3
"""
# A delivery by the event's position ($2), or a test by its own id ($3). Each is looked up by an index of its own: with
# OR, an id that there is not would cost a walk over all deliveries of the webhook.
DELIVERY = f"""
    SELECT {_COLUMNS} FROM webhook_deliveries d
    WHERE d.id = coalesce(
        (SELECT id FROM webhook_deliveries WHERE webhook_id = $1 AND position = $2 LIMIT 1),
        (SELECT id FROM webhook_deliveries WHERE webhook_id = $1 AND id = $3 AND position IS NULL)
    ) AND {_SEEN}
"""

# Makes a delivery due now. Unattempted ones are searched behind `done_id`.
RESEND = f"""
    WITH hook AS (
        UPDATE webhooks SET due_at = $2,
            done_id = CASE WHEN d.attempts = 0 THEN least(done_id, d.id - 1) ELSE done_id END
        FROM webhook_deliveries d WHERE d.id = $1 AND webhooks.id = d.webhook_id
    )
    UPDATE webhook_deliveries AS d SET status = 'pending', next_at = $2 WHERE d.id = $1 RETURNING {_COLUMNS}
"""

CREATE_DELIVERIES = "SELECT guildhall_create_deliveries($1) AS is_more, clock_timestamp() AS now"

_HOST = r"lower(trim('[]' FROM substring(url FROM '^https?://(\[[^]]*\]|[^/:?#]*)')))"

# Webhooks with a delivery due since $5 that are not leased, except for guilds and hosts that already have their share
# of places.
DUE = f"""
    SELECT id, guild_id, {_HOST} AS host FROM webhooks
    WHERE due_at >= $5 AND due_at <= $1 AND disabled_at IS NULL AND {IS_FREE} AND id <> ALL($6::bigint[])
        AND guild_id <> ALL($2::bigint[]) AND {_HOST} <> ALL($3::text[])
    ORDER BY due_at LIMIT $4
"""

# Leases webhooks. Only one process sends to a webhook, so its events arrive one after the other.
LEASE = f"""
    UPDATE webhooks SET holder = $1, leased_until = {LEASED_UNTIL} WHERE id IN (
        SELECT id FROM webhooks
        WHERE id = ANY($3) AND due_at <= $2 AND disabled_at IS NULL AND {IS_FREE}
        FOR UPDATE SKIP LOCKED
    ) RETURNING id
"""
# A leased webhook. Does not write its row, because an old snapshot would keep every version.
LEASED = """
    SELECT guild_id, url, secret, scopes, done_id, key_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM api_keys k
        WHERE (k.id = key_id OR k.origin_id = key_id)
            AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > $3)
    ) AS has_ended
    FROM webhooks WHERE id = $1 AND holder = $2 AND disabled_at IS NULL
"""
# The next due delivery. Old snapshots keep finished rows in the index. So unattempted deliveries are searched behind
# the last attempted one ($3), and attempted ones by the time of their next attempt.
NEXT = """
    SELECT d.id, d.position, d.type, d.at, d.attempts, e.position IS NOT NULL AS is_kept, e.guild_id,
        e.data::text AS data, p.user_id IS NOT NULL AS is_hidden
    FROM (
        (SELECT id FROM webhook_deliveries
         WHERE webhook_id = $1 AND status = 'pending' AND attempts = 0 AND id > $3 AND next_at <= $2
         ORDER BY webhook_id, id LIMIT 1)
        UNION ALL
        (SELECT id FROM webhook_deliveries
         WHERE webhook_id = $1 AND status = 'pending' AND attempts > 0 AND next_at <= $2
         ORDER BY webhook_id, next_at LIMIT 1)
        ORDER BY id LIMIT 1
    ) AS due JOIN webhook_deliveries d ON d.id = due.id
    LEFT JOIN stream_events e ON e.position = d.position AND e.day = d.day
    LEFT JOIN privacy_choices p ON p.user_id = e.user_id AND p.hidden_at IS NOT NULL
"""
DELIVERED = """
    WITH done AS (
        UPDATE webhook_deliveries SET status = 'delivered', attempts = attempts + 1, outcome = $3
        WHERE id = $2 AND status <> 'delivered'
    )
    UPDATE webhooks SET failures = 0, failing_since = NULL WHERE id = $1 AND failures > 0
"""
FAILED = """
    WITH done AS (
        UPDATE webhook_deliveries SET attempts = attempts + 1, outcome = $3, next_at = coalesce($4, next_at),
            status = CASE WHEN $4::timestamptz IS NULL THEN 'failed' ELSE 'pending' END
        WHERE id = $2
    )
    UPDATE webhooks SET failures = failures + 1, failing_since = coalesce(failing_since, $5)
    WHERE id = $1 RETURNING failures, failing_since
"""

# Releases a webhook. A statement of its own after the lock: it sees deliveries that were numbered before, and later
# ones wait for the lock. All deliveries up to `$3` were attempted, unless the statement finds others.
RELEASE = """
    UPDATE webhooks SET holder = NULL, leased_until = NULL, backoff_until = $2,
        done_id = coalesce(pending.fresh_id - 1, greatest(done_id, $3)),
        due_at = CASE WHEN disabled_at IS NULL AND pending.first IS NOT NULL THEN greatest(pending.first, $2) END
    FROM (
        SELECT fresh.id AS fresh_id, least(fresh.next_at, retried.next_at) AS first
        FROM (VALUES (1)) AS one
        LEFT JOIN (SELECT next_at FROM webhook_deliveries
                   WHERE webhook_id = $1 AND status = 'pending' AND attempts > 0
                   ORDER BY webhook_id, next_at LIMIT 1) AS retried ON true
        LEFT JOIN (SELECT id, next_at FROM webhook_deliveries
                   WHERE webhook_id = $1 AND status = 'pending' AND attempts = 0
                       AND id > (SELECT done_id FROM webhooks WHERE id = $1)
                   ORDER BY webhook_id, id LIMIT 1) AS fresh ON true
    ) AS pending
    WHERE id = $1
"""
# Deletes a batch of old deliveries, the oldest first. Returns their number.
SWEEP = """
    WITH gone AS (
        DELETE FROM webhook_deliveries WHERE id = ANY(ARRAY(
            SELECT id FROM webhook_deliveries WHERE at < $1 AND status <> 'pending' ORDER BY at LIMIT $2
        )) RETURNING 1
    )
    SELECT count(*) FROM gone
"""
