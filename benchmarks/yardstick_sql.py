"""The yardstick's own tables, and its SQL."""

TABLES = """
    CREATE TABLE yard_guilds (guild_id bigint PRIMARY KEY, members bigint NOT NULL DEFAULT 0);
    CREATE TABLE yard_members (
        guild_id bigint NOT NULL,
        user_id bigint NOT NULL,
        xp bigint NOT NULL DEFAULT 0,
        messages bigint NOT NULL DEFAULT 0,
        voice_seconds bigint NOT NULL DEFAULT 0,
        reactions bigint NOT NULL DEFAULT 0,
        commands bigint NOT NULL DEFAULT 0,
        last_xp_at timestamptz,
        first_seen_at timestamptz,
        last_active_at timestamptz,
        PRIMARY KEY (guild_id, user_id)
    );
    CREATE INDEX yard_members_board_idx ON yard_members (guild_id, xp DESC, user_id);
    CREATE TABLE yard_days (
        guild_id bigint NOT NULL,
        day date NOT NULL,
        user_id bigint NOT NULL,
        xp bigint NOT NULL,
        messages bigint NOT NULL,
        voice_seconds bigint NOT NULL,
        reactions bigint NOT NULL,
        commands bigint NOT NULL,
        PRIMARY KEY (guild_id, day, user_id)
    ) WITH (fillfactor = 85);
    CREATE TABLE yard_ids (
        guild_id bigint NOT NULL,
        id text COLLATE "C" NOT NULL,
        seen_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (guild_id, id)
    );
"""

# Which of the ids are new, and the members that are there, locked in their order.
DEDUPLICATE = """
    WITH fresh AS (
        INSERT INTO yard_ids (guild_id, id) SELECT $1, unnest($2::text[]) ON CONFLICT DO NOTHING RETURNING id
    ), held AS (
        SELECT user_id, xp, last_xp_at FROM yard_members
        WHERE guild_id = $1 AND user_id = ANY ($3::bigint[]) ORDER BY user_id FOR UPDATE
    )
    SELECT id, NULL::bigint, NULL::bigint, NULL::timestamptz FROM fresh
    UNION ALL SELECT NULL, user_id, xp, last_xp_at FROM held
"""

# Members met for the first time; rare.
MAKE = """
    WITH made AS (
        INSERT INTO yard_members AS m (guild_id, user_id) SELECT $1, unnest($2::bigint[])
        ON CONFLICT (guild_id, user_id) DO UPDATE SET xp = m.xp
        RETURNING m.user_id, m.xp, m.last_xp_at, m.xmax = 0 AS is_new
    ), counted AS (
        UPDATE yard_guilds SET members = members + (SELECT count(*) FROM made WHERE is_new) WHERE guild_id = $1
    )
    SELECT NULL, user_id, xp, last_xp_at FROM made
"""

STORE = """
    WITH member AS (
        UPDATE yard_members AS m SET
            xp = n.xp, last_xp_at = n.last_xp_at, messages = m.messages + n.messages,
            voice_seconds = m.voice_seconds + n.voice_seconds, reactions = m.reactions + n.reactions,
            commands = m.commands + n.commands, first_seen_at = least(m.first_seen_at, n.first_at),
            last_active_at = greatest(m.last_active_at, n.last_at)
        FROM unnest(
            $2::bigint[], $3::bigint[], $4::timestamptz[], $5::timestamptz[], $6::timestamptz[], $7::bigint[],
            $8::bigint[], $9::bigint[], $10::bigint[]
        ) AS n (user_id, xp, last_xp_at, first_at, last_at, messages, voice_seconds, reactions, commands)
        WHERE m.guild_id = $1 AND m.user_id = n.user_id
    )
    INSERT INTO yard_days AS d (guild_id, day, user_id, xp, messages, voice_seconds, reactions, commands)
    SELECT $1, * FROM unnest(
        $11::date[], $12::bigint[], $13::bigint[], $14::bigint[], $15::bigint[], $16::bigint[], $17::bigint[]
    )
    ON CONFLICT (guild_id, day, user_id) DO UPDATE SET
        xp = d.xp + EXCLUDED.xp, messages = d.messages + EXCLUDED.messages,
        voice_seconds = d.voice_seconds + EXCLUDED.voice_seconds, reactions = d.reactions + EXCLUDED.reactions,
        commands = d.commands + EXCLUDED.commands
"""

BOARD = """
    SELECT user_id, xp, (SELECT members FROM yard_guilds WHERE guild_id = $1)
    FROM yard_members WHERE guild_id = $1 ORDER BY xp DESC, user_id LIMIT $2
"""
# Two ranges of the index; one condition with OR would read all ties of the last value first.
BOARD_AFTER = """
    SELECT user_id, xp, (SELECT members FROM yard_guilds WHERE guild_id = $1) FROM (
        (SELECT user_id, xp FROM yard_members WHERE guild_id = $1 AND xp = $3 AND user_id > $4
         ORDER BY user_id LIMIT $2)
        UNION ALL
        (SELECT user_id, xp FROM yard_members WHERE guild_id = $1 AND xp < $3 ORDER BY xp DESC, user_id LIMIT $2)
    ) AS page LIMIT $2
"""
PROFILE = """
    SELECT xp, messages, voice_seconds, reactions, commands, first_seen_at, last_active_at,
        (SELECT count(*) FROM yard_members b WHERE b.guild_id = $1 AND b.xp > m.xp) + 1 AS rank,
        (SELECT members FROM yard_guilds WHERE guild_id = $1) AS member_count
    FROM yard_members m WHERE guild_id = $1 AND user_id = $2
"""
