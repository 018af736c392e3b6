"""The SQL that restores an export, by the mode of the import."""

from collections.abc import Mapping, Sequence

from api.imports.dtos import Mode
from api.postgres.plans import match_by_index

# Those of these people ($2) who are members of guild $1.
PRESENT = """
    SELECT k.user_id FROM unnest($2::bigint[]) AS k (user_id)
    WHERE (SELECT 1 FROM members m WHERE m.guild_id = $1 AND m.user_id = k.user_id LIMIT 1) = 1
"""

# The custom stats of these members ($2), as a JSON object for each.
STATS = """
    SELECT user_id, json_object_agg(stat, value)::text FROM custom_stats
    WHERE guild_id = $1 AND user_id = ANY($2::bigint[]) GROUP BY user_id
"""

STORE_STATS = """
    INSERT INTO custom_stats (guild_id, user_id, stat, value)
    SELECT $1, * FROM unnest($2::bigint[], $3::text[], $4::bigint[])
    ON CONFLICT (guild_id, user_id, stat) DO UPDATE SET value = EXCLUDED.value
"""

# The accents that members chose for their cards. Unless $2 (mode `set`), an accent that is there stays: the given ones
# may be old. Returns who was changed.
STORE_ACCENTS = f"""
    UPDATE members m SET card_accent = n.accent
    FROM unnest($3::bigint[], $4::text[]) AS n (user_id, accent)
    WHERE m.guild_id = $1 AND {match_by_index("m", "n", "user_id")}
        AND CASE WHEN $2 THEN m.card_accent IS DISTINCT FROM n.accent ELSE m.card_accent IS NULL END
    RETURNING m.user_id
"""

# How a stored amount and a given one are merged.
_MERGED: Mapping[Mode, str] = {
    "set": "EXCLUDED.{name}",
    "add": "t.{name} + EXCLUDED.{name}",
    "max": "greatest(t.{name}, EXCLUDED.{name})",
}

# Rows of the guild as a whole (user 0) and of its members only: erasing looks for a person's rows where the person is a
# member. A dry run ($2) has made no members. With a limit: for EXISTS within an OR, the planner would hash all members.
_STORE_AMOUNTS = """
    INSERT INTO {table} AS t ({key}, {amounts})
    SELECT $1, n.* FROM unnest({arrays}) AS n ({names})
    WHERE $2 OR n.user_id = 0 OR (
        SELECT 1 FROM {owners} o WHERE o.guild_id = $1 AND o.user_id = n.user_id{stat} LIMIT 1
    ) = 1
    ON CONFLICT ({key}) DO UPDATE SET {merged} WHERE ({now}) IS DISTINCT FROM ({then})
"""


def store_amounts(mode: Mode, table: str, key: Mapping[str, str], amounts: Sequence[str]) -> str:
    """The statement that stores rows of a guild ($1): a key, whose columns have these types, and amounts. $2: whether
    it is a dry run; from $3 on, an array for each column."""
    types = [*key.values(), *["bigint"] * len(amounts)]
    merged = {name: _MERGED[mode].format(name=name) for name in amounts}
    return _STORE_AMOUNTS.format(
        table=table,
        key=", ".join(("guild_id", *key)),
        amounts=", ".join(amounts),
        arrays=", ".join(f"${place}::{kind}[]" for place, kind in enumerate(types, start=3)),
        names=", ".join((*key, *amounts)),
        owners="custom_stats" if "stat" in key else "members",
        stat=" AND o.stat = n.stat" if "stat" in key else "",
        merged=", ".join(f"{name} = {expression}" for name, expression in merged.items()),
        now=", ".join(f"t.{name}" for name in amounts),
        then=", ".join(merged.values()),
    )


STORE_IDS = """
    INSERT INTO activity_ids (guild_id, week, id) SELECT $1, * FROM unnest($2::date[], $3::uuid[])
    ON CONFLICT DO NOTHING
"""

# Those of these keys ($2) that are achievements of guild $1, or of the whole installation.
ACHIEVEMENTS = """
    SELECT key, guild_id IS NOT NULL AS is_own FROM achievements
    WHERE coalesce(guild_id, 0) IN (0, $1::bigint) AND key = ANY($2::text[])
"""

# Awards of achievements and members that exist. Unless $2 (mode `set`), an award that is there stays. Returns what
# changed, with what it was: a statement sees the rows as they were before it.
STORE_AWARDS = f"""
    WITH given AS MATERIALIZED (
        SELECT a.id AS achievement_id, m.id AS member_id, n.*
        FROM unnest($3::text[], $4::boolean[], $5::bigint[], $6::text[], $7::bigint[], $8::bigint[], $9::timestamptz[],
                $10::text[], $11::timestamptz[], $12::text[])
            AS n (key, is_own, user_id, name, xp, role_id, awarded_at, awarded_by, revoked_at, revoked_by)
        JOIN achievements a ON a.key = n.key AND coalesce(a.guild_id, 0) = CASE WHEN n.is_own THEN $1::bigint ELSE 0 END
        JOIN members m ON m.guild_id = $1 AND {match_by_index("m", "n", "user_id")}
    ), stored AS (
        INSERT INTO achievement_awards AS w
            (achievement_id, member_id, guild_id, user_id, name, xp, role_id, awarded_at, awarded_by, revoked_at,
             revoked_by)
        SELECT achievement_id, member_id, $1::bigint, user_id, name, xp, role_id, awarded_at, awarded_by, revoked_at,
            revoked_by
        FROM given ORDER BY member_id, achievement_id
        ON CONFLICT (member_id, achievement_id) DO UPDATE SET
            name = EXCLUDED.name, xp = EXCLUDED.xp, role_id = EXCLUDED.role_id, awarded_at = EXCLUDED.awarded_at,
            awarded_by = EXCLUDED.awarded_by, revoked_at = EXCLUDED.revoked_at, revoked_by = EXCLUDED.revoked_by
        WHERE $2 AND (w.name, w.xp, w.role_id, w.awarded_at, w.awarded_by, w.revoked_at, w.revoked_by) IS DISTINCT FROM
            (EXCLUDED.name, EXCLUDED.xp, EXCLUDED.role_id, EXCLUDED.awarded_at, EXCLUDED.awarded_by,
             EXCLUDED.revoked_at, EXCLUDED.revoked_by)
        RETURNING member_id, achievement_id
    )
    SELECT g.key, g.user_id, b.id IS NOT NULL AS was_there,
        g.name, g.xp, g.role_id::text, g.awarded_at, g.awarded_by, g.revoked_at, g.revoked_by,
        b.name AS was_name, b.xp AS was_xp, b.role_id::text AS was_role_id, b.awarded_at AS was_awarded_at,
        b.awarded_by AS was_awarded_by, b.revoked_at AS was_revoked_at, b.revoked_by AS was_revoked_by
    FROM stored s JOIN given g USING (member_id, achievement_id)
    LEFT JOIN achievement_awards b ON {match_by_index("b", "s", "member_id", "achievement_id")}
    ORDER BY s.member_id, s.achievement_id
"""
