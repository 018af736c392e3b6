"""Public pages: what a guild shows of itself to people without credentials, if it wants to."""

import asyncio
from typing import NamedTuple

import msgspec

from api.achievements.awards import AwardService
from api.auth.actors import STRANGER
from api.auth.sessions import Sessions
from api.errors import NotFound, Unauthorized
from api.guilds.roles_and_channels import RolesAndChannels
from api.leaderboards.dtos import BoardEntry, LeaderboardQuery
from api.leaderboards.service import LeaderboardService
from api.lib import snowflakes
from api.members.dtos import MembersQuery, MemberView
from api.members.leveling_config_cache import LevelingConfigCache
from api.members.listing import MemberLists
from api.members.service import MemberService
from api.postgres.database import Database
from api.public import queries as sql
from api.public.dtos import (
    PublicAchievementView,
    PublicEntryView,
    PublicGuildView,
    PublicLeaderboardQuery,
    PublicLeaderboardView,
    PublicMemberView,
)
from api.settings.builtin.public import PUBLIC, PublicSettings, is_slug, public_settings
from tables.members import Member

FOUND = 20  # members that a search shows


class PublicGuild(NamedTuple):
    """A guild that shows its leaderboard to whoever asks."""

    id: int
    name: str
    icon: str | None
    locale: str
    settings: PublicSettings

    @property
    def is_for_everyone(self) -> bool:
        return self.settings.leaderboard == "everyone"

    @property
    def shows_xp(self) -> bool:
        return "xp" in self.settings.stats

    def published(self, stat: str | None) -> str:
        """The stat, or the first that the guild publishes. Raises `NotFound` for one that it does not publish."""
        found = self.settings.stats[0] if stat is None else stat
        if found not in self.settings.stats:
            raise NotFound
        return found

    def to_view(self) -> PublicGuildView:
        return PublicGuildView(str(self.id), self.name, self.icon, self.settings.slug, self.settings.stats)


class LevelReward(NamedTuple):
    """What members get at a level: the XP at which it begins, and the names of its roles."""

    level: int
    xp: int
    roles: list[str]


