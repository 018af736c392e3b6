"""A key made by a key: it ends with it, outlives it in no way, and spends of its budget."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from api.keys import service
from api.keys.rules import MOST_GENERATIONS
from api.postgres.engine import PlainConnection
from tests.support.clients import Clients
from tests.support.clock import CLOCK, MovableClock
from tests.support.people import HARBOUR

KEYS = "/v1/keys"
BODY = {"name": "x", "scopes": ["guilds:read", "keys:manage", "settings:read"]}
SETTINGS = f"/v1/guilds/{HARBOUR}/settings/leveling"

Key = dict[str, Any]
Ends = Callable[[Key], Awaitable[object]]


class Family:
    """Keys, each made by another."""

    def __init__(self, bot: httpx2.AsyncClient, clients: Clients) -> None:
        self.bot = bot
        self._clients = clients

    async def made(self, by: Key | None = None, **data: Any) -> Key:
        answer = await self.asked(by, "POST", KEYS, json=BODY | data)
        assert answer.status_code == 201, answer.text
        key: Key = answer.json()
        return key

    async def line(self, count: int, **data: Any) -> list[Key]:
        """A key, a key that it made, a key that that one made, …"""
        keys = [await self.made(**data)]
        for _ in range(count - 1):
            keys.append(await self.made(keys[-1]))
        return keys

    async def asked(self, by: Key | None, method: str, path: str, **more: Any) -> httpx2.Response:
        if by is None:
            return await self.bot.request(method, path, **more)
        async with self._clients.bearer(by["secret"]) as client:
            return await client.request(method, path, **more)

    async def rotated(self, key: Key, by: Key | None = None, grace: int = 3600) -> Key:
        answer = await self.asked(by, "POST", f"{KEYS}/{key['id']}/rotate", json={"grace_seconds": grace})
        assert answer.status_code == 201, answer.text
        new: Key = answer.json()
        return new

    async def statuses(self, *keys: Key) -> list[int]:
        return [(await self.asked(key, "GET", SETTINGS)).status_code for key in keys]


@pytest.fixture
def family(bot: httpx2.AsyncClient, clients: Clients) -> Family:
    return Family(bot, clients)


async def test_a_key_shows_who_made_it(family: Family) -> None:
    first, second, third = await family.line(3)
    assert [key["parent_id"] for key in (second, third)] == [first["id"], second["id"]]
    assert (await family.bot.get(f"{KEYS}/{third['id']}")).json()["parent_id"] == second["id"]
    other = await family.made(first)
    for query, ids in (
        (f"parent_id={first['id']}", [other["id"], second["id"]]),
        (f"parent_id={second['id']}", [third["id"]]),
        (f"parent_id={third['id']}", []),
        (f"parent_id={first['id']}&deleted=true", []),
    ):
        assert [key["id"] for key in (await family.bot.get(f"{KEYS}?{query}")).json()["items"]] == ids
    page = (await family.bot.get(f"{KEYS}?parent_id={first['id']}&limit=1")).json()
    onward = f"limit=1&cursor={page['next_cursor']}"
    assert [(await family.bot.get(f"{KEYS}?parent_id={parent}&{onward}")).status_code for parent in (
        first["id"], second["id"]
    )] == [200, 422]  # fmt: skip
    for bad in ("abc", "0", "007", ""):
        assert (await family.bot.get(f"{KEYS}?parent_id={bad}")).status_code == 422


async def test_nobody_made_what_the_command_line_made(clients: Clients) -> None:
    async with await clients.bot() as client:
        assert [key["parent_id"] for key in (await client.get(KEYS)).json()["items"]] == [None]


@pytest.mark.parametrize(
    ("own", "data", "status"),
    [
        (None, {}, 201),
        (None, {"expires_at": 5}, 201),
        (2, {}, 201),
        (2, {"expires_at": 1}, 201),
        (2, {"expires_at": 2}, 201),
        (2, {"expires_at": 3}, 403),
        (2, {"expires_at": None}, 403),
    ],
)
async def test_no_key_ends_later_than_its_maker(
    family: Family, own: int | None, data: dict[str, int | None], status: int
) -> None:
    def at(hours: int | None) -> str | None:
        return None if hours is None else f"2099-01-01T{hours:02}:00:00Z"

    maker = await family.made(expires_at=at(own))
    answer = await family.asked(maker, "POST", KEYS, json=BODY | {name: at(value) for name, value in data.items()})
    assert answer.status_code == status, answer.text
    if status == 201:
        assert answer.json()["expires_at"] == at(data.get("expires_at", own))
    else:
        assert answer.json()["type"] == "urn:guildhall:problem:forbidden"
        assert "2099-01-01T02:00:00Z" in answer.json()["detail"]


@pytest.mark.parametrize("how", ["revoked", "by hand", "rotated with no grace", "time"])
async def test_all_that_comes_of_a_key_ends_with_it(
    family: Family, clock: MovableClock, owner: PlainConnection, how: str
) -> None:
    first, second, third = await family.line(3, expires_at=(CLOCK.now() + timedelta(hours=1)).isoformat())
    other = await family.made()
    old = await family.made(first)  # one that was replaced is the maker's still
    replaced = await family.rotated(old)
    all_of_them = [first, second, third, old, replaced]
    assert await family.statuses(*all_of_them, other) == [200] * 6
    if how == "revoked":
        assert (await family.bot.delete(f"{KEYS}/{first['id']}")).status_code == 204
    elif how == "by hand":
        await owner.execute("UPDATE api_keys SET revoked_at = now() WHERE id = $1", int(first["id"]))
        async with asyncio.timeout(5):  # as another process finds it
            while 200 in await family.statuses(*all_of_them):  # noqa: ASYNC110 - nothing signals it
                await asyncio.sleep(0.05)
    elif how == "time":
        clock.move(hours=1.1)
    else:
        new = await family.rotated(first, grace=0)
        # What it made goes on with the new one, and ends with that.
        assert await family.statuses(*all_of_them, new) == [401, 200, 200, 200, 200, 200]
        assert (await family.bot.get(f"{KEYS}/{second['id']}")).json()["parent_id"] == new["id"]
        assert (await family.bot.delete(f"{KEYS}/{new['id']}")).status_code == 204
        all_of_them.append(new)
    assert await family.statuses(*all_of_them) == [401] * len(all_of_them)
    assert await family.statuses(other) == [200]
    if how == "revoked":
        gone = {key["id"] for key in (await family.bot.get(f"{KEYS}?deleted=true")).json()["items"]}
        assert gone == {key["id"] for key in all_of_them}
        entries = await owner.fetch("SELECT target FROM audit_log WHERE action = 'key.revoked' ORDER BY target::bigint")
        assert [row["target"] for row in entries] == sorted(gone, key=int)


async def test_what_is_made_in_the_grace_ends_with_it(family: Family, clock: MovableClock) -> None:
    old = await family.made()
    new = await family.rotated(old, grace=3600)
    late = await family.made(old)
    assert (late["parent_id"], new["parent_id"]) == (old["id"], old["parent_id"])
    assert late["expires_at"] == (await family.bot.get(f"{KEYS}/{old['id']}")).json()["expires_at"]
    clock.move(hours=1.1)
    assert await family.statuses(old, late, new) == [401, 401, 200]


@pytest.mark.parametrize(
    ("who", "rotates", "revokes"),
    [("itself", 201, 204), ("its maker", 201, 204), ("that one's maker", 201, 204), ("its sibling", 403, 204),
     ("what it made", 403, 403), ("a stranger", 403, 204), ("what it replaced", 403, 204)],
)  # fmt: skip
async def test_who_may_rotate_and_revoke(family: Family, who: str, rotates: int, revokes: int) -> None:
    """Whoever rotates a key knows it: it must end with them. And nobody ends what they come of."""
    first, second, third = await family.line(3)
    replaced = await family.made(first)
    callers = {"itself": second, "its maker": first, "that one's maker": None, "what it made": third,
               "its sibling": await family.made(first), "a stranger": await family.made()}  # fmt: skip
    target = second
    if who == "what it replaced":
        target, callers[who] = await family.rotated(replaced), replaced
    path = f"{KEYS}/{target['id']}"
    rotated = await family.asked(callers[who], "POST", f"{path}/rotate")
    assert rotated.status_code == rotates, rotated.text
    if rotates == 201:
        assert rotated.json()["parent_id"] == target["parent_id"]
    assert (await family.asked(callers[who], "DELETE", path)).status_code == revokes


async def test_generations_and_families_are_bounded(family: Family, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = await family.line(MOST_GENERATIONS - 1)  # the bot's key is the first
    answer = await family.asked(keys[-1], "POST", KEYS, json=BODY)
    assert (answer.status_code, answer.json()["type"]) == (403, "urn:guildhall:problem:forbidden")
    monkeypatch.setattr(service, "MOST_KEYS", MOST_GENERATIONS + 1)
    last = await family.made()
    for path in (KEYS, f"{KEYS}/{last['id']}/rotate"):
        answer = await family.asked(None, "POST", path, json=BODY if path == KEYS else {})
        assert (answer.status_code, answer.json()["type"]) == (409, "urn:guildhall:problem:conflict")
    assert (await family.bot.delete(f"{KEYS}/{last['id']}")).status_code == 204
    await family.made()


async def test_a_key_that_is_just_being_made_ends_too(family: Family, owner: PlainConnection) -> None:
    first, second = await family.line(2)
    drafts = [family.asked(second, "POST", KEYS, json=BODY) for _ in range(8)]
    rotations = [family.asked(second, "POST", f"{KEYS}/{second['id']}/rotate") for _ in range(4)]
    revoked, *answers = await asyncio.gather(family.bot.delete(f"{KEYS}/{first['id']}"), *drafts, *rotations)
    assert revoked.status_code == 204
    assert {answer.status_code for answer in answers} <= {201, 401, 404}
    alive = "SELECT count(*) FROM api_keys WHERE parent_id IS NOT NULL AND parent_id <> $1 AND revoked_at IS NULL"
    assert await owner.fetchval(alive, int(first["parent_id"])) == 0
