"""What the events of a transaction unlock: which stats they moved, and which request is told what came of it."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from api.achievements.unlocking import Moved, Settled, Unlocking
from api.activity.dtos import Event
from api.activity.moments import Moments, stat_of
from api.database import Connection
from api.members.dtos import UnlockedAchievement
from api.members.ledger import XP, Key, Standing
from api.members.levelups import LevelUp, level_up
from api.members.rules import GuildRules

Request = tuple[GuildRules, Sequence[Event]]


async def settle(
    unlocking: Unlocking,
    connection: Connection,
    requests: Sequence[Request],
    standings: Mapping[Key, Standing],
    moments: Moments,
    concerned: Collection[int],
    now: datetime,
) -> Settled:
    """Awards what the events, which are stored, have earned their members. `concerned`: see `Unlocking.begin`."""
    if not concerned:
        return Settled()
    return await unlocking.settle(connection, _moved(requests, standings, moments, concerned), now)


def _moved(
    requests: Sequence[Request], standings: Mapping[Key, Standing], moments: Moments, guild_ids: Collection[int]
) -> list[Moved]:
    moved: dict[Key, Moved] = {}
    for rules, events in requests:
        guild_id = rules.guild_id
        if guild_id not in guild_ids:
            continue
        for event in events:
            key = guild_id, event.user_id
            theirs = moved.get(key)
            if theirs is None:
                standing = standings[key]
                # Any event makes a day active.
                stats = {"streak"} if standing.xp == standing.before[XP] else {"streak", "xp", "level"}
                theirs = moved[key] = Moved(rules, standing, stats, moments.of(key))
            theirs.stats.add(stat_of(event))
    return list(moved.values())


def told(
    requests: Sequence[Request], settled: Settled, level_ups: Sequence[list[LevelUp]], standings: Mapping[Key, Standing]
) -> list[list[UnlockedAchievement]]:
    """What each request is told was unlocked: the last one with events of the member. The level that the rewards
    reached is entered into its level-ups."""
    found: list[list[UnlockedAchievement]] = [[] for _ in requests]
    if not settled.unlocked:
        return found
    last = {
        (rules.guild_id, int(event.user_id)): (place, event)
        for place, (rules, events) in enumerate(requests)
        for event in sorted(events, key=lambda event: (event.occurred_at, event.id))
    }
    for key, (place, event) in last.items():
        if key in settled.unlocked:
            found[place] += settled.unlocked[key]
            if settled.xp[key]:
                _raise(level_ups[place], requests[place][0], standings[key], settled.xp[key], event)
    return found


def _raise(level_ups: list[LevelUp], rules: GuildRules, standing: Standing, given: int, event: Event) -> None:
    """Enters the level after the rewards: into what is told of the member already, if anything is."""
    known = next((each for each in level_ups if each.user_id == str(standing.user_id)), None)
    before = standing.xp - given if known is None else rules.ladder.begins(known.from_level)
    channel_id: int | None = event.channel_id
    if known is not None and known.announce.mode == "current":
        channel_id = None if known.announce.channel_id is None else int(known.announce.channel_id)
    roles = [str(role) for role in event.role_ids] if event.role_ids else None
    risen = level_up(rules, standing.user_id, before, standing.xp, roles, channel_id)
    if known is not None and risen is not None:
        level_ups[level_ups.index(known)] = risen
    elif risen is not None:
        level_ups.append(risen)
