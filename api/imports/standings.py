"""The import of standings of other bots: XP, levels and messages of members, for the all-time board."""

import asyncio
from collections.abc import Sequence

import msgspec

from api.imports import queries, rules
from api.imports.bots import ImportedSettings
from api.imports.decoding import Refused
from api.imports.dtos import Source
from api.imports.named import lock_named
from api.imports.rows import ImportedMember
from api.imports.work import Numbered, Work
from api.lib.clock import Clock
from api.lib.faults import Fault
from api.members.ledger import Ledger
from api.members.leveling_config import LevelingConfig
from api.members.leveling_config_cache import LevelingConfigCache
from api.members.visibility import hide
from api.postgres.database import Connection, Database
from api.postgres.plans import LOOK_UP
from api.settings.service import SettingsService


class Standings:
    def __init__(
        self, database: Database, leveling_configs: LevelingConfigCache, settings: SettingsService, clock: Clock
    ) -> None:
        self._database = database
        self._leveling_configs = leveling_configs
        self._settings = settings
        self._clock = clock

    async def run(self, work: Work) -> None:
        """Does the rest of the import. Raises `Broken`, `LeaseLost`, `NotFound`."""
        await work.check(rules.reader_of(work.source))
        imported_settings = ImportedSettings(work.source)
        async for batch in work.batches(rules.reader_of(work.source, imported_settings.see)):
            await self._import(work, await self._leveling_configs.get(work.guild_id), batch)
        if work.takes_settings:
            await imported_settings.store(work, self._settings)

    async def _import(self, work: Work, config: LevelingConfig, batch: Sequence[Numbered]) -> None:
        parse: list[ImportedMember] = []
        numbers: list[int] = []
        for number, each in await asyncio.to_thread(_read, work.source, config, batch):
            if isinstance(each, Fault):
                work.refuse(number, each)
                continue
            fault = work.rights.hiding_fault("/hidden") if each.hidden else None
            if fault is None:
                parse.append(each)
                numbers.append(number)
            else:
                work.refuse(number, fault)
        async with self._database.connection() as connection:
            users = [each.user_id for each in parse]
            found = await connection.fetch(queries.KNOWN, work.guild_id, users, work.asked_at, work.hidden_seen)
        known = {row["user_id"] for row in found if not row["is_private"]}
        private = {row["user_id"] for row in found if row["is_private"]}
        hidden = {each.user_id for each in parse if each.hidden} - private
        if work.shows_nobody:
            parse = [_as_nobody(work, each) if each.user_id in private else each for each in parse]
        if hidden and not work.dry_run:
            async with self._database.transaction() as connection:
                await hide(connection, work.actor, hidden, self._clock.now())
        work.reached_byte()
        async with work.paced_step(len(batch), upto=batch[-1][0], begin=LOOK_UP) as connection:
            public = [pair for pair in zip(numbers, parse, strict=True) if pair[1].user_id not in private]
            naming = [(number, each) for number, each in public if each.xp is not None or each.messages is not None]
            counts = await work.counting(connection, [(number, each.user_id) for number, each in naming])
            counted = [each for (_, each), is_counted in zip(naming, counts, strict=True) if is_counted]
            await _apply(connection, work, config, counted, known)
            work.unchanged += len(parse) - len(counted)


def _as_nobody(work: Work, member: ImportedMember) -> ImportedMember:
    return msgspec.structs.replace(member, user_id=work.stand_in(member.user_id))


async def _apply(
    connection: Connection, work: Work, config: LevelingConfig, naming: Sequence[ImportedMember], known: set[int]
) -> None:
    """Applies rows in their order, each to the result of the one before."""
    standings, names, renamed = await lock_named(connection, work, ((each.user_id, each.names) for each in naming))
    ledger = Ledger()
    for each in naming:
        standing = standings[config.guild_id, each.user_id]
        before = standing.xp, standing.messages
        if each.xp is not None:
            standing.xp = rules.merged(work.mode, standing.xp, each.xp)
        if each.messages is not None:
            standing.messages = rules.merged(work.mode, standing.messages, each.messages)
        key = standing.guild_id, each.user_id
        if before == (standing.xp, standing.messages) and each.user_id in known and key not in renamed:
            work.unchanged += 1
            continue
        known.add(each.user_id)
        renamed.discard(key)
        work.imported += 1
        ledger.touch(standing)
        level = config.level_curve.level
        work.note(each.user_id, (before[0], level(before[0])), (standing.xp, level(standing.xp)), names.of(key))
    await ledger.store(connection)


def _read(
    source: Source, config: LevelingConfig, batch: Sequence[Numbered]
) -> list[tuple[int, ImportedMember | Fault]]:
    """Each row's member, or its fault. Runs in a thread: a row may have 4 MiB."""
    found: list[tuple[int, ImportedMember | Fault]] = []
    for number, row in batch:
        try:
            found.append((number, _by_xp(config, rules.parse(source, row))))
        except Refused as refused:
            found.append((number, refused.fault))
    return found


def _by_xp(config: LevelingConfig, parse: ImportedMember) -> ImportedMember:
    """The member with XP: a level alone gives the XP at which it begins; XP wins over a level that disagrees."""
    if parse.xp is not None or parse.level is None:
        return parse
    try:
        xp = config.level_curve.begins(parse.level)
    except IndexError:
        raise Refused("/level", "is above the highest level of this guild's curve") from None
    return msgspec.structs.replace(parse, xp=xp, level=None)
