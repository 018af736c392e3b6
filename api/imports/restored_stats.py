"""Lines with stats of the bot's own: a guild has room for so many names."""

from collections.abc import Collection, Sequence

from api.activity.stat_names import TOO_MANY, StatNames
from api.imports.lines import MemberLine, Read, StatDayLine
from api.imports.work import Work
from api.lib.faults import Fault
from api.members.leveling_config import LevelingConfig


async def with_room(stat_names: StatNames, work: Work, config: LevelingConfig, group: Sequence[Read]) -> list[Read]:
    """The lines all of whose stats the guild has or may still have; the others are refused."""
    names = list(dict.fromkeys(name for each in group for name in _stats(each.item)))
    refused = await stat_names.of_import(config, names, work.tried_stats if work.dry_run else None)
    kept = []
    for each in group:
        if beyond := refused.intersection(_stats(each.item)):
            pointer = "/stat_day/stat" if each.kind == "stat_day" else f"/member/custom_stats/{min(beyond)}"
            work.refuse(each.number, Fault(pointer, TOO_MANY))
        else:
            kept.append(each)
    return kept


def _stats(item: object) -> Collection[str]:
    """The names of the bot's own stats in what a line has."""
    match item:
        case MemberLine():
            return item.custom_stats.keys()
        case StatDayLine():
            return (item.stat,)
    return ()
