"""Access: what a person may do in each guild, by Discord's answer and by the roles that the guild lets in."""

import asyncio
from collections.abc import Mapping

import msgspec

from api.accounts.discord import Discord, NotAMember, PartialGuild
from api.accounts.discord_cache import DiscordCache
from api.accounts.grants import Grants
from api.accounts.guild_roles import GuildRoles
from api.accounts.rules import OWN, PEOPLES, SCOPES, Level, level_by_roles, manages
from api.auth.actors import Credential
from api.auth.scopes import Scope
from api.auth.sessions import Session
from api.errors import DiscordAway, Forbidden, NotFound
from api.lib import snowflakes
from api.lib.clock import Clock
from api.settings.builtin.privacy import PRIVACY

RATE_LIMIT = 600  # requests a minute

MOST_PEOPLE = 2000
MOST_MEMBERSHIPS = 10_000


class ManagedGuild(msgspec.Struct, frozen=True):
    """A guild that the person manages, as Discord describes it."""

    id: int
    name: str
    icon: str | None
    is_owner: bool
    permissions: int


class Guilds(msgspec.Struct, frozen=True):
    """All guilds of a person: those that they manage, and the ids of the others."""

    managed: dict[int, ManagedGuild]
    managed_ids: frozenset[int]
    others: frozenset[int]


class Access:
    def __init__(self, clock: Clock, discord: Discord, grants: Grants, guild_roles: GuildRoles) -> None:
        self._discord = discord
        self._grants = grants
        self._guild_roles = guild_roles
        self._guilds: DiscordCache[int, Guilds] = DiscordCache(clock, MOST_PEOPLE)
        self._roles: DiscordCache[tuple[int, int], frozenset[int]] = DiscordCache(clock, MOST_MEMBERSHIPS)

    @staticmethod
    def anywhere(session: Session) -> Credential:
        """The person with all scopes that people can have, in no guild yet: Discord was not asked."""
        return _credential(session, PEOPLES, frozenset())

    async def narrowed(self, session: Session, path: dict[str, str], *, write: bool) -> Credential:
        """The person's credential for a path. Raises `NotFound` if they may see nothing there, `Forbidden` if they may
        see it but not do this, `DiscordAway`."""
        if (guild := path.get("guild_id")) is not None:
            guild_id = int(guild)
            level = await self.level(session, guild_id, write=write)
            if level is Level.NONE:
                raise NotFound
            if write and path.get("module") == PRIVACY.name and level is not Level.MANAGER:
                raise Forbidden("Only people who manage the guild can change the roles that may use the dashboard.")
            return _credential(session, SCOPES[level], frozenset((guild_id,)))
        if (user := path.get("user_id")) is not None:
            if int(user) != session.user_id:
                raise NotFound
            return _credential(session, OWN, None)
        levels = await self.levels(session, write=write)
        scopes_in = {guild_id: SCOPES[level] for guild_id, level in levels.items()}
        return _credential(session, PEOPLES, frozenset(levels), scopes_in)

    async def level(self, session: Session, guild_id: int, *, write: bool) -> Level:
        """The person's level in a guild. `write`: for a change, which needs a newer answer of Discord."""
        guilds = await self.guilds(session, write=write)
        if guild_id in guilds.managed:
            return Level.MANAGER
        if guild_id not in guilds.others:
            return Level.NONE
        admitted = await self._guild_roles.get(guild_id)
        if not admitted.readers and not admitted.writers:
            return Level.NONE
        roles = await self._roles.get(
            (session.user_id, guild_id), lambda: self._fetch_roles(session, guild_id), write=write
        )
        return level_by_roles(roles, admitted.readers, admitted.writers)

    async def levels(self, session: Session, *, write: bool) -> dict[int, Level]:
        """The person's level in each guild of which they may see something, also in guilds that Guildhall does not
        have."""
        guilds = await self.guilds(session, write=write)
        managed = dict.fromkeys(guilds.managed_ids, Level.MANAGER)
        possible = await self._guild_roles.guilds_with_roles(guilds.others)
        if not possible:
            return managed
        levels = await asyncio.gather(*(self._level_or_none(session, guild_id, write=write) for guild_id in possible))
        return managed | {id_: level for id_, level in zip(possible, levels, strict=True) if level}

    async def guilds(self, session: Session, *, write: bool) -> Guilds:
        """The person's guilds, as Discord says. Raises `DiscordAway`, `Unauthorized`."""
        return await self._guilds.get(session.user_id, lambda: self._fetch_guilds(session), write=write)

    def invalidate(self, user_id: int) -> None:
        """Invalidates the person's guilds: after a log-in they see the present ones."""
        self._guilds.invalidate(user_id)

    async def _level_or_none(self, session: Session, guild_id: int, *, write: bool) -> Level:
        try:
            return await self.level(session, guild_id, write=write)
        except DiscordAway:
            return Level.NONE  # one guild that cannot be asked about does not hide the others

    async def _fetch_guilds(self, session: Session) -> Guilds:
        return _sorted(await self._grants.using(session.id, lambda token: self._discord.guilds(token, session.user_id)))

    async def _fetch_roles(self, session: Session, guild_id: int) -> frozenset[int]:
        try:
            return await self._grants.using(
                session.id, lambda token: self._discord.role_ids(token, session.user_id, guild_id)
            )
        except NotAMember:
            return frozenset()


def _credential(
    session: Session,
    scopes: frozenset[Scope],
    guild_ids: frozenset[int] | None,
    scopes_in: Mapping[int, frozenset[Scope]] | None = None,
) -> Credential:
    return Credential(
        id=-session.id,
        scopes=scopes,
        guild_ids=guild_ids,
        rate_limit=RATE_LIMIT,
        expires_at=session.expires_at,
        user_id=session.user_id,
        scopes_in=scopes_in,
        budgets=((f"session:{session.id}", RATE_LIMIT),),
    )


def _sorted(partial_guilds: list[PartialGuild]) -> Guilds:
    managed, others = {}, set()
    for guild in partial_guilds:
        guild_id = snowflakes.parse(guild.id)
        if guild_id is None or not guild.permissions.isdecimal() or len(guild.permissions) > 40:
            raise DiscordAway  # that is not Discord's answer
        permissions = int(guild.permissions)
        if manages(is_owner=guild.owner, permissions=permissions):
            managed[guild_id] = ManagedGuild(guild_id, guild.name[:100], guild.icon, guild.owner, permissions)
        else:
            others.add(guild_id)
    return Guilds(managed, frozenset(managed), frozenset(others))
