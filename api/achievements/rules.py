"""Rules of definitions. Pure."""

from collections.abc import Iterator, Mapping, Sequence

from msgspec import UNSET

from api.achievements import conditions
from api.achievements.dtos import (
    DESCRIPTION_CHARACTERS,
    ICON_CHARACTERS,
    MOST_COMPARISONS,
    MOST_DEPTH,
    NAME_CHARACTERS,
    Condition,
    CreateAchievement,
)
from api.lib.faults import Fault
from api.lib.text import too_long
from api.settings.curves import MAX_XP

# The days of a streak are stored in 32 bits.
_LONGEST_STREAK = 2**31 - 1


def faults(data: CreateAchievement, top_level: int) -> list[Fault]:
    """Faults that the types cannot find. `top_level`: the highest level that exists."""
    found = too_long("/name", data.name, NAME_CHARACTERS)
    for name, largest in (("description", DESCRIPTION_CHARACTERS), ("icon", ICON_CHARACTERS)):
        if isinstance(text := getattr(data, name), str):
            found += too_long(f"/{name}", text, largest)
    for place, key in enumerate(data.prerequisites):
        if key in data.prerequisites[:place]:
            found.append(Fault(f"/prerequisites/{place}", "is named more than once"))
        elif key == data.key:
            found.append(Fault(f"/prerequisites/{place}", "is the achievement itself"))
    wrong = list(_condition_faults(data.condition, "/condition", 0, top_level))
    if not wrong and sum(1 for _ in conditions.comparisons(data.condition)) > MOST_COMPARISONS:
        wrong.append(Fault("/condition", f"has more than {MOST_COMPARISONS} comparisons"))
    return found + wrong


def _condition_faults(condition: Condition, at: str, groups: int, top_level: int) -> Iterator[Fault]:
    """`groups`: how many groups contain this one."""
    given = [name for name in ("all", "any", "stat") if getattr(condition, name) is not UNSET]
    if len(given) > 1:
        yield Fault(at, f"has {' and '.join(f'`{name}`' for name in given)}: only one of them is possible")
        return
    if given == ["stat"] or not given:
        yield from _comparison_faults(condition, at, top_level)
        return
    for name in ("gte", "within"):
        if getattr(condition, name) is not UNSET:
            yield Fault(f"{at}/{name}", f"is not possible together with `{given[0]}`")
    if groups == MOST_DEPTH:
        yield Fault(at, f"is more than {MOST_DEPTH} groups deep")
        return
    for place, child in enumerate(getattr(condition, given[0])):
        yield from _condition_faults(child, f"{at}/{given[0]}/{place}", groups + 1, top_level)


def _comparison_faults(comparison: Condition, at: str, top_level: int) -> Iterator[Fault]:
    if comparison.stat is UNSET and comparison.gte is UNSET and comparison.within is UNSET:
        yield Fault(at, "has none of `all`, `any` and `stat`")
        return
    for name in ("stat", "gte"):
        if getattr(comparison, name) is UNSET:
            yield Fault(f"{at}/{name}", "is required")
    if comparison.stat is UNSET:
        return
    if comparison.within is not UNSET and comparison.stat in conditions.MEASURED:
        yield Fault(f"{at}/within", f"is not possible with `{comparison.stat}`, since it is not counted by day")
    most = {"xp": MAX_XP, "level": top_level, "streak": _LONGEST_STREAK}.get(comparison.stat)
    if comparison.gte is not UNSET and most is not None and comparison.gte > most:
        yield Fault(f"{at}/gte", f"can never be reached: the highest `{comparison.stat}` is {most}")


def prerequisite_faults(key: str, prerequisites: Sequence[str], known: Mapping[str, Sequence[str]]) -> list[Fault]:
    """Prerequisites that do not exist, or lead back to the achievement itself. `known`: the prerequisites of every
    achievement that can be earned."""
    found = []
    for place, name in enumerate(prerequisites):
        if name == key:
            continue
        if name not in known:
            found.append(Fault(f"/prerequisites/{place}", "is not an achievement of this guild or of the installation"))
        elif _leads_to(name, key, known):
            found.append(Fault(f"/prerequisites/{place}", f"makes a circle: it needs `{key}`"))
    return found


def _leads_to(start: str, goal: str, known: Mapping[str, Sequence[str]]) -> bool:
    seen, waiting = set[str](), [start]
    while waiting:
        key = waiting.pop()
        if key == goal:
            return True
        if key not in seen:
            seen.add(key)
            waiting += known.get(key, ())
    return False
