"""Awards of an export, by the mode of the import. Their XP is among the members' already."""

from collections.abc import Sequence

import asyncpg

from api.audit.service import Entry, record_each
from api.imports import restore_queries as sql
from api.imports.lines import AwardLine, Read
from api.imports.work import Work
from api.lib.diff import Change
from api.lib.faults import Fault
from api.lib.text import cleaned_name
from api.members.leveling_config import LevelingConfig
from api.postgres.database import Connection, Database

_MEMBERS = ("name", "xp", "role_id", "awarded_at", "awarded_by", "revoked_at", "revoked_by")


_UNKNOWN = {
    "guild": "is not an achievement of this guild: its definition has to come in an earlier line",
    "global": "is not an achievement of this installation",
}


async def with_achievement(database: Database, work: Work, group: Sequence[Read]) -> list[Read]:
    """The lines whose achievement is there, or in a dry run would be; the others are refused."""
    async with database.connection() as connection:
        found = await connection.fetch(sql.ACHIEVEMENTS, work.guild_id, list({each.item.achievement for each in group}))
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
    stored = await connection.fetch(sql.STORE_AWARDS, config.guild_id, work.mode == "set", *columns)
    await record_each(connection, work.actor, config.guild_id, [_entry(row) for row in stored])
    return len(stored)


def _entry(row: asyncpg.Record) -> Entry:
    """Awarding or revoking, as by hand; where neither happened, what else changed."""
    key, target, is_held = row["key"], str(row["user_id"]), row["revoked_at"] is None
    action = "achievement.awarded" if is_held else "achievement.revoked"
    if not row["was_there"] or is_held != (row["was_revoked_at"] is None):
        return action, target, {"achievement": Change(None, key) if is_held else Change(key, None)}
    changes = {name: Change(row[f"was_{name}"], row[name]) for name in _MEMBERS if row[f"was_{name}"] != row[name]}
    return action, target, changes
