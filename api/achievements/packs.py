"""Packs of achievements: data files that a command installs."""

from pathlib import Path

import msgspec

from api.achievements.dtos import Condition, CreateAchievement
from api.achievements.service import AchievementService
from api.auth.actors import Actor
from api.errors import Conflict
from api.lib import snowflakes
from api.members.dtos import UnlockRewards

STARTER = "starter"

_FOLDER = Path(__file__).with_name("data")

_decode = msgspec.json.Decoder(list[CreateAchievement], dec_hook=snowflakes.decode).decode


class PackedAchievement(msgspec.Struct, frozen=True):
    """An achievement of a pack, as the body of a request that creates it."""

    key: str
    name: str
    condition: Condition
    description: str | None
    icon: str | None
    hidden: bool
    prerequisites: list[str]
    retroactive: bool
    rewards: UnlockRewards


class PackView(msgspec.Struct, frozen=True):
    """A pack of achievements, prerequisites first."""

    name: str
    achievements: list[PackedAchievement]


class PacksView(msgspec.Struct, frozen=True):
    """All packs."""

    items: list[PackView]


def read(name: str) -> list[CreateAchievement]:
    """The achievements of a pack, prerequisites first."""
    return _decode(_FOLDER.joinpath(f"{name}.json").read_bytes())


def all_packs() -> PacksView:
    """Every pack there is."""
    return PacksView([PackView(STARTER, [_packed(each) for each in read(STARTER)])])


def _packed(each: CreateAchievement) -> PackedAchievement:
    role = each.rewards.role_id
    return PackedAchievement(
        key=each.key,
        name=each.name,
        condition=each.condition,
        description=each.description,
        icon=each.icon,
        hidden=each.hidden,
        prerequisites=each.prerequisites,
        retroactive=each.retroactive,
        rewards=UnlockRewards(xp=each.rewards.xp, role_id=None if role is None else str(role)),
    )


async def install(service: AchievementService, actor: Actor, guild_id: int, name: str) -> list[str]:
    """Creates the missing achievements of a pack, in a guild or in the whole installation. Returns their keys. Existing
    and deleted ones do not change."""
    made = []
    for data in read(name):
        try:
            await service.create(actor, guild_id, data)
        except Conflict:
            continue
        made.append(data.key)
    return made
