"""What 200 achievements that nobody has yet cost the recording of events: guilds with them against guilds without."""

import asyncio
from collections.abc import Callable

import msgspec

from benchmarks.cases import headers
from benchmarks.events import active_singles, batches, first_words, singles
from benchmarks.measure import Case, Lane, Ratio
from benchmarks.seed import GUILDS, award_all
from benchmarks.servers import Side, call

DEFINITIONS = 200

WITHOUT, WITH = "no achievements", "200 achievements"

Requests = Callable[[int], list[str]]

_HALF = len(GUILDS.busy) // 2
_STATS = ("messages", "xp", "voice_seconds", "reactions", "commands")
_EARNED = {"messages": 100, "xp": 20_000, "voice_seconds": 45_000, "reactions": 200, "commands": 35}
_TOP = {"xp": 6_000_000, "messages": 400_000, "level": 150, "streak": 400}  # above what any seeded member has


def achievement_cases(key: str, guildhall: Side) -> list[Case]:
    """Single events and batches, both lanes of one server. What is known of a member is remembered: whoever writes
    for the first time since the start costs more. So those who are about have all written once before."""
    for guild in GUILDS.busy[_HALF:]:
        for number in range(DEFINITIONS):
            made = {"key": f"a{number}", "name": f"A{number}", "condition": _condition(number), "rewards": {"xp": 10}}
            call(guildhall, key, "POST", f"/v1/guilds/{guild}/achievements", msgspec.json.encode(made))
    for guild in GUILDS.busy:
        for body in first_words(f"first-{guild}"):
            call(guildhall, key, "POST", f"/v1/guilds/{guild}/activity", body)
    head = headers(key)

    def case(name: str, title: str, connections: int, requests: Callable[[list[int]], Requests]) -> Case:
        lanes = [
            Lane(WITHOUT, guildhall, requests(GUILDS.busy[:_HALF])),
            Lane(WITH, guildhall, requests(GUILDS.busy[_HALF:])),
        ]
        return Case(name, title, connections, lanes, [Ratio(WITH, WITHOUT, "≥ 0.85")], warm_up=8.0)

    return [
        case(
            "achievements",
            "POST activity, one event of those who are about, 200 achievements",
            64,
            lambda guilds: active_singles(head, guilds),
        ),
        case(
            "achievements-new",
            "POST activity, one event, each the member's first since the start, 200 achievements",
            64,
            lambda guilds: singles(head, guilds),
        ),
        case(
            "achievements100",
            "POST activity, 100 events, 200 achievements",
            8,
            lambda guilds: batches(head, 100, guilds),
        ),
    ]


def award_the_million(key: str, guildhall: Side) -> None:
    """Five achievements in the guild of a million, and their awards to all who have earned them."""
    for number, (stat, gte) in enumerate(_EARNED.items()):
        made = {"key": f"e{number}", "name": f"E{number}", "condition": {"stat": stat, "gte": gte}}
        call(guildhall, key, "POST", f"/v1/guilds/{GUILDS.million}/achievements", msgspec.json.encode(made))
    asyncio.run(award_all(guildhall.database, GUILDS.million, _EARNED))


def _condition(number: int) -> dict[str, object]:
    """Of 20, thirteen compare one number, five are trees, one has a stat of its own, one a window of days."""
    kind = number % 20
    stat = (*_STATS, "level", "streak")[number % 7]
    leaf: dict[str, object] = {"stat": stat, "gte": _TOP.get(stat, 500_000) + number}
    if kind < 13:
        return leaf
    if kind < 18:
        other = {"stat": _STATS[number % 5], "gte": 1 + number}
        return {"all": [other, {"any": [leaf, {"stat": "duels_won", "gte": 5 + number}]}]}
    if kind == 18:
        return {"stat": "duels_won", "gte": 100 + number}
    return {"stat": "messages", "gte": 10_000 + number, "within": "7d"}
