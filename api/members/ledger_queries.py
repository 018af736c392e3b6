"""The SQL of the ledger."""

from collections.abc import Sequence

from api.lib.arrays import columns
from api.postgres.plans import match_by_index

COLUMNS = (
    "m.id, m.guild_id, m.user_id, m.xp, m.messages, m.voice_seconds, m.reactions, m.commands, m.last_xp_at,"
    " m.streak_from, m.streak_to, m.streak_best, m.first_seen_at, m.last_active_at, m.left_at, m.is_ranked,"
    " m.names_digest"
)

WIDTH = 18  # columns of a standing: these, and `was_ranked`

_KEYS = "unnest($1::text::bigint[], $2::text::bigint[]) AS k (guild_id, user_id)"

_MATCHES = match_by_index("m", "k", "guild_id", "user_id")
# Their only index begins with the guild. PostgreSQL 16 looks up one array at a time.
_ON_BOARD = (
    f"{match_by_index('b', 'n', 'guild_id')} AND b.stat = n.stat AND b.value = n.value AND b.user_id = n.user_id"
)

# Locks members in the order of their keys, as everybody does. Most exist already.
LOCK = f"""
    SELECT {COLUMNS}, m.is_ranked AS was_ranked FROM {_KEYS} JOIN members m ON {_MATCHES}
    ORDER BY k.guild_id, k.user_id FOR UPDATE OF m
"""

# Whether `k`, a guild and a user, is no member yet. With a limit: for NOT EXISTS, the planner would make a join.
IS_LACKING = "(SELECT 1 FROM members m WHERE m.guild_id = k.guild_id AND m.user_id = k.user_id LIMIT 1) IS NULL"

# Whether any of these people is no member yet.
LACKING = f"""
    SELECT EXISTS (
        SELECT FROM {_KEYS} WHERE {IS_LACKING}
    )
"""

# The advisory locks of people. Inserting a member shares the person's lock; hiding and erasing hold it alone, because
# they could not see a row that is not committed yet. People share 128 locks, by the time of their snowflake: a lock for
# each of a thousand new members would not fit into the lock table.
BUCKET = "((user_id >> 22) & 127)::int"
PEOPLE_LOCK = 0x70656F70  # "peop"
LOCK_PEOPLE_SHARED = f"""
    SELECT pg_advisory_xact_lock_shared({PEOPLE_LOCK}, bucket) FROM (
        SELECT DISTINCT {BUCKET} AS bucket FROM {_KEYS} WHERE {IS_LACKING}
        ORDER BY bucket OFFSET 0
    ) AS b
"""

# With missing members: inserts them, and locks the others in the same order. `DO UPDATE … WHERE false` changes nothing,
# but locks the row, and reads its newest version. Only a row that another transaction inserted while this statement ran
# is not seen. The choice is looked up with LIMIT: for NOT EXISTS, the planner would hash the choices of everybody.
MAKE = f"""
    WITH key AS MATERIALIZED (
        SELECT * FROM {_KEYS}
    ), made AS (
        INSERT INTO members AS m (guild_id, user_id, is_ranked)
        SELECT guild_id, user_id, (
            SELECT 1 FROM privacy_choices p WHERE p.user_id = key.user_id AND p.hidden_at IS NOT NULL LIMIT 1
        ) IS NULL
        FROM key ORDER BY guild_id, user_id
        ON CONFLICT (guild_id, user_id) DO UPDATE SET xp = m.xp WHERE false
        RETURNING {COLUMNS}, false AS was_ranked
    ), held AS (
        SELECT {COLUMNS}, m.is_ranked AS was_ranked
        FROM key k JOIN members m ON {_MATCHES} FOR UPDATE OF m
    )
    SELECT * FROM made UNION ALL SELECT * FROM held
"""

# The standings without a lock.
READ = f"""
    SELECT {COLUMNS}, m.is_ranked AS was_ranked
    FROM {_KEYS} JOIN members m ON {_MATCHES}
"""

