"""What members ask of achievements, which know members, and of which members know nothing else."""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from api.database import Connection
from api.members.dtos import UnlockedAchievement
from api.members.ledger import Standing
from api.members.rules import GuildRules


class XpUnlocking(Protocol):
    """Awards what XP earns."""

    async def of_xp(
        self, connection: Connection, rules: GuildRules, standing: Standing, now: datetime, before: int
    ) -> tuple[list[UnlockedAchievement], Callable[[], None]]:
        """Awards what a member has earned whose XP, `before` until now, is stored, and who is locked still: the
        rewards' XP is theirs then. Gives what it was, and what to call after the commit."""
        ...
