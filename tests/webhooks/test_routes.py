"""Webhooks through HTTP: made, changed, listed, removed, and by whom."""

import httpx2
import pytest

from api.auth.scopes import ALL, Scope
from api.postgres.engine import PlainConnection
from tests.support.clients import Clients
from tests.support.people import HARBOUR, QUARRY

PATH = f"/v1/guilds/{HARBOUR}/webhooks"
WISH = {"url": "https://93.184.215.14/hook", "types": ["settings.updated", "guild.updated", "guild.updated"]}


async def made(client: httpx2.AsyncClient, **data: object) -> dict[str, object]:
    answer = await client.post(PATH, json={**WISH, **data})
    assert answer.status_code == 201, answer.text
    view: dict[str, object] = answer.json()
    return view


async def test_a_webhooks_life(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    view = await made(bot)
    secret = str(view.pop("secret"))
    assert secret.startswith("whsec_")
    assert view["types"] == ["guild.updated", "settings.updated"]
    assert view["enabled"] is True
    assert secret.encode() not in await owner.fetchval("SELECT secret FROM webhooks")
    address = f"{PATH}/{view['id']}"
    got = await bot.get(address)
    assert (got.json(), (await bot.get(PATH)).json()["items"]) == (view, [view])
    changed = await bot.patch(address, json={"types": None, "enabled": False})
    assert changed.json() == {**view, "types": [], "enabled": False}
    assert (await bot.patch(address, json={"types": [], "enabled": False})).json() == changed.json()
    stale = {"If-Match": got.headers["etag"]}
    assert (await bot.patch(address, json={"enabled": None}, headers=stale)).status_code == 412
    assert (await bot.delete(address, headers=stale)).status_code == 412
    assert (await bot.post(f"{address}/test")).status_code == 409
    assert (await bot.patch(address, json={"enabled": None})).json()["enabled"] is True
    assert [(await bot.delete(address)).status_code for _ in range(2)] == [204, 404]
    log = (await bot.get(f"/v1/guilds/{HARBOUR}/audit-log")).json()["items"]
    assert [entry["action"] for entry in log if "webhook" in entry["action"]] == [
        "webhook.deleted", "webhook.updated", "webhook.updated", "webhook.created",
    ]  # fmt: skip
    assert secret not in str(log)


async def test_ten_for_a_guild(bot: httpx2.AsyncClient) -> None:
    for _ in range(10):
        await made(bot)
    assert (await bot.post(PATH, json=WISH)).status_code == 409
    first = (await bot.get(f"{PATH}?limit=4")).json()
    rest = (await bot.get(f"{PATH}?limit=100&cursor={first['next_cursor']}")).json()
    assert len({item["id"] for item in first["items"] + rest["items"]}) == 10
    assert rest["next_cursor"] is None


async def test_who_may(
    bot: httpx2.AsyncClient, anonymous: httpx2.AsyncClient, mallory: httpx2.AsyncClient, clients: Clients
) -> None:
    address = f"{PATH}/{(await made(bot))['id']}"
    assert (await anonymous.get(PATH)).status_code == 401
    assert (await mallory.get(address)).status_code == 404
    assert (await mallory.get(address.replace(str(HARBOUR), str(QUARRY)))).status_code == 404
    assert (await mallory.patch(address.replace(str(HARBOUR), str(QUARRY)), json={"nonsense": 1})).status_code == 404
    async with await clients.bot(scopes=ALL - {Scope.WEBHOOKS_WRITE}) as reader:
        assert (await reader.get(address)).status_code == 403
        assert (await reader.post(f"{address}/test")).status_code == 403
        assert (await reader.get(f"{address}/deliveries")).json() == {"items": [], "next_cursor": None}


REFUSED = (
    "http://127.0.0.1/", "https://localhost/", "http://10.1.2.3:8080/x", "http://192.168.0.1/", "http://172.16.9.9/",
    "http://169.254.169.254/latest/meta-data/", "http://100.64.0.1/", "http://0.0.0.0/", "http://[::1]/",
    "http://[fd00::1]/", "http://[fe80::1]/", "http://[::ffff:127.0.0.1]/", "http://[64:ff9b::7f00:1]/",
    "http://[2002:7f00:1::]/", "http://2130706433/", "http://0x7f.1/", "http://127.1/", "http://224.0.0.1/",
    "http://user:pass@203.0.113.9/", "ftp://203.0.113.9/", "https://", "https://:443/", "http://[bad/",
    "https://203.0.113.9:99999/", "https://8.8.8.8/#part", "javascript:alert(1)", "https://8.8.8.8/a b", "",
    "x" * 3000, "https://\u0661.example/", "https://8.8.8.8/\n",
)  # fmt: skip


async def test_addresses_that_are_refused(bot: httpx2.AsyncClient) -> None:
    for url in REFUSED:
        answer = await bot.post(PATH, json={"url": url})
        assert answer.status_code == 422, f"{url}: {answer.text}"
        assert {fault["pointer"] for fault in answer.json()["errors"]} == {"/url"}, url


@pytest.mark.parametrize(
    ("data", "pointers"),
    [
        ({}, {"/url"}),
        ({**WISH, "types": ["no.such"]}, {"/types/0"}),
        ({**WISH, "secret": "mine", "enabled": None}, {"/secret", "/enabled"}),
    ],
)
async def test_bad_input(bot: httpx2.AsyncClient, data: dict[str, object], pointers: set[str]) -> None:
    answer = await bot.post(PATH, json=data)
    assert (answer.status_code, {fault["pointer"] for fault in answer.json()["errors"]}) == (422, pointers)
    address = f"{PATH}/{(await made(bot))['id']}"
    assert (await bot.patch(address, json={"url": None})).status_code == 422


async def test_sent_twice_with_a_key_it_is_one(bot: httpx2.AsyncClient) -> None:
    first, again = [await bot.post(PATH, json=WISH, headers={"Idempotency-Key": "k"}) for _ in range(2)]
    assert again.json() == {**first.json(), "secret": None}
    assert len((await bot.get(PATH)).json()["items"]) == 1
