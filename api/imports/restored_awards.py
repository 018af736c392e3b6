"""Awards of an export, by the mode of the import. Their XP is among the members' already."""

from collections.abc import Sequence

from api.database import Connection
from api.imports.lines import AwardLine
from api.imports.work import Work
from api.members.rules import GuildRules

# Of achievements and members that are there. With `set` an award that is there becomes what is told; else it stays.
_STORE = """
    INSERT INTO achievement_awards AS w
        (achievement_id, member_id, guild_id, user_id, name, xp, role_id, awarded_at, awarded_by, revoked_at,
         revoked_by)
    SELECT a.id, m.id, $1::bigint, n.user_id, n.name, n.xp, n.role_id, n.awarded_at, n.awarded_by, n.revoked_at,
        n.revoked_by
    FROM unnest($3::text[], $4::boolean[], $5::bigint[], $6::text[], $7::bigint[], $8::bigint[], $9::timestamptz[],
            $10::text[], $11::timestamptz[], $12::text[])
        AS n (key, is_own, user_id, name, xp, role_id, awarded_at, awarded_by, revoked_at, revoked_by)
    JOIN achievements a ON a.key = n.key AND coalesce(a.guild_id, 0) = CASE WHEN n.is_own THEN $1::bigint ELSE 0 END
    JOIN members m ON m.guild_id = $1 AND m.user_id = n.user_id
    ORDER BY m.id, a.id
    ON CONFLICT (member_id, achievement_id) DO UPDATE SET
        name = EXCLUDED.name, xp = EXCLUDED.xp, role_id = EXCLUDED.role_id, awarded_at = EXCLUDED.awarded_at,
        awarded_by = EXCLUDED.awarded_by, revoked_at = EXCLUDED.revoked_at, revoked_by = EXCLUDED.revoked_by
    WHERE $2 AND (w.name, w.xp, w.role_id, w.awarded_at, w.awarded_by, w.revoked_at, w.revoked_by) IS DISTINCT FROM
        (EXCLUDED.name, EXCLUDED.xp, EXCLUDED.role_id, EXCLUDED.awarded_at, EXCLUDED.awarded_by,
         EXCLUDED.revoked_at, EXCLUDED.revoked_by)
    RETURNING 1
"""


async def restore_awards(connection: Connection, work: Work, guild: GuildRules, lines: Sequence[AwardLine]) -> int:
    """Stores them; gives how many were changed by it. The last of those of one member and achievement counts."""
    last = {(line.scope, line.achievement, int(line.user_id)): line for line in lines}
    if work.dry_run:  # what they are of was not made
        return len(lines)
    columns = zip(
        *(
            (
                *(line.achievement, line.scope == "guild", int(line.user_id), line.name, line.xp, line.role_id),
                *(line.awarded_at, line.awarded_by, line.revoked_at, line.revoked_by),
            )
            for line in last.values()
        ),
        strict=True,
    )
    return len(await connection.fetch(_STORE, guild.guild_id, work.mode == "set", *columns))
