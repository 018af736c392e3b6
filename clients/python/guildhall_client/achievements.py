"""Definitions of achievements, and members' awards."""

from datetime import datetime
from typing import Any
from urllib.parse import quote

import msgspec

from guildhall_client.models import Achieved, LevelUp, Page, Rewards
from guildhall_client.requests import Id, Json, Query, Requests


class Awarding(msgspec.Struct, frozen=True):
    """A backfill: its progress from 0 to 1, and how many members it has reached."""

    status: str
    progress: float
    awarded: int


class Achievement(msgspec.Struct, frozen=True):
    """A definition. `guild_id` is None if it belongs to the installation. After a change, `not_qualifying` counts the
    members who have it and would not get it now."""

    key: str
    guild_id: str | None
    name: str
    description: str | None
    icon: str | None
    hidden: bool
    prerequisites: list[str]
    retroactive: bool
    condition: dict[str, Any]  # Any: a tree
    rewards: Rewards
    revision: int
    awarded_count: int
    rarity: float
    awarding: Awarding | None
    deleted_at: datetime | None = None
    not_qualifying: int | None = None


class Leaf(msgspec.Struct, frozen=True):
    """A comparison: the present value, and the value to reach."""

    stat: str
    value: int
    gte: int
    within: str | None
    progress: float


class MemberAchievement(msgspec.Struct, frozen=True):
    """An achievement and a member's progress, from 0 to 1. `awarded_at` is None if they do not have it."""

    achievement: str
    name: str
    icon: str | None
    description: str | None
    scope: str
    awarded_at: datetime | None
    progress: float
    leaves: list[Leaf]


class Awarded(MemberAchievement, frozen=True):
    """An award by hand, and what its XP did."""

    rewards: Rewards
    level_up: LevelUp | None
    achievements_unlocked: list[Achieved]


class Simulation(msgspec.Struct, frozen=True):
    """How many members a draft concerns."""

    eligible: int
    would_unlock: int
    share: float


class Pack(msgspec.Struct, frozen=True):
    """Achievements to create, in their order."""

    name: str
    achievements: list[dict[str, Any]]  # Any: the arguments of `create`


# In the class, `list` is a method.
_Packs = list[Pack]
_MemberAchievements = list[MemberAchievement]


class Achievements:
    """A `guild_id` of None means the whole installation."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    async def packs(self) -> _Packs:
        """The packs that come with Guildhall."""
        return (await self._requests.request("GET", "/v1/achievement-packs", Page[Pack])).items

    async def list(self, guild_id: Id | None, **query: str | int) -> Page[Achievement]:
        """A page of definitions: `limit`, `cursor`, `deleted="true"`."""
        return await self._requests.request("GET", _place(guild_id), Page[Achievement], params=query)

    async def get(self, guild_id: Id | None, key: str) -> Achievement:
        """A definition."""
        return await self._requests.request("GET", _place(guild_id, key), Achievement)

    async def create(
        self, guild_id: Id | None, key: str, name: str, condition: Json, *, reason: str | None = None, **more: object
    ) -> Achievement:
        """Defines an achievement: `description`, `icon`, `hidden`, `prerequisites`, `retroactive`, `rewards`."""
        body = {"key": key, "name": name, "condition": condition, **more}
        return await self._requests.request("POST", _place(guild_id), Achievement, body=body, reason=reason)

    async def patch(
        self, guild_id: Id | None, key: str, *, reason: str | None = None, **changes: object
    ) -> Achievement:
        """Changes a definition: what is absent stays."""
        return await self._requests.request("PATCH", _place(guild_id, key), Achievement, body=changes, reason=reason)

    async def delete(self, guild_id: Id | None, key: str, reason: str | None = None) -> None:
        """Members keep what they have. `restore` undoes it."""
        await self._requests.request("DELETE", _place(guild_id, key), object, reason=reason)

    async def restore(self, guild_id: Id | None, key: str, reason: str | None = None) -> Achievement:
        """Brings a deleted definition back."""
        return await self._requests.request("POST", f"{_place(guild_id, key)}/restore", Achievement, reason=reason)

    async def simulate(self, guild_id: Id | None, condition: Json, **more: object) -> Simulation:
        """How many members would get a draft now. Stores nothing."""
        body = {"condition": condition, **more}
        path = f"{_place(guild_id)}/simulate"
        return await self._requests.request("POST", path, Simulation, body=body, key=False)

    async def of_member(self, guild_id: Id, user_id: Id) -> _MemberAchievements:
        """A member's achievements with their progress."""
        path = f"/v1/guilds/{guild_id}/members/{user_id}/achievements"
        return (await self._requests.request("GET", path, Page[MemberAchievement])).items

    async def award(self, guild_id: Id, user_id: Id, key: str, reason: str | None = None) -> Awarded:
        """By hand. A second time changes nothing."""
        return await self._requests.request("PUT", _award(guild_id, user_id, key), Awarded, reason=reason)

    async def revoke(
        self, guild_id: Id, user_id: Id, key: str, *, keep_rewards: bool = False, reason: str | None = None
    ) -> None:
        """By hand. Stays revoked until it is awarded by hand."""
        params: Query = {"keep_rewards": "true"} if keep_rewards else {}
        await self._requests.request("DELETE", _award(guild_id, user_id, key), object, params=params, reason=reason)


def _place(guild_id: Id | None, key: str | None = None) -> str:
    path = "/v1/achievements" if guild_id is None else f"/v1/guilds/{guild_id}/achievements"
    return path if key is None else f"{path}/{quote(key, safe='')}"


def _award(guild_id: Id, user_id: Id, key: str) -> str:
    return f"/v1/guilds/{guild_id}/members/{user_id}/achievements/{quote(key, safe='')}"
