"""`…/audit-log`: who changed what, when, why and from where; newest first, never altered."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx2
import pytest
from litestar import Litestar

from api.audit.service import record
from api.auth.actors import Actor
from api.guilds import service as guild_service
from api.postgres.database import Connection
from api.postgres.engine import PlainConnection
from api.postgres.provision import APP
from tests.support import cluster
from tests.support.people import HARBOUR, QUARRY

PATH = f"/v1/guilds/{HARBOUR}"
LOG = f"{PATH}/audit-log"


async def entries(client: httpx2.AsyncClient, **query: str) -> list[dict[str, Any]]:
    response = await client.get(LOG, params=query)
    assert response.status_code == 200, response.text
    items: list[dict[str, Any]] = response.json()["items"]
    return items


async def test_an_entry(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    headers = {"X-Audit-Log-Reason": "new%20owner%20%E2%9C%93", "X-Request-ID": "the-request"}
    await bot.patch(PATH, json={"owner_id": 7, "icon": "a"}, headers=headers)
    entry, created = await entries(bot)
    key = str(await owner.fetchval("SELECT max(id) FROM api_keys"))
    assert entry | {"id": 0, "at": 0} == {
        "id": 0,
        "at": 0,
        "actor": {"kind": "key", "id": key},
        "action": "guild.updated",
        "target": str(HARBOUR),
        "reason": "new owner ✓",
        "changes": {"icon": {"before": None, "after": "a"}, "owner_id": {"before": None, "after": "7"}},
        "ip": "127.0.0.1",
    }
    assert list(entry) == ["id", "at", "actor", "action", "target", "reason", "changes", "ip"]
    assert entry["id"].isdigit()
    assert entry["at"].endswith("Z")
    assert abs(datetime.fromisoformat(entry["at"]) - datetime.now(UTC)) < timedelta(minutes=1)
    assert (created["action"], created["reason"]) == ("guild.created", None)
    assert await owner.fetchval("SELECT request_id FROM audit_log WHERE id = $1", int(entry["id"])) == "the-request"


async def test_newest_first_in_pages(bot: httpx2.AsyncClient) -> None:
    for n in range(7):
        await bot.patch(PATH, json={"icon": str(n)})
    seen, url = [], f"{LOG}?limit=3&action=guild.updated"
    while url:
        response = await bot.get(url)
        seen += [entry["changes"]["icon"]["after"] for entry in response.json()["items"]]
        url = response.headers["link"].partition(">")[0][1:] if "link" in response.headers else ""
        await bot.patch(PATH, json={"icon": f"late{len(seen)}"})
    assert seen == list("6543210")


async def test_filters(bot: httpx2.AsyncClient, harbour_bot: httpx2.AsyncClient) -> None:
    await harbour_bot.patch(PATH, json={"icon": "a"})
    await bot.put(f"{PATH}/roles", json={"items": []})
    mine = (await entries(bot, action="guild.updated"))[0]["actor"]["id"]
    assert [entry["action"] for entry in await entries(bot, actor=mine)] == ["guild.updated"]
    assert [entry["action"] for entry in await entries(bot, action="roles.updated")] == ["roles.updated"]
    assert await entries(bot, actor=mine, action="roles.updated") == []
    assert await entries(bot, actor="%", action="guild.%") == []


async def test_days_are_the_guilds(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    """Midnight of 2 March in Tokyo is 15:00 of 1 March in UTC; `from` is included, `to` is not."""
    await bot.patch(PATH, json={"timezone": "Asia/Tokyo"})
    await owner.execute("DELETE FROM audit_log")
    for at in ("2026-03-01T14:59:59.999999Z", "2026-03-01T15:00:00Z", "2026-03-02T14:59:59Z", "2026-03-02T15:00:00Z"):
        await owner.execute(
            "INSERT INTO audit_log (guild_id, at, actor_kind, action, target) VALUES ($1, $2, 'system', 'x', $3)",
            HARBOUR,
            datetime.fromisoformat(at),
            at,
        )

    async def between(from_: str, to: str) -> list[str]:
        return [entry["target"] for entry in await entries(bot, **{"from": from_, "to": to})]

    day = ["2026-03-02T14:59:59Z", "2026-03-01T15:00:00Z"]
    assert await between("2026-03-02", "2026-03-03") == day
    assert await between("2026-03-01T15:00:00Z", "2026-03-02T15:00:00.000Z") == day
    assert await between("2026-03-02T00:00:00+09:00", "2026-03-03T00:00:00.000000000+09:00") == day
    assert await between("2026-03-03", "2026-03-02") == []
    assert await between("0001-01-02", "9999-12-30") == [
        "2026-03-02T15:00:00Z", *day, "2026-03-01T14:59:59.999999Z"
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["from", "to"])
@pytest.mark.parametrize(
    "bad",
    [
        "", "yesterday", "2026-02-30", "2026-3-1", "2026-03-01T00:00:00", "2026-03-01 00:00:00Z", "1764547200",
        "2026-03-01T25:00:00Z", "0000-01-01", "0001-01-01T00:00:00%2B01:00", "9999-12-31T23:59:59-01:00",
        "2026-03-01%00", "%D9%A2026-03-01", "2026-W10-1", "20260301",
    ],
)  # fmt: skip
async def test_times_that_are_none(bot: httpx2.AsyncClient, name: str, bad: str) -> None:
    response = await bot.get(f"{LOG}?{name}={bad}")
    assert response.status_code == 422
    assert [fault["parameter"] for fault in response.json()["errors"]] == [name]


async def test_both_times_are_recorded(bot: httpx2.AsyncClient) -> None:
    response = await bot.get(f"{LOG}?from=a&to=b&actor={'x' * 65}&action=%00")
    assert {fault["parameter"] for fault in response.json()["errors"]} >= {"actor", "action"}
    response = await bot.get(f"{LOG}?from=a&to=b")
    assert [fault["parameter"] for fault in response.json()["errors"]] == ["from", "to"]


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("plain words", 200), ("", 200), ("%F0%9F%8E%B2", 200), ("é".encode().decode("latin-1"), 200),
        ("a" * 512, 200), ("%C3%A9" * 512, 200), ("a" * 513, 400), ("%C3%A9" * 513, 400), ("%FF", 400), ("\xff", 400),
        ("%00", 400), ("a%0Ab", 400), ("%C2%85", 400), ("%ED%A0%80", 400), ("100% sure", 400), ("%", 400), ("%4", 400),
    ],
)  # fmt: skip
async def test_reasons(bot: httpx2.AsyncClient, header: str, status: int) -> None:
    headers = {b"X-Audit-Log-Reason": header.encode("latin-1")}
    response = await bot.patch(PATH, json={"icon": "a"}, headers=headers)
    assert response.status_code == status, response.text
    found = await entries(bot, action="guild.updated")
    if status == 400:
        assert response.json()["type"] == "urn:guildhall:problem:bad-header"
        assert not found
    else:
        assert len(found) == 1
        assert (found[0]["reason"] is None) == (not header)
        assert "%" not in (found[0]["reason"] or "")


async def test_a_change_that_fails_leaves_no_entry(
    bot: httpx2.AsyncClient, owner: PlainConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The entry is written, then the transaction fails."""
    real = record
    written = []

    async def record_and_fail(connection: Connection, actor: Actor, action: str, **more: Any) -> None:  # Any: its own
        await real(connection, actor, action, **more)
        written.append(action)
        raise ZeroDivisionError

    monkeypatch.setattr(guild_service, "record", record_and_fail)
    before = await owner.fetch("SELECT * FROM audit_log ORDER BY id")
    for method, body in (("PUT", {"name": "Port"}), ("PATCH", {"icon": "a"}), ("DELETE", None)):
        assert (await bot.request(method, PATH, json=body)).status_code == 500
    assert written == ["guild.updated", "guild.updated", "guild.deleted"]
    assert await owner.fetch("SELECT * FROM audit_log ORDER BY id") == before
    guild = (await bot.get(PATH)).json()
    assert (guild["name"], guild["icon"], guild["deleted_at"]) == ("Harbour", None, None)


async def test_each_guild_has_its_own(bot: httpx2.AsyncClient, mallory: httpx2.AsyncClient) -> None:
    await asyncio.gather(*(bot.patch(f"/v1/guilds/{id_}", json={"icon": "a"}) for id_ in (HARBOUR, QUARRY)))
    assert {entry["target"] for entry in await entries(bot)} == {str(HARBOUR)}
    assert (await mallory.get(LOG)).status_code == 404


@pytest.mark.parametrize(
    "statement",
    ["UPDATE audit_log SET reason = 'x'", "DELETE FROM audit_log", "TRUNCATE audit_log", "DROP TABLE audit_log"],
)
async def test_the_application_cannot_alter_it(litestar_app: Litestar, database_name: str, statement: str) -> None:
    connection = await asyncpg.connect(cluster.url(APP, database_name))
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)
    finally:
        await connection.close()
