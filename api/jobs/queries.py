"""The frequent SQL of the job queue."""

from api.jobs.leases import IS_FREE, LEASED_UNTIL

# The oldest free jobs. A row that a transaction has fenced is skipped while the transaction runs.
LEASE = f"""
    UPDATE jobs SET holder = $1, leased_until = {LEASED_UNTIL}, attempts = attempts + 1
    WHERE id = ANY(ARRAY(
        SELECT id FROM jobs
        WHERE run_after <= now() AND {IS_FREE}
            AND ($2::bigint IS NULL OR kind = $3 AND subject = $2) AND id <> ALL($4::bigint[])
        ORDER BY id LIMIT $5 FOR UPDATE SKIP LOCKED
    ))
    RETURNING id, kind, subject, attempts
"""
