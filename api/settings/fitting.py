"""Fits the stored settings of guilds to a module's new schema: refuses the schema, or resets invalid values."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime

import msgspec

from api.auth.actors import Actor
from api.errors import ModuleConflict
from api.lib.diff import Change
from api.lib.json import JsonObject, same
from api.postgres.database import Connection
from api.settings.modules import Module, changes
from api.settings.queries import RESET, encode
from tables.settings import GuildSettings
from tables.sql import Row

LISTED_GUILDS = 10

READ_BATCH_SIZE = 100


async def fit(
    connection: Connection, actor: Actor, old: Module | None, module: Module, now: datetime, *, reset: bool
) -> None:
    """Refuses a schema that stored overrides do not satisfy. With `reset`, invalid overrides return to their
    defaults."""
    conflicts: list[int] = []
    async for rows in _pages(module.name):
        failing = await asyncio.to_thread(_failing, module, rows)
        conflicts += [row["guild_id"] for row in failing]
        if reset and failing:
            await _reset(connection, actor, old or module, module, failing, now)
    if conflicts and not reset:
        raise ModuleConflict(
            f"{len(conflicts)} guild(s) have settings that this schema refuses. "
            "`?on_conflict=reset` returns invalid values to their defaults.",
            extra={
                "guilds": len(conflicts),
                "guild_ids": [str(guild_id) for guild_id in conflicts[:LISTED_GUILDS]],
            },
        )


async def _reset(
    connection: Connection, actor: Actor, old: Module, new: Module, failing: Sequence[Row], now: datetime
) -> None:
    befores: list[JsonObject] = [msgspec.json.decode(row["overrides"]) for row in failing]
    afters = await asyncio.to_thread(lambda: [new.without_failing(before) for before in befores])
    await connection.execute(
        RESET,
        new.name,
        [row["guild_id"] for row in failing],
        [row["overrides"] for row in failing],
        [encode(after) for after in afters],
        await asyncio.to_thread(
            lambda: [encode(_reset_changes(old, new, *pair)) for pair in zip(befores, afters, strict=True)]
        ),
        now,
        actor.kind,
        actor.id,
        actor.reason,
        actor.ip,
        actor.request_id,
    )


async def _pages(name: str) -> AsyncIterator[Sequence[Row]]:
    after = 0
    while rows := await _page(name, after):
        yield rows
        await asyncio.sleep(0)  # other requests run: a large installation takes a while
        after = rows[-1]["guild_id"]


async def _page(name: str, after: int) -> Sequence[Row]:
    """Guilds that override the module, in order of their ids, locked against other changes."""
    overriding = (GuildSettings.module == name) & (GuildSettings.overrides != "{}")
    query = GuildSettings.select(GuildSettings.guild_id, GuildSettings.overrides, GuildSettings.revision)
    query = query.where(overriding, GuildSettings.guild_id > after).order_by(GuildSettings.guild_id)
    return await query.limit(READ_BATCH_SIZE).lock_rows()


def _failing(module: Module, rows: Sequence[Row]) -> Sequence[Row]:
    return [row for row in rows if module.faults(msgspec.json.decode(row["overrides"]))]


def _reset_changes(old: Module, new: Module, before: JsonObject, after: JsonObject) -> dict[str, Change]:
    """The effective values of the reset properties: before by the old schema, after by the new one. A changed default
    alone is no change of a guild's settings."""
    all_changes = changes(old.effective(before), new.effective(after))
    touched = {name for name in before if name not in after or not same(before[name], after[name])}
    return {name: change for name, change in all_changes.items() if name in touched}
