"""The SQL of the event stream: numbering events, and reading them in their order."""

from api.events.frames import COLUMNS, SOURCE

BATCH_SIZE = 1000
PAGE = 500

# Numbers committed events, $1 at most; all of them from the start if $2. Returns the newest position.
NUMBER = "SELECT guildhall_number_events($1, $2)"

# Events after position $1.
NEW = f"SELECT {COLUMNS} FROM {SOURCE} WHERE e.position > $1 ORDER BY e.position LIMIT {BATCH_SIZE}"

# Events after position $1 up to $2, of guilds $3 (null: all) and types $4 (null: all).
MISSED = f"""
    SELECT {COLUMNS} FROM {SOURCE}
    WHERE e.position > $1 AND e.position <= $2
      AND (e.guild_id IS NULL OR $3::bigint[] IS NULL OR e.guild_id = ANY($3))
      AND ($4::text[] IS NULL OR e.type = ANY($4))
    ORDER BY e.position LIMIT {PAGE}
"""

# The newest position, and the oldest that is kept.
BOUNDS = """
    SELECT newest, coalesce((SELECT min(position) FROM stream_events), newest + 1)
    FROM stream_position ORDER BY round DESC LIMIT 1
"""
