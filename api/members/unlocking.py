"""The interface through which members award achievements: achievements import members, and not the other way round."""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from api.members.dtos import UnlockedAchievement
from api.members.ledger import Ledger
from api.members.leveling_config import LevelingConfig
from api.members.standings import Standing
from api.postgres.database import Connection


class XpUnlocking(Protocol):
    """Awards the achievements that XP unlocks."""

    async def of_xp(
        self,
        connection: Connection,
        config: LevelingConfig,
        standing: Standing,
        ledger: Ledger,
        now: datetime,
        before: int,
    ) -> tuple[list[UnlockedAchievement], Callable[[], None]]:
        """Stores the ledger of a locked member whose XP was `before`, with the achievements that the change unlocks and
        their XP. Returns these achievements, and a function to call after the commit."""
        ...
