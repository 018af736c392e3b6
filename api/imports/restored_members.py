"""Members of an export, by the mode of the import."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from api.imports import restore_queries as sql
from api.imports.dtos import Mode
from api.imports.lines import MemberLine
from api.imports.named import lock_named
from api.imports.rules import merged
from api.imports.work import Work
from api.members.ledger import Ledger
from api.members.leveling_config import LevelingConfig
from api.members.names import GivenNames
from api.members.standings import Key, Standing
from api.members.visibility import hidden_among
from api.postgres.database import Connection


async def restore_members(
    connection: Connection, work: Work, config: LevelingConfig, lines: Sequence[MemberLine]
) -> int:
    """Stores the members. Returns how many of them changed."""
    users = sorted({int(line.user_id) for line in lines})
    known = {row[0] for row in await connection.fetch(sql.PRESENT, work.guild_id, users)}
    given = ((int(line.user_id), GivenNames(line.username, line.display_name, line.avatar)) for line in lines)
    standings, names, altered = await lock_named(connection, work, given)
    hidden = await hidden_among(connection, users)
    found = await connection.fetch(sql.STATS, work.guild_id, users)
    stats = {row[0]: msgspec.json.decode(row[1], type=dict[str, int]) for row in found}
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
        await connection.execute(sql.STORE_STATS, work.guild_id, *zip(*rows, strict=True))
    return changed


async def _store_accents(connection: Connection, work: Work, lines: Sequence[MemberLine]) -> set[Key]:
    accents = {int(line.user_id): line.card_accent.lower() for line in lines if line.card_accent is not None}
    if not accents:
        return set()
    rows = await connection.fetch(
        sql.STORE_ACCENTS, work.guild_id, work.mode == "set", list(accents), list(accents.values())
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
