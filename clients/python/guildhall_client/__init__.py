"""Guildhall from Python: `Guildhall` asks, `Batcher` sends what members did, `Guildhall.events` listens."""

from guildhall_client.batching import Batcher
from guildhall_client.client import Guildhall
from guildhall_client.errors import GuildhallError, Problem, Unreachable
from guildhall_client.models import (
    Achieved,
    Activity,
    Announcement,
    Board,
    BoardEntry,
    Erasure,
    Fault,
    LevelUp,
    Member,
    Privacy,
    Rejected,
    Rewards,
    RoleChanges,
    Settings,
    Stats,
    Streak,
    StreamEvent,
    XpAdjusted,
)

__all__ = [
    "Achieved",
    "Activity",
    "Announcement",
    "Batcher",
    "Board",
    "BoardEntry",
    "Erasure",
    "Fault",
    "Guildhall",
    "GuildhallError",
    "LevelUp",
    "Member",
    "Privacy",
    "Problem",
    "Rejected",
    "Rewards",
    "RoleChanges",
    "Settings",
    "Stats",
    "Streak",
    "StreamEvent",
    "Unreachable",
    "XpAdjusted",
]
