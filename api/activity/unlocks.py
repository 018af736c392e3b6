"""What the events of a transaction unlock: which stats they moved, and which request's answer reports each
achievement."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import lru_cache

from api.achievements.candidates import Moved
from api.achievements.unlocking import Unlocking, UnlockResult
from api.activity.dtos import Event
from api.activity.peaks import Peaks, stat_of
from api.members.dtos import UnlockedAchievement
from api.members.ledger import XP, Ledger
from api.members.leveling_config import LevelingConfig
from api.members.levelups import LevelUp, level_up
from api.members.naming import KnownNames
from api.members.standings import Key, Standing
from api.postgres.database import Connection

Request = tuple[LevelingConfig, Sequence[Event]]

# The stats that every event moves, because it makes a day active; and those that an event with XP moves.
_PRESENT, _RISEN = frozenset({"streak"}), frozenset({"streak", "xp", "level"})


async def evaluate_and_store(
    unlocking: Unlocking,
    connection: Connection,
    requests: Sequence[Request],
    standings: Mapping[Key, Standing],
    peaks: Peaks,
    ledger: Ledger,
    now: datetime,
    names: KnownNames,
) -> UnlockResult:
    """Stores the ledger and the achievements that the events have earned."""
    guild_ids = await unlocking.guilds_with_achievements(connection, {guild_id for guild_id, _ in standings})
    moved = _moved(requests, standings, peaks, guild_ids) if guild_ids else []
    return await unlocking.evaluate_and_store(connection, moved, ledger, now, names)


def _moved(
    requests: Sequence[Request], standings: Mapping[Key, Standing], peaks: Peaks, guild_ids: Collection[int]
) -> list[Moved]:
    moved: dict[Key, Moved] = {}
    for config, events in requests:
        guild_id = config.guild_id
        if guild_id not in guild_ids:
            continue
        for event in events:
            key = guild_id, event.user_id
            theirs = moved.get(key)
            if theirs is None:
                standing = standings[key]
                stats = _PRESENT if standing.xp == standing.before[XP] else _RISEN
                theirs = moved[key] = Moved(config, standing, stats, peaks.of(key) if peaks else [])
            theirs.stats = _with(theirs.stats, stat_of(event))
    return list(moved.values())


@lru_cache(1024)
def _with(stats: frozenset[str], stat: str) -> frozenset[str]:
    return stats | {stat}


def unlocked_by_request(
    requests: Sequence[Request],
    result: UnlockResult,
    level_ups: Sequence[list[LevelUp]],
    standings: Mapping[Key, Standing],
) -> list[list[UnlockedAchievement]]:
    """The achievements that each request's answer reports: in the last request with events of the member. Updates its
    level-ups with the XP of the rewards."""
    found: list[list[UnlockedAchievement]] = [[] for _ in requests]
    if not result.unlocked:
        return found
    last = {
        (config.guild_id, int(event.user_id)): (place, event)
        for place, (config, events) in enumerate(requests)
        for event in sorted(events, key=lambda event: (event.occurred_at, event.id))
    }
    for key, (place, event) in last.items():
        if key in result.unlocked:
            found[place] += result.unlocked[key]
            if result.xp[key]:
                _add_level(level_ups[place], requests[place][0], standings[key], result.xp[key], event)
    return found


def _add_level(level_ups: list[LevelUp], config: LevelingConfig, standing: Standing, given: int, event: Event) -> None:
    """Updates the member's level-up with the level after the rewards, or adds one."""
    known = next((each for each in level_ups if each.user_id == str(standing.user_id)), None)
    before = standing.xp - given if known is None else config.level_curve.begins(known.from_level)
    channel_id: int | None = event.channel_id
    if known is not None and known.announce.mode == "current":
        channel_id = None if known.announce.channel_id is None else int(known.announce.channel_id)
    roles = [str(role) for role in event.role_ids] if event.role_ids else None
    risen = level_up(config, standing.user_id, before, standing.xp, roles, channel_id)
    if known is not None and risen is not None:
        level_ups[level_ups.index(known)] = risen
    elif risen is not None:
        level_ups.append(risen)
