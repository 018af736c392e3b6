"""What a webhook tells: no more than who made it may read, and nothing once that one has ended."""

from datetime import timedelta
from typing import Any

import httpx2
import pytest
from litestar import Litestar

from api.auth.scopes import ALL, Scope
from api.events.types import TYPES
from api.postgres.engine import PlainConnection
from tests.events.test_rights import ENVELOPE, NEEDS, OF_PEOPLE, everything
from tests.members.people import give
from tests.support.browsers import Browsers
from tests.support.clients import Clients
from tests.support.clock import MovableClock
from tests.support.people import ADA, BO, HARBOUR, QUARRY
from tests.webhooks.conftest import Deliver
from tests.webhooks.receiver import Receiver
from tests.webhooks.test_delivering import FAILS, GUILD, PATH, WORKS, change, deliveries, hook

Json = dict[str, Any]  # Any: JSON
WRITE = Scope.WEBHOOKS_WRITE
SETS = [ALL, *(ALL - {scope} for scope in (Scope.GUILDS_READ, Scope.MEMBERS_READ, Scope.SETTINGS_READ))]
SETS += [
    frozenset({WRITE, *more}) for more in ((), (Scope.GUILDS_READ,), (Scope.MEMBERS_READ,), (Scope.SETTINGS_READ,))
]

pytestmark = pytest.mark.usefixtures("private")


def got(receiver: Receiver, name: str) -> dict[str, Json]:
    """What came to one of them, by the event's id."""
    return {each.data["id"]: each.data for each in receiver.got if each.path.endswith(f"&{name}")}


async def test_each_type_with_each_scope(
    bot: httpx2.AsyncClient, clients: Clients, receiver: Receiver, deliver: Deliver, litestar_app: Litestar
) -> None:
    for n, scopes in enumerate(SETS):
        async with await clients.bot(scopes=scopes) as client:
            await hook(client, f"{receiver.url}&{n}")
    await everything(bot, litestar_app)
    await deliver()
    whole = got(receiver, "0")
    assert {each["event"] for each in whole.values()} == set(TYPES)
    for n, scopes in enumerate(SETS):
        summary = got(receiver, str(n))
        assert summary.keys() == whole.keys()
        for id_, each in summary.items():
            needs = {**ENVELOPE, **NEEDS[each["event"]]}
            expected = {name: value for name, value in whole[id_]["data"].items() if needs[name] in {None, *scopes}}
            assert each["data"] == expected, (each["event"], sorted(scopes))


async def test_what_is_of_somebody_hidden(
    bot: httpx2.AsyncClient,
    clients: Clients,
    browsers: Browsers,
    receiver: Receiver,
    deliver: Deliver,
    litestar_app: Litestar,
    clock: MovableClock,
) -> None:
    """Also where they hid after it happened, and before it was sent again."""
    manager = await browsers.log_in(ADA)
    key = await clients.bot(scopes=ALL - {Scope.MEMBERS_WRITE})
    makers = {"bot": bot, "key": key, "manager": manager}
    hooks = {name: await hook(client, f"{receiver.url}&{name}") for name, client in makers.items()}
    await bot.put(f"/v1/users/{BO}/privacy", json={"visibility": "hidden"})
    await everything(bot, litestar_app)
    await deliver()

    def of_people() -> dict[str, set[str]]:
        return {
            name: {each["event"] for each in got(receiver, name).values() if each["event"] in OF_PEOPLE}
            for name in makers
        }

    assert of_people() == {"bot": OF_PEOPLE, "key": set(), "manager": set()}
    for name, client in makers.items():
        listed = {item[0] for item in await deliveries(client, hooks["bot"])}
        assert listed & OF_PEOPLE == (OF_PEOPLE if name == "bot" else set())
        assert listed >= set(TYPES) - OF_PEOPLE
    await bot.put(f"/v1/users/{BO}/privacy", json={"visibility": "public"})
    receiver.got.clear()
    receiver.answers = [FAILS, FAILS, FAILS, WORKS]
    await give(bot, BO, 900)
    await deliver()
    assert [each.data["event"] for each in receiver.got] == ["member.level_up"] * 3
    await bot.put(f"/v1/users/{BO}/privacy", json={"visibility": "hidden"})
    receiver.got.clear()
    clock.move(seconds=30)
    await deliver()
    assert [each.path.rpartition("&")[2] for each in receiver.got] == ["bot"]
    [of_bo] = got(receiver, "bot")
    for name, client in makers.items():
        again = await client.post(f"{PATH}/{hooks['bot']['id']}/deliveries/{of_bo}/resend")
        assert again.status_code == (200 if name == "bot" else 404)
    await key.aclose()
    await manager.aclose()


