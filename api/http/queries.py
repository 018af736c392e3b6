"""The SQL of the budgets that all processes share."""

# Takes a portion ($3) of the budget ($4) of owner $1, at the time $2 in seconds since 1970. Grants nothing if the
# budget is spent. A budget that has ended begins again.
TAKE_PORTION = """
    INSERT INTO rate_budgets AS b (owner, ends_at, used, granted)
    VALUES ($1, $2::float8 + 60, least($3::int, $4::int), least($3, $4))
    ON CONFLICT (owner) DO UPDATE SET
        granted = CASE WHEN b.ends_at <= $2 THEN least($3, $4) ELSE greatest(least($3, $4 - b.used), 0) END,
        used = CASE WHEN b.ends_at <= $2 THEN least($3, $4) ELSE greatest(least(b.used + $3, $4), b.used) END,
        ends_at = CASE WHEN b.ends_at <= $2 THEN EXCLUDED.ends_at ELSE b.ends_at END
    RETURNING granted, used, ends_at
"""

# Adds the refusals of addresses ($1) since the last report of this process ($2), at the time $3. The order of owners
# prevents a deadlock between two processes.
ADD_USED = """
    INSERT INTO rate_budgets AS b (owner, ends_at, used, granted)
    SELECT owner, $3::float8 + 60, used, 0 FROM unnest($1::text[], $2::int[]) AS counted (owner, used) ORDER BY owner
    ON CONFLICT (owner) DO UPDATE SET
        used = CASE WHEN b.ends_at <= $3 THEN EXCLUDED.used ELSE b.used + EXCLUDED.used END,
        ends_at = CASE WHEN b.ends_at <= $3 THEN EXCLUDED.ends_at ELSE b.ends_at END
    RETURNING owner, used, ends_at
"""
