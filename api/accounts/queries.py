"""The SQL of log-ins: what must be one statement, or compares sessions with each other."""

from datetime import datetime

# Beginning stores nothing, so that nobody can fill a table with it: the state itself, sealed, says what was begun. That
# it was used is stored with the session that came of it, until it would have ended anyhow: a state is good for one.
# `log_in` names the parameters.
LOG_IN = """
    WITH given_up AS (DELETE FROM logins WHERE expires_at <= $1),
    used AS (
        INSERT INTO logins (state_hash, expires_at) SELECT $2, $3
        WHERE (SELECT count(*) FROM sessions WHERE user_id = $4) < $5
        ON CONFLICT DO NOTHING RETURNING true
    ),
    -- The session before, and those beyond the most that a person may have. Their tokens are forgotten and not
    -- revoked: with one grant Discord may take back all of a person's.
    replaced AS (
        UPDATE sessions SET ended_at = $1, access_token = NULL, refresh_token = NULL
        WHERE EXISTS (SELECT FROM used) AND ended_at IS NULL AND (hash = $6 OR id IN (
            SELECT id FROM sessions WHERE user_id = $4 AND ended_at IS NULL ORDER BY id DESC OFFSET $7
        )) RETURNING id
    ),
    made AS (
        INSERT INTO sessions (hash, user_id, username, display_name, avatar, access_token, refresh_token,
                              token_expires_at, expires_at, created_at, last_used_at, user_agent, ip)
        SELECT $8, $4, $9, $10, $11, $12, $13, $14, $15, $1, $1, $16, $17 FROM used RETURNING id
    )
    SELECT (SELECT id FROM made) AS made, array(SELECT id FROM replaced) AS replaced
"""


def log_in(
    *,
    now: datetime,
    state_hash: bytes,
    state_ends_at: datetime,
    user_id: int,
    most_logins: int,
    replaces: bytes | None,
    others: int,
    hash_: bytes,
    username: str,
    display_name: str | None,
    avatar: str | None,
    access_token: bytes,
    refresh_token: bytes,
    token_expires_at: datetime,
    expires_at: datetime,
    user_agent: str | None,
    ip: str | None,
) -> tuple[object, ...]:
    """What `LOG_IN` takes. `replaces`: the hash of the session before; `others`: how many more the person may have."""
    return (
        *(now, state_hash, state_ends_at, user_id, most_logins, replaces, others),
        *(hash_, username, display_name, avatar, access_token, refresh_token, token_expires_at, expires_at),
        *(user_agent, ip),
    )


# With one grant Discord may take back all that the person gave: not while another browser of theirs lives on it.
TO_REVOKE = """
    SELECT id, refresh_token FROM sessions s
    WHERE ended_at IS NOT NULL AND refresh_token IS NOT NULL
    AND NOT EXISTS (SELECT FROM sessions o WHERE o.user_id = s.user_id AND o.ended_at IS NULL)
    ORDER BY ended_at LIMIT $1
"""
