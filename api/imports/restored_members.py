"""Members of an export, by the mode of the import."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from api.activity.queries import HIDDEN
from api.imports.dtos import Mode
from api.imports.lines import MemberLine
from api.imports.rules import merged
from api.imports.work import Work
from api.members.ledger import Ledger
from api.members.leveling_config import LevelingConfig
from api.members.names import GivenNames, over
from api.members.naming import KnownNames
from api.members.standings import Key, Standing, lock
from api.members.tombstones import refuse_standings_of_erased
from api.postgres.database import Connection
from api.postgres.plans import match_by_index

_THERE = """
    SELECT k.user_id FROM unnest($2::bigint[]) AS k (user_id)
    WHERE (SELECT 1 FROM members m WHERE m.guild_id = $1 AND m.user_id = k.user_id LIMIT 1) = 1
"""

_STATS = """
    SELECT user_id, json_object_agg(stat, value)::text FROM custom_stats
    WHERE guild_id = $1 AND user_id = ANY($2::bigint[]) GROUP BY user_id
"""
_STORE_STATS = """
    INSERT INTO custom_stats (guild_id, user_id, stat, value)
    SELECT $1, * FROM unnest($2::bigint[], $3::text[], $4::bigint[])
    ON CONFLICT (guild_id, user_id, stat) DO UPDATE SET value = EXCLUDED.value
"""

# What a member chose for their card. It may be old, too: where it is only added, theirs stays.
_STORE_ACCENTS = f"""
    UPDATE members m SET card_accent = n.accent
    FROM unnest($3::bigint[], $4::text[]) AS n (user_id, accent)
    WHERE m.guild_id = $1 AND {match_by_index("m", "n", "user_id")}
        AND CASE WHEN $2 THEN m.card_accent IS DISTINCT FROM n.accent ELSE m.card_accent IS NULL END
    RETURNING m.user_id
"""


async def restore_members(
    connection: Connection, work: Work, config: LevelingConfig, lines: Sequence[MemberLine]
) -> int:
    """Stores them; gives how many were changed by it."""
    users = sorted({int(line.user_id) for line in lines})
    known = {row[0] for row in await connection.fetch(_THERE, work.guild_id, users)}
    standings = await lock(connection, [(work.guild_id, user_id) for user_id in users])
    await refuse_standings_of_erased(connection, work.guild_id, standings, work.asked_at)
    hidden = {row[0] for row in await connection.fetch(HIDDEN, users)}
    found = await connection.fetch(_STATS, work.guild_id, users)
    stats = {row[0]: msgspec.json.decode(row[1], type=dict[str, int]) for row in found}
    given: dict[Key, GivenNames] = {}
    for line in lines:
        key, theirs = (work.guild_id, int(line.user_id)), GivenNames(line.username, line.display_name, line.avatar)
        given[key] = over(given[key], theirs) if key in given else theirs
    names = KnownNames()
    await names.look_up(connection, standings.values())
    # Standings that are added to, or that have to be higher, may be old.
    altered = await names.store(connection, standings, given, only_missing=work.mode != "set")
    altered |= await _store_accents(connection, work, lines)
    ledger, changed = Ledger(), 0
    stored: dict[tuple[int, str], int] = {}
    for line in lines:
        user_id = int(line.user_id)
        key = work.guild_id, user_id
        standing, had = standings[key], stats.setdefault(user_id, {})
        before = msgspec.structs.astuple(standing), dict(had)
        _merge(work.mode, standing, line, is_hidden=user_id in hidden)
        for stat, value in line.custom_stats.items():
            had[stat] = _merged_stat(work.mode, had.get(stat), value)
        if before == (msgspec.structs.astuple(standing), had) and user_id in known and key not in altered:
            continue
        changed += 1
        known.add(user_id)
        altered.discard(key)
        ledger.touch(standing)
        stored |= {(user_id, stat): value for stat, value in had.items() if before[1].get(stat) != value}
        level, xp = config.level_curve.level, before[0][3]
        work.note(user_id, (xp, level(xp)), (standing.xp, level(standing.xp)), names.of(key))
    await ledger.store(connection)
    if stored:
        rows = [(user_id, stat, value) for (user_id, stat), value in sorted(stored.items())]
        await connection.execute(_STORE_STATS, work.guild_id, *zip(*rows, strict=True))
    return changed


async def _store_accents(connection: Connection, work: Work, lines: Sequence[MemberLine]) -> set[Key]:
    accents = {int(line.user_id): line.card_accent.lower() for line in lines if line.card_accent is not None}
    if not accents:
        return set()
    rows = await connection.fetch(
        _STORE_ACCENTS, work.guild_id, work.mode == "set", list(accents), list(accents.values())
    )
    return {(work.guild_id, row[0]) for row in rows}


def _merge(mode: Mode, standing: Standing, line: MemberLine, *, is_hidden: bool) -> None:
    for name in ("xp", "messages", "voice_seconds", "reactions", "commands"):
        setattr(standing, name, merged(mode, getattr(standing, name), getattr(line, name)))
    if mode == "set":
        standing.last_xp_at, standing.left_at = line.last_xp_at, line.left_at
        standing.streak_from, standing.streak_to = line.streak_from, line.streak_to
        standing.streak_best = line.streak_best
        standing.is_ranked = line.is_ranked and not is_hidden
        standing.first_seen_at, standing.last_active_at = line.first_seen_at, line.last_active_at
        return
    standing.last_xp_at = _later(standing.last_xp_at, line.last_xp_at)
    standing.last_active_at = _later(standing.last_active_at, line.last_active_at)
    if line.first_seen_at is not None:
        standing.first_seen_at = min(standing.first_seen_at or line.first_seen_at, line.first_seen_at)
    standing.streak_best = max(standing.streak_best, line.streak_best)
    if line.streak_to is not None and (standing.streak_to is None or standing.streak_to < line.streak_to):
        standing.streak_from, standing.streak_to = line.streak_from, line.streak_to


def _merged_stat(mode: Mode, before: int | None, given: int) -> int:
    """A custom stat may be below 0; one that is not there is what is given."""
    if before is None or mode == "set":
        return given
    return before + given if mode == "add" else max(before, given)


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    return max(one, other) if one is not None and other is not None else one or other
