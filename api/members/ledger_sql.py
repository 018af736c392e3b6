"""The SQL of the ledger."""

COLUMNS = (
    "id, guild_id, user_id, xp, messages, voice_seconds, reactions, commands, last_xp_at, streak_from, streak_to,"
    " streak_best, first_seen_at, last_active_at, left_at, is_ranked"
)

# Members made, or locked in the order of their keys: `DO UPDATE … WHERE false` changes nothing, and locks the
# row all the same. What is read of a locked row is its newest version; only one that somebody else made while
# this statement ran is not seen by it.
LOCK = f"""
    WITH key AS MATERIALIZED (
        SELECT * FROM unnest($1::bigint[], $2::bigint[]) AS k (guild_id, user_id)
    ), made AS (
        INSERT INTO members AS m (guild_id, user_id, is_ranked)
        SELECT guild_id, user_id, NOT EXISTS (
            SELECT FROM privacy_choices p WHERE p.user_id = key.user_id AND p.hidden_at IS NOT NULL
        )
        FROM key ORDER BY guild_id, user_id
        ON CONFLICT (guild_id, user_id) DO UPDATE SET xp = m.xp WHERE false
        RETURNING {COLUMNS}, false AS was_ranked
    ), held AS (
        SELECT {COLUMNS}, is_ranked AS was_ranked
        FROM members m JOIN key USING (guild_id, user_id) FOR UPDATE OF m
    )
    SELECT * FROM made UNION ALL SELECT * FROM held
"""

READ = f"""
    SELECT {COLUMNS}, is_ranked AS was_ranked
    FROM members JOIN unnest($1::bigint[], $2::bigint[]) AS k (guild_id, user_id) USING (guild_id, user_id)
"""

# Unreferenced parts of WITH run after the main statement, in their order: everybody locks counters first.
STORE = """
    WITH member AS (
        UPDATE members AS m SET
            xp = n.xp, messages = n.messages, voice_seconds = n.voice_seconds, reactions = n.reactions,
            commands = n.commands, last_xp_at = n.last_xp_at, streak_from = n.streak_from, streak_to = n.streak_to,
            streak_best = n.streak_best, first_seen_at = n.first_seen_at, last_active_at = n.last_active_at,
            left_at = n.left_at, is_ranked = n.is_ranked
        FROM unnest(
            $1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::timestamptz[],
            $8::date[], $9::date[], $10::int[], $11::timestamptz[], $12::timestamptz[], $13::timestamptz[],
            $14::boolean[]
        ) AS n (id, xp, messages, voice_seconds, reactions, commands, last_xp_at, streak_from, streak_to,
                streak_best, first_seen_at, last_active_at, left_at, is_ranked)
        WHERE m.id = n.id
    ), day AS (
        INSERT INTO activity_days AS d
            (guild_id, day, user_id, xp, messages, voice_seconds, reactions, commands, earned_xp, events)
        SELECT * FROM unnest(
            $15::bigint[], $16::date[], $17::bigint[], $18::bigint[], $19::bigint[], $20::bigint[], $21::bigint[],
            $22::bigint[], $23::bigint[], $24::bigint[]
        )
        ON CONFLICT (guild_id, day, user_id) DO UPDATE SET
            xp = d.xp + EXCLUDED.xp, messages = d.messages + EXCLUDED.messages,
            voice_seconds = d.voice_seconds + EXCLUDED.voice_seconds, reactions = d.reactions + EXCLUDED.reactions,
            commands = d.commands + EXCLUDED.commands, earned_xp = d.earned_xp + EXCLUDED.earned_xp,
            events = d.events + EXCLUDED.events
    ), hour AS (
        INSERT INTO activity_hours AS h (guild_id, hour, user_id, xp, messages, voice_seconds, reactions, commands)
        SELECT * FROM unnest(
            $25::bigint[], $26::timestamptz[], $27::bigint[], $28::bigint[], $29::bigint[], $30::bigint[],
            $31::bigint[], $32::bigint[]
        )
        ON CONFLICT (guild_id, hour, user_id) DO UPDATE SET
            xp = h.xp + EXCLUDED.xp, messages = h.messages + EXCLUDED.messages,
            voice_seconds = h.voice_seconds + EXCLUDED.voice_seconds, reactions = h.reactions + EXCLUDED.reactions,
            commands = h.commands + EXCLUDED.commands
    ), entered AS (
        INSERT INTO boards (guild_id, stat, user_id, value)
        SELECT * FROM unnest($37::bigint[], $38::int[], $39::bigint[], $40::bigint[])
    ), moved AS (
        UPDATE boards b SET value = n.after
        FROM unnest($41::bigint[], $42::int[], $43::bigint[], $44::bigint[], $45::bigint[])
            AS n (guild_id, stat, user_id, before, after)
        WHERE b.guild_id = n.guild_id AND b.stat = n.stat AND b.value = n.before AND b.user_id = n.user_id
    )
    INSERT INTO xp_counts AS c (guild_id, kept, low, members)
    SELECT * FROM unnest($33::bigint[], $34::int[], $35::bigint[], $36::bigint[])
    ON CONFLICT (guild_id, kept, low) DO UPDATE SET members = c.members + EXCLUDED.members
"""

LEAVE_BOARDS = """
    DELETE FROM boards b
    USING unnest($1::bigint[], $2::int[], $3::bigint[], $4::bigint[]) AS n (guild_id, stat, user_id, value)
    WHERE b.guild_id = n.guild_id AND b.stat = n.stat AND b.value = n.value AND b.user_id = n.user_id
"""

STORE_STATS = """
    WITH day AS (
        INSERT INTO custom_stat_days AS d (guild_id, stat, day, user_id, value)
        SELECT * FROM unnest($5::bigint[], $6::text[], $7::date[], $8::bigint[], $9::bigint[])
        ON CONFLICT (guild_id, stat, day, user_id) DO UPDATE SET value = d.value + EXCLUDED.value
    )
    INSERT INTO custom_stats AS s (guild_id, user_id, stat, value)
    SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::bigint[])
    ON CONFLICT (guild_id, user_id, stat) DO UPDATE SET value = s.value + EXCLUDED.value
"""
