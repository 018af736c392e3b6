"""The SQL of idempotency keys, which runs before and after each request with a key."""

SWEEP_BATCH_SIZE = 5000

# Claims a new key, or one that is free again. `$8`: now.
CLAIM = """
    INSERT INTO idempotent_answers AS a (owner, key, holder, address, body_hash, leased_until, expires_at, guild_id)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $9)
    ON CONFLICT (owner, key) DO UPDATE SET holder = EXCLUDED.holder, address = EXCLUDED.address,
        body_hash = EXCLUDED.body_hash, leased_until = EXCLUDED.leased_until, expires_at = EXCLUDED.expires_at,
        guild_id = EXCLUDED.guild_id, status = NULL, headers = NULL, body = NULL, user_ids = '{}'
    WHERE a.expires_at <= $8 OR (a.status IS NULL AND a.leased_until <= $8)
    RETURNING true
"""
FIND = "SELECT address, body_hash, status, headers, body FROM idempotent_answers WHERE owner = $1 AND key = $2"
# Stores the answers of all requests that share a transaction.
SAVE = """
    UPDATE idempotent_answers AS a
    SET status = answer.status, headers = answer.headers::jsonb, body = answer.body, body_hash = answer.body_hash,
        user_ids = answer.user_ids::bigint[], expires_at = $9
    FROM unnest($1::text[], $2::text[], $3::bytea[], $4::int[], $5::text[], $6::text[], $7::bytea[], $8::text[])
        AS answer (owner, key, holder, status, headers, body, body_hash, user_ids)
    WHERE a.owner = answer.owner AND a.key = answer.key AND a.holder = answer.holder AND a.status IS NULL
"""
# Deletes a batch of expired answers.
SWEEP = f"""
    DELETE FROM idempotent_answers WHERE ctid IN
        (SELECT ctid FROM idempotent_answers WHERE expires_at <= $1 LIMIT {SWEEP_BATCH_SIZE})
"""

# The number and bytes of a credential's stored answers.
COUNT = """
    SELECT count(*) AS answers, coalesce(sum(octet_length(body)), 0)::bigint AS bytes, min(expires_at) AS first
    FROM idempotent_answers WHERE owner = $1 AND expires_at > $2
"""
