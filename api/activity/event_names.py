"""What events say of how their members are called: their `user`."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from operator import attrgetter

import msgspec

from api.activity.dtos import Event
from api.members.leveling_config import LevelingConfig
from api.members.levelups import LevelUp
from api.members.names import GivenNames, over, shown
from api.members.naming import KnownNames
from api.members.standings import Key, Standing
from api.postgres.database import Connection

Request = tuple[LevelingConfig, Sequence[Event]]

# An event that comes so late was sent before others that have been counted: it brings no news. Shards' clocks differ.
LATE = timedelta(minutes=5)

_true_order = attrgetter("occurred_at", "id")


async def store_names(
    connection: Connection, requests: Sequence[Request], standings: Mapping[Key, Standing]
) -> KnownNames:
    """Stores the names that these events bring, of the last event in true order. Call it with the members locked, and
    before their events are counted."""
    names = KnownNames()
    changed = _changed(requests, standings, names)
    if not changed:
        return names
    named: dict[Key, list[Event]] = {key: [] for key in changed}
    for config, events in requests:
        for event in events:
            if event.user is not None and (key := (config.guild_id, event.user_id)) in changed:
                named[key].append(event)
    given: dict[Key, GivenNames] = {}
    for key, theirs in named.items():
        theirs.sort(key=_true_order)
        for event in theirs:
            if event.user is not None and not _is_late(event, standings[key]):
                given[key] = over(given[key], event.user) if key in given else event.user
    if given:
        await names.store(connection, standings, given)
    return names


def _changed(requests: Sequence[Request], standings: Mapping[Key, Standing], names: KnownNames) -> set[Key]:
    """The members whom an event calls something else than what is stored. Of most events, nobody."""
    changed = set()
    for config, events in requests:
        for event in events:
            if event.user is not None:
                key = config.guild_id, event.user_id
                if not names.learn_if_stored(key, event.user, standings[key].names_digest):
                    changed.add(key)
    return changed


def _is_late(event: Event, standing: Standing) -> bool:
    last = standing.last_active_at
    return standing.names_digest != 0 and last is not None and last - event.occurred_at > LATE


async def with_names(
    connection: Connection,
    requests: Sequence[Request],
    level_ups: Sequence[list[LevelUp]],
    standings: Mapping[Key, Standing],
    names: KnownNames,
) -> list[list[LevelUp]]:
    """The level-ups of each request, with the names of the members."""
    found = []
    for (config, _), levels in zip(requests, level_ups, strict=True):
        keys = [(config.guild_id, int(level.user_id)) for level in levels]
        await names.look_up(connection, (standings[key] for key in keys))
        found.append([_named(level, names, key) for level, key in zip(levels, keys, strict=True)])
    return found


def _named(level: LevelUp, names: KnownNames, key: Key) -> LevelUp:
    _, username, display_name, avatar_url = shown(key[1], names.of(key))
    return msgspec.structs.replace(level, username=username, display_name=display_name, avatar_url=avatar_url)
