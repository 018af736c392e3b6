"""Puts the parts of achievements together: for the server, and for commands of the command line."""

import asyncio
from datetime import timedelta

import msgspec

from api.achievements.awarding import Awarding
from api.achievements.awards import AwardService
from api.achievements.catalogs import Catalogs
from api.achievements.service import AchievementService
from api.achievements.surveys import Surveys
from api.achievements.unlocking import Unlocking
from api.lib.clock import Clock
from api.lib.pagination import Cursors
from api.members.rulebook import Rulebook
from api.postgres.change_watcher import Changes
from api.postgres.database import Database
from api.postgres.partitions import Parts


class Achievements(msgspec.Struct, frozen=True):
    """What there is of achievements in one process. `woken` is set when there is a job to do."""

    service: AchievementService
    awards: AwardService
    unlocking: Unlocking
    awarding: Awarding
    woken: asyncio.Event


def build(
    database: Database,
    changes: Changes,
    clock: Clock,
    cursors: Cursors,
    rulebook: Rulebook,
    parts: Parts,
    *,
    retention: timedelta,
) -> Achievements:
    """`retention`: for how long a deleted achievement can be restored."""
    catalogs, woken = Catalogs(changes), asyncio.Event()
    unlocking = Unlocking(catalogs)
    surveys = Surveys(database, rulebook, clock)
    return Achievements(
        AchievementService(database, changes, cursors, clock, rulebook, surveys, retention=retention, wake=woken.set),
        AwardService(database, rulebook, catalogs, unlocking, parts, clock),
        unlocking,
        Awarding(rulebook, catalogs, unlocking, clock),
        woken,
    )
