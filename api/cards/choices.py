"""How cards look: by the guild's settings, and by what a member chose for their own."""

import msgspec

from api.audit.service import record
from api.auth.actors import Actor
from api.cards.dtos import MemberCardView
from api.errors import Conflict, NotFound, PreconditionFailed
from api.lib import etags
from api.lib.diff import Change
from api.lib.encoded import encode
from api.lib.etags import Preconditions
from api.members.visibility import refuse_hidden
from api.postgres.database import Database
from api.settings.builtin.cards import CARDS, CardSettings
from api.settings.service import SettingsService
from tables.members import Member


class _Values(msgspec.Struct, frozen=True):
    """Of the settings' answer what is read here."""

    values: CardSettings


_settings_of = msgspec.json.Decoder(_Values, strict=False).decode


class CardChoices:
    def __init__(self, database: Database, settings: SettingsService) -> None:
        self._database = database
        self._settings = settings

    async def settings_of(self, guild_id: int) -> CardSettings:
        """How the guild's pictures look. Raises `NotFound`."""
        return _settings_of((await self._settings.get(guild_id, CARDS.name)).body).values

    async def of_member(self, guild_id: int, user_id: int) -> CardSettings:
        """How this member's pictures look: with their own accent, where the guild lets them choose one."""
        settings = await self.settings_of(guild_id)
        if not settings.members_may_choose:
            return settings
        card = await Member.card_of(guild_id, user_id)
        accent = None if card is None else card["card_accent"]
        return settings if accent is None else msgspec.structs.replace(settings, accent=accent)

    async def get(self, actor: Actor, guild_id: int, user_id: int) -> MemberCardView:
        """The member's choice, also where the guild does not let members choose. Raises `NotFound`."""
        async with self._database.transaction() as connection:
            await refuse_hidden(connection, actor, guild_id, user_id)
            card = await Member.card_of(guild_id, user_id)
        if card is None:
            raise NotFound
        return MemberCardView(card["card_accent"])

    async def put(
        self, actor: Actor, guild_id: int, user_id: int, accent: str | None, preconditions: Preconditions | None
    ) -> MemberCardView:
        """Stores the choice; None takes it back, which is always possible. Sent twice, the second time changes nothing.
        Raises `NotFound`, `PreconditionFailed`, and `Conflict` where the guild does not let members choose."""
        accent = None if accent is None else accent.lower()
        if accent is not None and not (await self.settings_of(guild_id)).members_may_choose:
            raise Conflict("This guild does not let members choose: see `members_may_choose` of the module `cards`.")
        async with self._database.transaction() as connection:
            await refuse_hidden(connection, actor, guild_id, user_id)
            card = await Member.card_of(guild_id, user_id, lock=True)
            if card is None:
                raise NotFound
            before: str | None = card["card_accent"]
            if preconditions is not None and not preconditions.hold(etags.tag(encode(MemberCardView(before)))):
                raise PreconditionFailed
            if accent != before:
                await Member.choose_accent(guild_id, user_id, accent)
                await record(
                    connection,
                    actor,
                    "member.card_changed",
                    guild_ids=[guild_id],
                    target=str(user_id),
                    changes={"accent": Change(before, accent)},
                )
        return MemberCardView(accent)