async def _made_key(bot: httpx2.AsyncClient, **more: object) -> Json:
    made = await bot.post("/v1/keys", json={"name": "brief", "scopes": ["webhooks:write", "settings:read"], **more})
    view: Json = made.json()
    return view


async def test_it_ends_with_the_key_that_made_it(
    bot: httpx2.AsyncClient, clients: Clients, receiver: Receiver, deliver: Deliver, clock: MovableClock
) -> None:
    """Revoked, or expired. Who enables it again is its maker then."""
    revoked = await _made_key(bot)
    expires_at = (clock.now() + timedelta(hours=1)).isoformat()
    expiring = await _made_key(bot, expires_at=expires_at)
    hooks = []
    for key in (revoked, expiring):
        async with clients.bearer(key["secret"]) as client:
            hooks.append(await hook(client, receiver.url, "settings.updated"))
    await change(bot, 1)
    await deliver()
    assert len(receiver.got) == 2
    await bot.delete(f"/v1/keys/{revoked['id']}")
    await change(bot, 2)
    await deliver()
    assert len(receiver.got) == 3
    clock.move(hours=2)
    await change(bot, 3)
    await deliver()
    assert len(receiver.got) == 3
    for each in hooks:
        assert (await bot.get(f"{PATH}/{each['id']}")).json()["enabled"] is False
    log = (await bot.get(f"{GUILD}/audit-log?action=webhook.disabled")).json()["items"]
    assert [entry["reason"] for entry in log] == ["the key that made it has ended"] * 2
    await bot.patch(f"{PATH}/{hooks[0]['id']}", json={"enabled": True})
    await change(bot, 4)
    await deliver()
    assert receiver.got[-1].data["data"]["values"]["cooldown_seconds"] == 4


async def test_a_key_that_is_rotated_takes_it_along(
    bot: httpx2.AsyncClient, clients: Clients, receiver: Receiver, deliver: Deliver, clock: MovableClock
) -> None:
    key = await _made_key(bot)
    async with clients.bearer(key["secret"]) as client:
        await hook(client, receiver.url, "settings.updated")
    for n in range(2):
        made = await bot.post(f"/v1/keys/{key['id']}/rotate", json={"grace_seconds": 60})
        assert made.status_code == 201, made.text
        key = made.json()
        clock.move(minutes=2)
        await change(bot, n + 1)
        await deliver()
        assert len(receiver.got) == n + 1
    await bot.delete(f"/v1/keys/{key['id']}")
    await change(bot, 9)
    await deliver()
    assert len(receiver.got) == 2


async def test_who_changes_it_is_its_maker(
    bot: httpx2.AsyncClient, clients: Clients, receiver: Receiver, deliver: Deliver
) -> None:
    """Else who may read little would have it lead to themselves, and read what its maker may."""
    webhook = await hook(bot, receiver.url, "settings.updated")
    async with await clients.bot(scopes=[WRITE]) as client:
        await client.patch(f"{PATH}/{webhook['id']}", json={"url": f"{receiver.url}&mine"})
    await change(bot, 1)
    await deliver()
    assert receiver.got[0].data["data"].keys() & NEEDS["settings.updated"].keys() == {"module", "revision"}


async def test_what_is_owed_is_written_in_batches_and_once(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    """An event of every guild between two of one; numbering, which every stream waits for, writes none of it."""
    where = {HARBOUR: 2, QUARRY: 3}
    for guild_id, count in where.items():
        for _ in range(count):
            await hook(bot, "https://93.184.215.14/", guild=guild_id)
    # Nobody sends, and so nobody owes, while this holds the place.
    async with owner.transaction():
        await owner.execute("SELECT pg_advisory_xact_lock(x'6f776564'::int, 0)")
        for n in (1, 2):
            await change(bot, n)
            await bot.put(f"/v1/modules/welcome{n}", json={"schema": {"type": "object", "properties": {}}})
        await owner.fetchval("SELECT guildhall_number_events(1000)")
        assert await owner.fetchval("SELECT count(*) FROM webhook_deliveries") == 0
        calls = 1
        while await owner.fetchval("SELECT guildhall_create_deliveries(2)"):
            calls += 1
        assert calls > 6
    owed = await owner.fetch("""
        SELECT w.guild_id, d.webhook_id, array_agg(d.type ORDER BY d.id) AS types
        FROM webhook_deliveries d JOIN webhooks w ON w.id = d.webhook_id GROUP BY 1, 2
    """)
    both = ["settings.updated", "module.updated"] * 2
    assert {(row["guild_id"], tuple(row["types"])) for row in owed} == {
        (HARBOUR, tuple(both)),
        (QUARRY, ("module.updated",) * 2),
    }
    assert len(owed) == 5
