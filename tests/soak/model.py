"""What one client knows of its people: what was acknowledged, and so has to be there."""

from collections import Counter
from dataclasses import dataclass, field

from tests.soak.world import GUILDS, XP, Json

_COUNTED = {"message": "messages", "reaction": "reactions", "command": "commands"}


@dataclass
class Standing:
    """Of a member: XP without what came with achievements, and stats."""

    is_there: bool = False
    xp: int = 0
    stats: Counter[str] = field(default_factory=Counter)
    has_by_hand: bool = False
    began_anew: bool = False  # removed once: what came to pass before counts no more
    is_present: bool | None = None  # has not left; None: nobody can tell

    def count(self, event: Json, *, is_late: bool = False) -> None:
        if not is_late or not self.is_there:
            self.is_present = True
        else:  # it may have happened after they left
            self.mark_uncertain()
        kind, more = event["type"], amount_of(event)
        self.is_there = True
        self.xp += XP[kind] * (more // 10 if kind == "voice" else 1)
        self.stats[stat_of(event)] += more

    def remove(self) -> None:
        self.is_there, self.xp, self.stats, self.has_by_hand = False, 0, Counter(), False
        self.began_anew, self.is_present = True, None

    def mark_uncertain(self) -> None:
        """Something may have brought them back."""
        self.is_present = self.is_present or None


def amount_of(event: Json) -> int:
    """How much it counts."""
    return int(event.get("seconds") or event.get("amount") or 1)


def stat_of(event: Json) -> str:
    """The stat that it counts in."""
    kind: str = event["type"]
    return _COUNTED.get(kind, "voice_seconds" if kind == "voice" else str(event.get("stat")))


class Model:
    """Guilds, their sums, and the people of one client."""

    def __init__(self) -> None:
        self.standings: dict[tuple[int, int], Standing] = {}
        self.sums: dict[int, Counter[str]] = {guild_id: Counter() for guild_id in GUILDS}
        self.audited: Counter[str] = Counter()  # reasons: how many entries each has to have
        self.audited_somehow: set[str] = set()  # reasons that have one or more
        self.silent: set[str] = set()  # reasons of what changed nothing: no entry has them
        self.hidden: dict[int, bool | None] = {}  # people; None: nobody can tell

    def of(self, guild_id: int, user: int) -> Standing:
        return self.standings.setdefault((guild_id, user), Standing())

    def count(self, guild_id: int, event: Json, *, is_late: bool = False) -> None:
        self.of(guild_id, int(event["user_id"])).count(event, is_late=is_late)
        self.sums[guild_id][stat_of(event)] += amount_of(event)

    def is_anywhere(self, user: int) -> bool:
        """Member of some guild."""
        return any(self.of(guild_id, user).is_there for guild_id in GUILDS)

    def erase(self, user: int) -> None:
        self.hidden[user] = None
        for guild_id in GUILDS:
            self.of(guild_id, user).remove()
