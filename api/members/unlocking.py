"""What members ask of achievements, which know members, and of which members know nothing else."""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from api.members.dtos import UnlockedAchievement
from api.members.ledger import Ledger, Standing
from api.members.leveling_config import LevelingConfig
from api.postgres.database import Connection


class XpUnlocking(Protocol):
    """Awards what XP earns."""

    async def of_xp(
        self,
        connection: Connection,
        config: LevelingConfig,
        standing: Standing,
        ledger: Ledger,
        now: datetime,
        before: int,
    ) -> tuple[list[UnlockedAchievement], Callable[[], None]]:
        """Stores the ledger of a member, locked, whose XP was `before` until now, with what that has earned them: the
        rewards' XP is theirs then. Gives what it was, and what to call after the commit."""
        ...