class PublicService:
    def __init__(
        self,
        database: Database,
        sessions: Sessions,
        leveling_configs: LevelingConfigCache,
        roles_and_channels: RolesAndChannels,
        leaderboards: LeaderboardService,
        members: MemberService,
        lists: MemberLists,
        awards: AwardService,
    ) -> None:
        self._database = database
        self._sessions = sessions
        self._leveling_configs = leveling_configs
        self._roles_and_channels = roles_and_channels
        self._leaderboards = leaderboards
        self._members = members
        self._lists = lists
        self._awards = awards

    async def find(self, place: str, cookie: str | None) -> PublicGuild:
        """The guild with this slug or id, if whoever has this `Cookie` header may see it. Raises `NotFound`."""
        id_ = snowflakes.parse(place)
        if id_ is None and not is_slug(place):
            raise NotFound  # PostgreSQL refuses to compare some texts, such as one with NUL
        async with self._database.connection() as connection:
            row = await connection.fetchrow(*((sql.BY_SLUG, place) if id_ is None else (sql.BY_ID, id_)))
        if row is None:
            raise NotFound
        overrides = msgspec.json.decode(row["overrides"])
        settings = public_settings(PUBLIC.effective(overrides))
        found = PublicGuild(row["id"], row["name"], row["icon"], row["locale"], settings)
        if found.settings.leaderboard == "off":
            raise NotFound
        if not found.is_for_everyone and not await self._is_member(found.id, cookie):
            raise NotFound
        return found

    async def _is_member(self, guild_id: int, cookie: str | None) -> bool:
        """Whether the cookie is of the session of one of the guild's members."""
        token = self._sessions.token_of(cookie)
        if token is None:
            return False
        try:
            session = await self._sessions.authenticate(token)
        except Unauthorized:
            return False
        theirs = (Member.guild_id == guild_id) & (Member.user_id == session.user_id)
        return await Member.exists().where(theirs, Member.left_at.is_null())

    async def leaderboard(self, guild: PublicGuild, query: PublicLeaderboardQuery) -> PublicLeaderboardView:
        """A page of the leaderboard. Raises `NotFound` for a stat that is not published, `Invalid`."""
        stat = guild.published(query.stat)
        asked = LeaderboardQuery(
            stat=stat, period=query.period, at=query.at, around=query.around, limit=query.limit, cursor=query.cursor
        )
        found = await self._leaderboards.read(STRANGER, guild.id, asked)
        return PublicLeaderboardView(
            guild=guild.to_view(),
            stat=found.stat,
            period=found.period,
            from_=found.from_,
            to=found.to,
            as_of=found.as_of,
            member_count=found.member_count,
            items=[_entry(each, shows_xp=guild.shows_xp) for each in found.items],
            next_cursor=found.next_cursor,
        )

    async def find_member(self, guild: PublicGuild, user_id: str) -> MemberView:
        """A member on the guild's leaderboards. Raises `NotFound`, also for hidden people, and for those who left a
        guild that hides them then: they have no rank."""
        id_ = snowflakes.parse(user_id)
        if id_ is None:
            raise NotFound
        member = await self._members.get(STRANGER, guild.id, id_)
        if member.rank is None:
            raise NotFound
        return member

    async def member(self, guild: PublicGuild, user_id: str) -> PublicMemberView:
        """A member with their achievements. Raises `NotFound`."""
        member = await self.find_member(guild, user_id)
        awards = await self._awards.list_of(STRANGER, guild.id, int(member.user_id))
        held = [
            PublicAchievementView(each.achievement, each.name, each.icon, each.description, each.awarded_at)
            for each in awards.items
            if each.awarded_at is not None
        ]
        return _member(guild, member, held)

    async def search(self, guild: PublicGuild, name: str) -> list[PublicMemberView]:
        """The first members whose display name or username begins with this, without their achievements."""
        found = await self._lists.read(STRANGER, guild.id, MembersQuery(search=name, limit=FOUND))
        members = await asyncio.gather(*(self._found(guild, each.user_id) for each in found.items))
        return [_member(guild, each, []) for each in members if each is not None]

    async def _found(self, guild: PublicGuild, user_id: str) -> MemberView | None:
        """A member whom a search has found; None if they are not shown, or gone meanwhile."""
        try:
            return await self.find_member(guild, user_id)
        except NotFound:
            return None

    async def level_rewards(self, guild: PublicGuild) -> list[LevelReward]:
        """What members get at which level, lowest first; nothing where XP is not published."""
        if not guild.shows_xp:
            return []
        config = await self._leveling_configs.get(guild.id)
        rewards, curve = config.settings.role_rewards, config.level_curve
        if not rewards:
            return []
        roles = await self._roles_and_channels.roles(guild.id)
        names = {role.id: role.name for role in roles.items}
        levels = sorted({each.level for each in rewards if each.level <= curve.top})
        return [
            LevelReward(
                level,
                curve.begins(level),
                [names[each.role_id] for each in rewards if each.level == level and each.role_id in names],
            )
            for level in levels
        ]


def _entry(entry: BoardEntry, *, shows_xp: bool) -> PublicEntryView:
    return PublicEntryView(
        rank=entry.rank,
        user_id=entry.user_id,
        username=entry.username,
        display_name=entry.display_name,
        avatar_url=entry.avatar_url,
        value=entry.value,
        xp=entry.xp if shows_xp else None,
        level=entry.level if shows_xp else None,
    )


def _member(guild: PublicGuild, member: MemberView, achievements: list[PublicAchievementView]) -> PublicMemberView:
    shows_xp = guild.shows_xp
    return PublicMemberView(
        guild=guild.to_view(),
        user_id=member.user_id,
        username=member.username,
        display_name=member.display_name,
        avatar_url=member.avatar_url,
        xp=member.xp if shows_xp else None,
        level=member.level if shows_xp else None,
        level_xp=member.level_xp if shows_xp else None,
        next_level_xp=member.next_level_xp if shows_xp else None,
        rank=member.rank if shows_xp else None,
        member_count=member.member_count,
        stats=_stats(member, guild.settings.stats),
        achievements=achievements,
    )


def _stats(member: MemberView, published: list[str]) -> dict[str, int]:
    known = msgspec.structs.asdict(member.stats) | member.custom_stats
    return {stat: known.get(stat, 0) for stat in published if stat != "xp"}
