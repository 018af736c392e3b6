"""What members are called, by hand: one member's names, and those of many at once."""

from collections.abc import Sequence

from api.audit.service import record
from api.auth.actors import Actor
from api.errors import Invalid, PreconditionFailed
from api.lib import etags
from api.lib.arrays import columns
from api.lib.clock import Clock
from api.lib.diff import Change
from api.lib.encoded import encode
from api.lib.etags import Preconditions
from api.lib.faults import Fault
from api.members import ledger_queries
from api.members.dtos import MemberView, NameItem, NamesPutView, PatchMember
from api.members.ledger import Ledger
from api.members.leveling_config import LevelingConfig
from api.members.leveling_config_cache import LevelingConfigCache
from api.members.names import cleared
from api.members.naming import KnownNames
from api.members.profiles import profile, rows
from api.members.standings import by_key, lock
from api.members.visibility import hidden_from, opted_out_among, refuse_hidden
from api.postgres.database import Connection, Database
from tables.members import Member

# Names are personal data. The audit log says which of them were changed, and never what they are.


class Renaming:
    def __init__(self, database: Database, leveling_configs: LevelingConfigCache, clock: Clock) -> None:
        self._database = database
        self._leveling_configs = leveling_configs
        self._clock = clock

    async def patch(
        self, actor: Actor, guild_id: int, user_id: int, data: PatchMember, preconditions: Preconditions | None
    ) -> MemberView:
        """Changes a member's names; a guild's bot makes the member where there is none. Names of someone who has opted
        out can only be cleared. Sent twice, the second time changes nothing. Raises `NotFound`,
        `PreconditionFailed`."""
        config, now = await self._leveling_configs.get(guild_id), self._clock.now()
        key = guild_id, user_id
        async with self._database.transaction() as connection:
            await refuse_hidden(connection, actor, guild_id, user_id)
            if preconditions is not None:
                await Member.lock(guild_id, user_id)
                await self._check(connection, config, user_id, preconditions)
            standings = await lock(connection, [key])
            standing = standings[key]
            if not standing.xp and standing.first_seen_at is None and standing.last_active_at is None:
                standing.first_seen_at = now  # they were only just made: counters and boards do not know them
                ledger = Ledger()
                ledger.touch(standing)
                await ledger.store(connection)
            names = KnownNames()
            await names.look_up(connection, [standing])
            before = names.of(key)
            is_private = user_id in await opted_out_among(connection, [user_id])
            await names.store(connection, standings, {key: cleared(data) if is_private else data})
            after = names.of(key)
            changed = [name for name in before.__struct_fields__ if getattr(before, name) != getattr(after, name)]
            if changed:
                changes = {"names": Change(None, changed)}
                await record(
                    connection, actor, "member.renamed", guild_ids=[guild_id], target=str(user_id), changes=changes
                )
            return await self._to_view(connection, config, user_id)

    async def put(self, actor: Actor, guild_id: int, items: Sequence[NameItem]) -> NamesPutView:
        """Changes the names of those of these people who are members, and whom the actor may see. Names of people who
        have opted out can only be cleared. Sent twice, the second time changes nothing. Raises `Invalid` for a person
        who is named twice."""
        _refuse_repeats(items)
        given = {(guild_id, int(item.user_id)): item for item in items}
        async with self._database.transaction() as connection:
            found = by_key(await connection.fetch(ledger_queries.LOCK, *columns(sorted(given), 2)))
            users = [user_id for _, user_id in found]
            unseen = await hidden_from(connection, actor.hidden_seen(), users)
            private = await opted_out_among(connection, users)
            members = {key: each for key, each in given.items() if key in found and key[1] not in unseen}
            kept = {key: cleared(each) if key[1] in private else each for key, each in members.items()}
            updated = len(await KnownNames().store(connection, found, kept))
            if updated:
                changes = {"updated": Change(None, updated)}
                await record(connection, actor, "names.updated", guild_ids=[guild_id], target=None, changes=changes)
        return NamesPutView(updated, len(members) - updated, len(given) - len(members))

    async def _check(
        self, connection: Connection, config: LevelingConfig, user_id: int, preconditions: Preconditions
    ) -> None:
        (row,) = await rows(connection, [(config.guild_id, user_id)])
        if row is None:
            held = not preconditions.need_it
        else:
            held = preconditions.hold(etags.tag(encode(await self._to_view(connection, config, user_id))))
        if not held:
            raise PreconditionFailed

    async def _to_view(self, connection: Connection, config: LevelingConfig, user_id: int) -> MemberView:
        (row,) = await rows(connection, [(config.guild_id, user_id)])
        assert row is not None  # it is locked
        return profile(config, user_id, row, config.day_of(self._clock.now()))


def _refuse_repeats(items: Sequence[NameItem]) -> None:
    seen: set[int] = set()
    faults = []
    for place, item in enumerate(items):
        if item.user_id in seen:
            faults.append(Fault(f"/items/{place}/user_id", "is named more than once"))
        seen.add(item.user_id)
    if faults:
        raise Invalid(errors=faults)
