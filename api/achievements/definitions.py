"""Definitions of achievements: from request data to columns, and from rows to views. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from msgspec import UNSET

from api.achievements.dtos import (
    AchievementView,
    AwardingView,
    ChangedAchievementView,
    Condition,
    CreateAchievement,
    PatchAchievement,
    PatchRewards,
    Rewards,
)
from api.lib import etags
from api.lib.diff import Change
from api.lib.encoded import Encoded, encode
from api.lib.etags import Preconditions
from api.lib.snowflakes import Snowflake
from api.lib.text import nfc
from api.members.dtos import UnlockRewards
from tables.sql import Row

_condition = msgspec.json.Decoder(Condition).decode
_keys = msgspec.json.Decoder(list[str]).decode

AUDITED = (
    "name", "description", "icon", "hidden", "prerequisites", "retroactive", "condition", "reward_xp", "reward_role_id",
)  # fmt: skip


def data_of(row: Row) -> CreateAchievement:
    """The row as the data of a request that would create it."""
    role_id = row["reward_role_id"]
    return CreateAchievement(
        key=row["key"],
        name=row["name"],
        condition=_condition(row["condition"]),
        description=row["description"],
        icon=row["icon"],
        hidden=row["hidden"],
        prerequisites=_keys(row["prerequisites"]),
        retroactive=row["retroactive"],
        rewards=Rewards(row["reward_xp"], None if role_id is None else Snowflake(role_id)),
    )


_FIRST_VALUES: Mapping[str, object] = {
    "description": None, "icon": None, "hidden": False, "prerequisites": [], "retroactive": False,
}  # fmt: skip


def patched(data: CreateAchievement, patch: PatchAchievement) -> CreateAchievement:
    """The data with the patch merged into it."""
    changes: dict[str, Any] = {}  # Any: members of any type
    for name in PatchAchievement.__struct_fields__:
        value = getattr(patch, name)
        if value is UNSET:
            continue
        if name == "rewards":
            value = _patched_rewards(data.rewards, value)
        elif value is None:
            value = _FIRST_VALUES[name]
        changes[name] = value
    return msgspec.structs.replace(data, **changes)


def _patched_rewards(rewards: Rewards, patch: PatchRewards | None) -> Rewards:
    if patch is None:
        return Rewards()
    xp = rewards.xp if patch.xp is UNSET else patch.xp or 0
    return Rewards(xp, rewards.role_id if patch.role_id is UNSET else patch.role_id)


def stored(data: CreateAchievement) -> dict[str, Any]:  # Any: a column's value
    """The data as column values."""
    return {
        "name": nfc(data.name),
        "description": None if data.description is None else nfc(data.description),
        "icon": None if data.icon is None else nfc(data.icon),
        "hidden": data.hidden,
        "prerequisites": encode(data.prerequisites).decode(),
        "retroactive": data.retroactive,
        "condition": encode(data.condition).decode(),
        "reward_xp": data.rewards.xp,
        "reward_role_id": data.rewards.role_id,
    }


def changes(before: Row | None, after: Row) -> dict[str, Change]:
    """The changed members, for the audit log."""

    def shown(row: Row | None, name: str) -> Any:  # Any: a column's value
        value = None if row is None else row[name]
        if name in ("condition", "prerequisites") and value is not None:
            return msgspec.json.decode(value)
        return str(value) if name == "reward_role_id" and value is not None else value

    names = (*AUDITED, "deleted_at")
    found = {name: Change(shown(before, name), shown(after, name)) for name in names}
    return {name: change for name, change in found.items() if change.before != change.after}


def steps(before: Row | None, after: Row) -> Iterator[tuple[str, Row | None, Row]]:
    """The actions of the audit log that lead from one row to the other: restore it, create or change it, delete it."""
    made = {**after, "deleted_at": None}
    if before is None:
        yield "achievement.created", None, made
    else:
        there = {**before, "deleted_at": None}
        if before["deleted_at"] is not None and after["deleted_at"] is None:
            yield "achievement.restored", before, there
        if changes(there, made):
            yield "achievement.updated", there, made
    if after["deleted_at"] is not None and (before is None or before["deleted_at"] is None):
        yield "achievement.deleted", made, after


def to_view(row: Row) -> AchievementView:
    """The view of a row of `queries.READ`."""
    members, role_id = row["member_count"], row["reward_role_id"]
    return AchievementView(
        key=row["key"],
        guild_id=None if row["guild_id"] is None else str(row["guild_id"]),
        name=row["name"],
        description=row["description"],
        icon=row["icon"],
        hidden=row["hidden"],
        prerequisites=_keys(row["prerequisites"]),
        retroactive=row["retroactive"],
        condition=_condition(row["condition"]),
        rewards=UnlockRewards(row["reward_xp"], None if role_id is None else str(role_id)),
        revision=row["revision"],
        awarded_count=row["awarded_count"],
        rarity=row["awarded_count"] / members if members else 0.0,
        awarding=_backfill_view(row),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        deleted_at=row["deleted_at"],
    )


def _backfill_view(row: Row) -> AwardingView | None:
    if row["status"] is None:
        return None
    share = row["evaluated"] / row["members"] if row["members"] else 0.0
    return AwardingView(row["status"], 1.0 if row["status"] == "finished" else min(share, 1.0), row["awarded"])


def answer(row: Row) -> Encoded[AchievementView]:
    """The encoded view, with its entity tag."""
    view = to_view(row)
    return Encoded(encode(view), _tag(row, view))


def changed_answer(row: Row, not_qualifying: int | None) -> Encoded[ChangedAchievementView]:
    """The encoded view after a change, with its entity tag."""
    view = to_view(row)
    body = encode(ChangedAchievementView(**msgspec.structs.asdict(view), not_qualifying=not_qualifying))
    return Encoded(body, _tag(row, view))


def _core(row: Row) -> str:
    """The part of the tag that awards do not change."""
    return etags.tag(f"{row['guild_id']}/{row['key']}/{row['revision']}/{row['created_at']}".encode())[:12]


def _tag(row: Row, view: AchievementView) -> str:
    """The entity tag: the revision, and a hash of the whole view. Awards change the hash; `matches` compares only the
    revision."""
    return f"{_core(row)}.{etags.tag(encode(view))[:12]}"


def matches(row: Row, preconditions: Preconditions | None) -> bool:
    """Whether the client's tag has the present revision."""
    return preconditions is None or preconditions.hold(_core(row), lambda tag: tag.partition(".")[0])
