"""Achievements as the contract describes them: after each event, one definition after the other."""

from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from tests.properties.model import STATS, Guild
from tests.properties.strategies import levelings

Json = dict[str, Any]  # Any: what JSON holds

GROWING = ("messages", "voice_seconds", "reactions", "commands", "xp", "level", "streak", "duels_won", "pies")
NUMBERS = {"voice_seconds": [1, 60, 3_700], "xp": [1, 20, 100, 300], "level": [1, 2, 5]}


class AchievementModel:
    """A guild of the model, whose members earn what is defined."""

    def __init__(self, guild: Guild, definitions: list[Json]) -> None:
        self.guild = guild
        self._definitions = definitions
        self.awarded: dict[int, set[str]] = {}

    def send(self, events: list[Json], now: datetime) -> None:
        """Events in their true order, one after the other."""
        for event in sorted(events, key=lambda event: str(event["occurred_at"])):
            self.guild.send([event], now)
            self._award(int(event["user_id"]), now)

    def _award(self, user: int, now: datetime) -> None:
        theirs = self.awarded.setdefault(user, set())
        while True:
            found = [
                each
                for each in self._definitions
                if each["key"] not in theirs
                and theirs.issuperset(each["prerequisites"])
                and self.holds(each["condition"], user, now)
            ]
            if not found:
                return
            theirs.add(found[0]["key"])
            self.guild.give(user, found[0]["rewards"]["xp"], now)

    def holds(self, condition: Json, user: int, now: datetime) -> bool:
        """Whether a member meets it."""
        if "all" in condition:
            return all(self.holds(child, user, now) for child in condition["all"])
        if "any" in condition:
            return any(self.holds(child, user, now) for child in condition["any"])
        return self.value(condition, user, now) >= int(condition["gte"])

    def value(self, comparison: Json, user: int, now: datetime) -> int:
        """What a comparison looks at."""
        member, stat = self.guild.members[user], comparison["stat"]
        if stat == "level":
            return self.guild.level(member.xp)
        if stat == "streak":
            return self.guild.streak(user, now)["best"]
        name = stat if stat == "xp" or stat in STATS.values() else f"stat:{stat}"
        if "within" not in comparison:
            return member.xp if stat == "xp" else member.totals[name]
        today = self.guild.day(now)
        first = today - timedelta(days=int(comparison["within"][:-1]) - 1)
        return sum(counted[name] for day, counted in member.days.items() if first <= day <= today)


def rising() -> st.SearchStrategy[Json]:
    """Settings of levels among which each level of a condition is."""
    return levelings().map(lambda drawn: {**drawn, "curve": {"kind": "preset", "preset": "arcane"}, "max_level": None})


@st.composite
def _leaves(draw: st.DrawFn, *, windows: bool) -> Json:
    stat = draw(st.sampled_from(GROWING))
    comparison: Json = {"stat": stat, "gte": draw(st.sampled_from(NUMBERS.get(stat, [1, 2, 3, 5])))}
    if windows and stat not in ("xp", "level", "streak") and draw(st.booleans()):
        comparison["within"] = draw(st.sampled_from(["1d", "2d", "5d", "30d"]))
    return comparison


def conditions(*, windows: bool = True) -> st.SearchStrategy[Json]:
    """Trees of all and any."""
    return st.recursive(
        _leaves(windows=windows),
        lambda children: st.sampled_from(["all", "any"]).flatmap(
            lambda group: st.lists(children, min_size=1, max_size=3).map(lambda found: {group: found})
        ),
        max_leaves=4,
    )


@st.composite
def definitions(draw: st.DrawFn, *, windows: bool = True, most: int = 5) -> list[Json]:
    """Achievements, each of which may need those before it, and give XP."""
    found: list[Json] = []
    for number in range(draw(st.integers(1, most))):
        keys = [each["key"] for each in found]
        found.append(
            {
                "key": f"a{number}",
                "name": f"A{number}",
                "condition": draw(conditions(windows=windows)),
                "prerequisites": draw(st.lists(st.sampled_from(keys), max_size=2, unique=True)) if keys else [],
                "rewards": {"xp": draw(st.sampled_from([0, 0, 5, 120, 1_000]))},
            }
        )
    return found
