"""The SQL of the job queue: what is asked again and again, and what goes before all others."""

# After a restart of the server, no lease counts as expired for one lease time: nobody could renew it meanwhile. A row
# that a transaction has fenced is skipped while the transaction runs.
LEASE_NEXT = """
    UPDATE jobs SET holder = $1, held_until = now() + $2::interval, attempts = attempts + 1
    WHERE id = (
        SELECT id FROM jobs
        WHERE run_after <= now() AND (
            holder IS NULL OR held_until < now() AND pg_postmaster_start_time() + $2::interval < now()
        )
            AND ($3::bigint IS NULL OR kind = $4 AND subject = $3) AND id <> ALL($5::bigint[])
        ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
    )
    RETURNING id, kind, subject, attempts
"""

RENEW = "UPDATE jobs SET held_until = now() + $3::interval WHERE id = $1 AND holder = $2 RETURNING id"