# All that a ledger holds, in one statement. `store` names its parameters.
STORE = f"""
    WITH member AS (
        UPDATE members AS m SET
            xp = n.xp, messages = n.messages, voice_seconds = n.voice_seconds, reactions = n.reactions,
            commands = n.commands, last_xp_at = n.last_xp_at, streak_from = n.streak_from, streak_to = n.streak_to,
            streak_best = n.streak_best, first_seen_at = n.first_seen_at, last_active_at = n.last_active_at,
            left_at = n.left_at, is_ranked = n.is_ranked
        FROM unnest(
            $1::text::bigint[], $2::text::bigint[], $3::text::bigint[], $4::text::bigint[], $5::text::bigint[],
            $6::text::bigint[], $7::text::timestamptz[],
            $8::text::date[], $9::text::date[], $10::text::int[], $11::text::timestamptz[],
            $12::text::timestamptz[], $13::text::timestamptz[],
            $14::text::boolean[]
        ) AS n (id, xp, messages, voice_seconds, reactions, commands, last_xp_at, streak_from, streak_to,
                streak_best, first_seen_at, last_active_at, left_at, is_ranked)
        -- Locked since the ledger was read: what it holds is what the row holds, and is written as a whole.
        WHERE {match_by_index("m", "n", "id")}
    ), day AS (
        INSERT INTO activity_days AS d
            (guild_id, day, user_id, xp, messages, voice_seconds, reactions, commands, earned_xp, events)
        SELECT * FROM unnest(
            $15::text::bigint[], $16::text::date[], $17::text::bigint[], $18::text::bigint[], $19::text::bigint[],
            $20::text::bigint[], $21::text::bigint[],
            $22::text::bigint[], $23::text::bigint[], $24::text::bigint[]
        )
        ON CONFLICT (guild_id, day, user_id) DO UPDATE SET
            xp = d.xp + EXCLUDED.xp, messages = d.messages + EXCLUDED.messages,
            voice_seconds = d.voice_seconds + EXCLUDED.voice_seconds, reactions = d.reactions + EXCLUDED.reactions,
            commands = d.commands + EXCLUDED.commands, earned_xp = d.earned_xp + EXCLUDED.earned_xp,
            events = d.events + EXCLUDED.events
    ), hour AS (
        INSERT INTO activity_hours AS h (guild_id, hour, user_id, xp, messages, voice_seconds, reactions, commands)
        SELECT * FROM unnest(
            $25::text::bigint[], $26::text::timestamptz[], $27::text::bigint[], $28::text::bigint[],
            $29::text::bigint[], $30::text::bigint[],
            $31::text::bigint[], $32::text::bigint[]
        )
        ON CONFLICT (guild_id, hour, user_id) DO UPDATE SET
            xp = h.xp + EXCLUDED.xp, messages = h.messages + EXCLUDED.messages,
            voice_seconds = h.voice_seconds + EXCLUDED.voice_seconds, reactions = h.reactions + EXCLUDED.reactions,
            commands = h.commands + EXCLUDED.commands
    ), entered AS (
        INSERT INTO boards (guild_id, stat, user_id, value)
        SELECT * FROM unnest($33::text::bigint[], $34::text::int[], $35::text::bigint[], $36::text::bigint[])
    ), moved AS (
        -- By the value that it had: the index begins with it, and nothing is looked for.
        UPDATE boards b SET value = n.after
        FROM unnest($37::text::bigint[], $38::text::int[], $39::text::bigint[], $40::text::bigint[],
        $41::text::bigint[])
            AS n (guild_id, stat, user_id, value, after)
        WHERE {_ON_BOARD}
    )
    -- The main statement: it runs before all parts above that nothing refers to, which then run in their order. So
    -- everybody locks counters first.
    INSERT INTO xp_counts AS c (guild_id, kept, low, members)
    SELECT * FROM unnest($42::text::bigint[], $43::text::int[], $44::text::bigint[], $45::text::bigint[])
    ON CONFLICT (guild_id, kept, low) DO UPDATE SET members = c.members + EXCLUDED.members
"""


def store(
    *,
    members: Sequence[tuple[object, ...]],
    days: Sequence[tuple[object, ...]],
    hours: Sequence[tuple[object, ...]],
    entered: Sequence[tuple[object, ...]],
    moved: Sequence[tuple[object, ...]],
    counters: Sequence[tuple[object, ...]],
) -> list[str]:
    """What `STORE` takes: rows as the columns that its parts name."""
    return [
        *columns(members, 14),
        *columns(days, 10),
        *columns(hours, 8),
        *columns(entered, 4),
        *columns(moved, 5),
        *columns(counters, 4),
    ]


# Removes entries of boards, each by the value that it has.
LEAVE_BOARDS = f"""
    DELETE FROM boards b
    USING unnest($1::text::bigint[], $2::text::int[], $3::text::bigint[], $4::text::bigint[]) AS n (guild_id, stat,
    user_id, value)
    WHERE {_ON_BOARD}
"""

# Adds to custom stats, in all and by day. `store_stats` names its parameters.
STORE_STATS = """
    WITH day AS (
        INSERT INTO custom_stat_days AS d (guild_id, stat, day, user_id, value)
        SELECT * FROM unnest($1::text::bigint[], $2::text::text[], $3::text::date[], $4::text::bigint[],
        $5::text::bigint[])
        ON CONFLICT (guild_id, stat, day, user_id) DO UPDATE SET value = d.value + EXCLUDED.value
    )
    INSERT INTO custom_stats AS s (guild_id, user_id, stat, value)
    SELECT * FROM unnest($6::text::bigint[], $7::text::bigint[], $8::text::text[], $9::text::bigint[])
    ON CONFLICT (guild_id, user_id, stat) DO UPDATE SET value = s.value + EXCLUDED.value
"""


def store_stats(*, days: Sequence[tuple[object, ...]], totals: Sequence[tuple[object, ...]]) -> list[str]:
    """What `STORE_STATS` takes."""
    return [*columns(days, 5), *columns(totals, 4)]
