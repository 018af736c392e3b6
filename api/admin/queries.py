"""The SQL of the admin: tries at logging in, counted in the table of budgets."""

# A try of owner $1 at the time $2, of $3 within $4 seconds. Above that, tries are not counted any further.
TAKE_TRY = """
    INSERT INTO rate_budgets AS b (owner, ends_at, used, granted) VALUES ($1, $2::float8 + $4::float8, 1, 0)
    ON CONFLICT (owner) DO UPDATE SET
        used = CASE WHEN b.ends_at <= $2 THEN 1 ELSE least(b.used, $3::int) + 1 END,
        ends_at = CASE WHEN b.ends_at <= $2 THEN EXCLUDED.ends_at ELSE b.ends_at END
    RETURNING used, ends_at
"""
