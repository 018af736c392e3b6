"""Puts the parts of imports together: for the server, and for commands of the command line."""

from datetime import timedelta

import msgspec

from api.achievements.building import Achievements
from api.achievements.jobs import KIND as AWARDING
from api.achievements.jobs import AwardingJob
from api.guilds.pickers import PickerService
from api.guilds.service import GuildService
from api.imports.exporting import Exporter
from api.imports.history import History
from api.imports.rehearsal import Rehearsal
from api.imports.restoring import Restoring
from api.imports.runner import Runner
from api.imports.service import ImportService
from api.imports.standings import Standings
from api.imports.worker import Worker
from api.jobs.queue import Queue
from api.lib.clock import Clock
from api.lib.pagination import Cursors
from api.members.rulebook import Rulebook
from api.people.current import CurrentCredentials
from api.postgres.database import Database
from api.postgres.partitions import Parts
from api.settings.service import SettingsService


class Imports(msgspec.Struct, frozen=True):
    """What there is of imports in one process."""

    service: ImportService
    exporter: Exporter
    queue: Queue
    worker: Worker


def build(
    database: Database,
    clock: Clock,
    cursors: Cursors,
    rulebook: Rulebook,
    parts: Parts,
    *,
    guilds: GuildService,
    pickers: PickerService,
    settings: SettingsService,
    achievements: Achievements,
    credentials: CurrentCredentials,
    hours: timedelta,
) -> Imports:
    """`hours`: for how long activity by hour is kept."""
    queue = Queue(database)
    runner = Runner(
        database,
        queue,
        clock,
        credentials,
        standings=Standings(database, rulebook, settings, clock),
        history=History(database, rulebook, parts, achievements.unlocking, clock, hours),
        rehearsal=Rehearsal(database, rulebook, clock),
        restoring=Restoring(
            database,
            rulebook,
            parts,
            clock,
            guilds=guilds,
            pickers=pickers,
            settings=settings,
            achievements=achievements.service,
        ),
    )
    awarding = AwardingJob(database, queue, achievements.awarding, parts, clock)
    worker = Worker(queue, runner, {AWARDING: awarding}, achievements.woken)
    return Imports(ImportService(database, queue, worker, cursors, clock), Exporter(database, clock), queue, worker)
