"""Awards of an export, by the mode of the import. Their XP is among the members' already."""

from collections.abc import Sequence

import asyncpg

from api.audit.service import Entry, record_each
from api.imports.lines import AwardLine, Read
from api.imports.work import Work
from api.lib.diff import Change
from api.lib.faults import Fault
from api.lib.text import cleaned_name
from api.members.leveling_config import LevelingConfig
from api.postgres.database import Connection, Database
from api.postgres.plans import match_by_index

# Of achievements and members that are there. With `set` an award that is there becomes what is told; else it stays.
# Gives those that changed, with what they were: a statement sees the rows as they were before it.
_STORE = f"""
    WITH told AS MATERIALIZED (
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
        FROM told ORDER BY member_id, achievement_id
        ON CONFLICT (member_id, achievement_id) DO UPDATE SET
            name = EXCLUDED.name, xp = EXCLUDED.xp, role_id = EXCLUDED.role_id, awarded_at = EXCLUDED.awarded_at,
            awarded_by = EXCLUDED.awarded_by, revoked_at = EXCLUDED.revoked_at, revoked_by = EXCLUDED.revoked_by
        WHERE $2 AND (w.name, w.xp, w.role_id, w.awarded_at, w.awarded_by, w.revoked_at, w.revoked_by) IS DISTINCT FROM
            (EXCLUDED.name, EXCLUDED.xp, EXCLUDED.role_id, EXCLUDED.awarded_at, EXCLUDED.awarded_by,
             EXCLUDED.revoked_at, EXCLUDED.revoked_by)
        RETURNING member_id, achievement_id
    )
    SELECT t.key, t.user_id, b.id IS NOT NULL AS was_there,
        t.name, t.xp, t.role_id::text, t.awarded_at, t.awarded_by, t.revoked_at, t.revoked_by,
        b.name AS was_name, b.xp AS was_xp, b.role_id::text AS was_role_id, b.awarded_at AS was_awarded_at,
        b.awarded_by AS was_awarded_by, b.revoked_at AS was_revoked_at, b.revoked_by AS was_revoked_by
    FROM stored s JOIN told t USING (member_id, achievement_id)
    LEFT JOIN achievement_awards b ON {match_by_index("b", "s", "member_id", "achievement_id")}
    ORDER BY s.member_id, s.achievement_id
"""
_MEMBERS = ("name", "xp", "role_id", "awarded_at", "awarded_by", "revoked_at", "revoked_by")


# Of these keys those of the guild's own, and those of the whole installation.
_KNOWN = """
    SELECT key, guild_id IS NOT NULL AS is_own FROM achievements
    WHERE coalesce(guild_id, 0) IN (0, $1::bigint) AND key = ANY($2::text[])
"""
_UNKNOWN = {
    "guild": "is not an achievement of this guild: its definition has to come in an earlier line",
    "global": "is not an achievement of this installation",
}


async def with_achievement(database: Database, work: Work, group: Sequence[Read]) -> list[Read]:
    """The lines whose achievement is there, or in a dry run would be; the others are refused."""
    async with database.connection() as connection:
        found = await connection.fetch(_KNOWN, work.guild_id, list({each.item.achievement for each in group}))
    known = {("guild" if row["is_own"] else "global", row["key"]) for row in found}
    known |= {("guild", key) for key in work.tried_achievements}
    kept = []
    for each in group:
        if (each.item.scope, each.item.achievement) in known:
            kept.append(each)
        else:
            work.refuse(each.number, Fault("/award/achievement", _UNKNOWN[each.item.scope]))
    return kept


async def restore_awards(connection: Connection, work: Work, config: LevelingConfig, lines: Sequence[AwardLine]) -> int:
    """Stores them; gives how many were changed by it. The last of those of one member and achievement counts."""
    last = {(line.scope, line.achievement, int(line.user_id)): line for line in lines}
    if work.dry_run:  # what they are of was not made
        return len(lines)
    columns = zip(
        *(
            (
                *(
                    line.achievement,
                    line.scope == "guild",
                    int(line.user_id),
                    cleaned_name(line.name, line.achievement),
                    line.xp,
                    line.role_id,
                ),
                *(line.awarded_at, line.awarded_by, line.revoked_at, line.revoked_by),
            )
            for line in last.values()
        ),
        strict=True,
    )
    stored = await connection.fetch(_STORE, config.guild_id, work.mode == "set", *columns)
    await record_each(connection, work.actor, config.guild_id, [_entry(row) for row in stored])
    return len(stored)


def _entry(row: asyncpg.Record) -> Entry:
    """Awarding or revoking, as by hand; where neither came to pass, what else is told of it now."""
    key, target, is_held = row["key"], str(row["user_id"]), row["revoked_at"] is None
    action = "achievement.awarded" if is_held else "achievement.revoked"
    if not row["was_there"] or is_held != (row["was_revoked_at"] is None):
        return action, target, {"achievement": Change(None, key) if is_held else Change(key, None)}
    changes = {name: Change(row[f"was_{name}"], row[name]) for name in _MEMBERS if row[f"was_{name}"] != row[name]}
    return action, target, changes
