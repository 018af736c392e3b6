"""The pictures that guilds upload to lie behind their cards. The process that draws encodes them anew, so only files
that we wrote are stored and shown."""

from collections import OrderedDict
from hashlib import blake2b
from typing import TYPE_CHECKING

from api.audit.service import record
from api.auth.actors import Actor
from api.cards import frames
from api.cards.data import Look
from api.cards.dtos import CardBackgroundView
from api.cards.renderer import Renderer
from api.errors import Invalid, NotFound, PicturesBusy, PreconditionFailed
from api.lib.clock import Clock
from api.lib.diff import Change
from api.lib.encoded import Encoded, encode
from api.lib.etags import Preconditions
from api.lib.faults import Fault
from api.postgres.database import Connection, Database
from api.settings.builtin.cards import CardSettings
from tables.cards import CardBackground
from tables.guilds import Guild

if TYPE_CHECKING:
    from tables.sql import Row

LARGEST_UPLOAD = 4 * 1024 * 1024
MOST_PIXELS = 4096  # of a side
LARGEST_KEPT = 512 * 1024
MOST_KNOWN = 128

_SHOWN = (CardBackground.digest, CardBackground.width, CardBackground.height, CardBackground.uploaded_at)


class Backgrounds:
    def __init__(self, database: Database, clock: Clock, renderer: Renderer) -> None:
        self._database = database
        self._clock = clock
        self._renderer = renderer
        self._known: OrderedDict[str, None] = OrderedDict()
        renderer.on_start(self.clear)

    def clear(self) -> None:
        """Call it when the process that draws began anew: it has no pictures then."""
        self._known.clear()

    async def put(
        self, actor: Actor, guild_id: int, body: bytes, preconditions: Preconditions | None
    ) -> tuple[Encoded[CardBackgroundView], bool]:
        """Stores the picture; true: the guild had none. Sent twice, the second time changes nothing. Raises `Invalid`,
        `PreconditionFailed`, `PicturesNotInstalled`, `PicturesBusy`."""
        found = await self._renderer.ask(frames.EncodeBackground(body, MOST_PIXELS, LARGEST_KEPT))
        if not isinstance(found, frames.Encoded):
            raise PicturesBusy
        if found.fault is not None:
            raise Invalid(errors=[Fault("", found.fault)])
        digest = blake2b(found.body, digest_size=12).hexdigest()
        async with self._database.transaction() as connection:
            if not await Guild.lock(guild_id):
                raise NotFound
            before = await _row(guild_id)
            _check(before, preconditions)
            if before is not None and before["digest"] == digest:
                return _encoded(before), False
            await CardBackground.delete().where(CardBackground.guild_id == guild_id)
            new = CardBackground(
                guild_id=guild_id,
                picture=found.body,
                digest=digest,
                width=found.width,
                height=found.height,
                uploaded_at=self._clock.now(),
            )
            await CardBackground.insert(new)
            change = Change(None if before is None else before["digest"], digest)
            await _record(connection, actor, guild_id, "card_background.replaced", change)
            after = await _row(guild_id)
            assert after is not None  # it was just written
        return _encoded(after), before is None

    async def get(self, guild_id: int) -> tuple[bytes, str]:
        """The picture, a JPEG, and its entity tag. Raises `NotFound`."""
        query = CardBackground.select(CardBackground.picture, CardBackground.digest)
        row = await query.where(CardBackground.guild_id == guild_id).first()
        if row is None:
            raise NotFound
        return row["picture"], row["digest"]

    async def delete(self, actor: Actor, guild_id: int, preconditions: Preconditions | None) -> None:
        """Deletes the picture. Raises `NotFound`, also the second time, and `PreconditionFailed`."""
        async with self._database.transaction() as connection:
            if not await Guild.lock(guild_id):
                raise NotFound
            before = await _row(guild_id)
            if before is None:
                raise NotFound
            _check(before, preconditions)
            await CardBackground.delete().where(CardBackground.guild_id == guild_id)
            await _record(connection, actor, guild_id, "card_background.deleted", Change(before["digest"], None))

    async def name(self, guild_id: int, settings: CardSettings) -> str | None:
        """What the picture is called by the process that draws; None if the guild shows none."""
        if settings.background != "picture":
            return None
        row = await _row(guild_id)
        return None if row is None else f"background/{row['digest']}/{settings.layout}"

    async def ready(self, guild_id: int, look: Look) -> None:
        """Sends the picture to the process that draws, unless it has it. A card that is drawn while the picture is
        replaced may show the new one."""
        name = look.picture
        if name is None or name in self._known:
            return
        body, _ = await self.get(guild_id)
        await self._renderer.ask(frames.StoreImage(name, body, *look.size))
        self._known[name] = None
        if len(self._known) > MOST_KNOWN:
            self._known.popitem(last=False)


async def _row(guild_id: int) -> "Row | None":
    return await CardBackground.select(*_SHOWN).where(CardBackground.guild_id == guild_id).first()


async def _record(connection: Connection, actor: Actor, guild_id: int, action: str, digest: Change) -> None:
    await record(connection, actor, action, guild_ids=[guild_id], target=str(guild_id), changes={"digest": digest})


def _check(row: "Row | None", preconditions: Preconditions | None) -> None:
    """Raises `PreconditionFailed`."""
    if preconditions is None:
        return
    holds = not preconditions.need_it if row is None else preconditions.hold(row["digest"])
    if not holds:
        raise PreconditionFailed


def _encoded(row: "Row") -> Encoded[CardBackgroundView]:
    """The view, with the picture's tag."""
    view = CardBackgroundView("image/jpeg", row["width"], row["height"], row["uploaded_at"])
    return Encoded(encode(view), row["digest"])
