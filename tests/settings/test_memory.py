"""What is remembered of guilds: its weight is true, guilds that are alike share, and 20,000 active ones fit."""

import json
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from api.achievements.index_cache import CachedIndex, _weight, build_index
from api.activity.rules import earning_of
from api.members import leveling_config_cache
from api.members.leveling_config import LevelingConfig
from api.postgres.change_watcher import ChangeWatcher
from api.settings.cache import MIB, SettingsCache

ZONES = ("UTC", "Europe/Berlin", "America/New_York")
Overrides = Callable[[int], str | None]


def _lists(number: int) -> str:
    ids = [str(10**17 + each) for each in range(50)]
    return json.dumps({"daily_xp_cap": number, "ignored_channel_ids": ids, "only_channel_ids": ids})


KINDS: dict[str, Overrides] = {
    "defaults": lambda _: None,
    "the same": lambda _: '{"cooldown_seconds": 30}',
    "own": lambda number: json.dumps({"daily_xp_cap": number}),
    "own lists": _lists,
    "own curve": lambda number: json.dumps({"curve": {"kind": "cost", "coefficients": [100 + number, 50, 5]}}),
}


class _Fresh(ChangeWatcher):
    def is_fresh(self, within: float = 1.0) -> bool:
        return within > 0


def _filled(guilds: int, overrides: Overrides) -> SettingsCache[LevelingConfig]:
    """A cache of guilds each of which has just counted events."""
    cache: SettingsCache[LevelingConfig] = SettingsCache(
        _Fresh(), leveling_config_cache._weight, leveling_config_cache.LARGEST
    )
    now = datetime.now(UTC)
    for number in range(guilds):
        config = leveling_config_cache._config(10**18 + number, f"Guild {number}", ZONES[number % 3], overrides(number))
        earning_of(config)
        for minutes in range(3):
            config.place_of(now - timedelta(minutes=minutes))
        cache.put(config.guild_id, "leveling", config)
    return cache


@pytest.mark.parametrize("overrides", KINDS.values(), ids=KINDS)
def test_the_weight_of_a_guild_is_true(overrides: Overrides) -> None:
    guilds = 60 if overrides is KINDS["own curve"] else 400
    _filled(3, overrides)  # what all share
    tracemalloc.start()
    cache = _filled(guilds, overrides)
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # Never much less than it is, or the bound does not hold. Those that share count as if they did not.
    assert cache.weight >= 0.8 * taken
    assert overrides is KINDS["the same"] or cache.weight <= 1.5 * taken


@pytest.mark.parametrize("own", [1, 20])
def test_the_weight_of_an_achievement_index_is_true(own: int) -> None:
    condition = {
        "all": [{"stat": "messages", "gte": 9}, {"any": [{"stat": "level", "gte": 2}, {"stat": "xp", "gte": 7}]}]
    }

    def row(guild_id: int | None, number: int) -> dict[str, object]:
        texts = {"key": f"key-{number}", "name": f"Name {number}", "prerequisites": "[]", "deleted_at": None}
        flags = {"hidden": False, "reward_xp": 5, "reward_role_id": None, "revision": 1}
        return {"id": number, "guild_id": guild_id, "condition": json.dumps(condition), **texts, **flags}

    everywhere = [row(None, number) for number in range(14)]
    tracemalloc.start()
    kept = []
    for guild_id in range(1, 41):
        rows = tuple(row(guild_id, 100 * guild_id + number) for number in range(own))
        kept.append(CachedIndex(build_index((*everywhere, *rows)), rows))  # type: ignore[arg-type] # as records are read
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert 0.8 * taken <= sum(map(_weight, kept)) <= 1.5 * taken


def test_twenty_thousand_guilds_fit() -> None:
    """One in twenty has settings of its own."""
    cache = _filled(20_000, lambda number: json.dumps({"daily_xp_cap": number}) if number % 20 == 0 else None)
    assert cache.get(10**18, "leveling") is not None
    assert cache.weight < leveling_config_cache.LARGEST


def test_who_was_not_asked_for_the_longest_goes_first() -> None:
    cache: SettingsCache[bytes] = SettingsCache(_Fresh(), len, MIB)
    kept = b"x" * (MIB // 4)
    for guild in (1, 2, 3):
        cache.put(guild, "leveling", kept)
    assert cache.get(1, "leveling") is kept
    cache.put(4, "leveling", kept)
    assert [cache.get(guild, "leveling") is kept for guild in (1, 2, 3, 4)] == [True, False, True, True]
