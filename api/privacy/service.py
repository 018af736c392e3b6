"""People's choices: whether boards show them, and whether their events are counted."""

from datetime import datetime

import msgspec
from msgspec import UNSET

from api.audit.service import record
from api.auth.actors import Actor
from api.errors import PreconditionFailed
from api.lib import etags
from api.lib.clock import Clock
from api.lib.diff import Change
from api.lib.etags import Preconditions
from api.members.visibility import lock_people, set_hidden
from api.postgres.database import PATIENT, Connection, Database
from api.privacy.dtos import PrivacyView, PutPrivacy
from tables.privacy import PrivacyChoice


class PrivacyService:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def get(self, user_id: int) -> PrivacyView:
        """The person's choices; without any, they are public and counted."""
        return await _chosen(user_id)

    async def put(
        self, actor: Actor, user_id: int, data: PutPrivacy, preconditions: Preconditions | None = None
    ) -> PrivacyView:
        """Stores the choices for all guilds, and updates boards and ranks. Sent twice, the second time changes nothing.
        Raises `PreconditionFailed`."""
        now = self._clock.now()
        async with self._database.transaction(PATIENT) as connection:
            await lock_people(connection, [user_id])
            before = await _chosen(user_id)
            if preconditions is not None and not preconditions.hold(_tag(before)):
                raise PreconditionFailed
            after = PrivacyView(
                visibility=before.visibility if data.visibility is UNSET else data.visibility,
                opt_out=before.opt_out if data.opt_out is UNSET else data.opt_out,
            )
            if after != before:
                await _choose(connection, user_id, before, after, now)
                changes = {
                    name: Change(getattr(before, name), getattr(after, name))
                    for name in PrivacyView.__struct_fields__
                    if getattr(before, name) != getattr(after, name)
                }
                await record(
                    connection,
                    actor,
                    "user.privacy_changed",
                    guild_ids=[None],
                    target=str(user_id),
                    changes=changes,
                )
        return after


def _tag(view: PrivacyView) -> str:
    return etags.tag(msgspec.json.encode(view))


async def _chosen(user_id: int) -> PrivacyView:
    row = await PrivacyChoice.select().where(PrivacyChoice.user_id == user_id).first()
    if row is None:
        return PrivacyView("public", opt_out=False)
    return PrivacyView("public" if row["hidden_at"] is None else "hidden", opt_out=row["opted_out_at"] is not None)


async def _choose(connection: Connection, user_id: int, before: PrivacyView, after: PrivacyView, now: datetime) -> None:
    if after.visibility != before.visibility:
        await set_hidden(connection, [user_id], now if after.visibility == "hidden" else None)
    if after.opt_out != before.opt_out:
        if after.opt_out:
            await PrivacyChoice.opt_out(user_id, now)
        else:
            await PrivacyChoice.update({PrivacyChoice.opted_out_at: None}).where(PrivacyChoice.user_id == user_id)
    # Who has chosen nothing is not known here.
    nothing = PrivacyChoice.hidden_at.is_null() & PrivacyChoice.opted_out_at.is_null()
    await PrivacyChoice.delete().where(PrivacyChoice.user_id == user_id, nothing)
