"""Whoever asked for an import may lose what they may do while it runs; and the audit log has its changes as theirs."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import httpx2
import msgspec
import pytest

from api.auth.scopes import ALL, Scope
from api.config import Settings
from api.postgres.engine import PlainConnection
from tests.accounts.test_access import WRITER, admit
from tests.imports.files import Json, counts, ended, imported, lines, mee6_page, mee6_player, send
from tests.support.browsers import Browsers
from tests.support.clients import Clients
from tests.support.clock import MovableClock
from tests.support.discord import MANAGE_GUILD, Discord, Member
from tests.support.people import ADA, BO, HARBOUR, QUARRY

ADDRESS = f"/v1/guilds/{HARBOUR}"
NAMED = {"guild": {"name": "Named"}}
WAITING = """
    SELECT EXISTS (
        SELECT FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE NOT granted AND datname = current_database()
    )
"""


@asynccontextmanager
async def held_up(settings: Settings, owner: PlainConnection) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """For as long as this lasts an import that changes Ada waits; gives what waits until it does."""
    holder = await asyncpg.connect(settings.owner_database_url)

    async def stuck() -> None:
        while not await owner.fetchval(WAITING):  # noqa: ASYNC110 - PostgreSQL tells of it nowhere else
            await asyncio.sleep(0.01)

    try:
        async with holder.transaction():
            await holder.execute("SELECT FROM members WHERE guild_id = $1 AND user_id = $2 FOR UPDATE", HARBOUR, ADA)
            yield stuck
    finally:
        await holder.close()


async def meanwhile(
    client: httpx2.AsyncClient,
    bot: httpx2.AsyncClient,
    settings: Settings,
    owner: PlainConnection,
    change: Callable[[], Awaitable[object]],
) -> Json:
    """An import whose first line is being done when something changes; how it ended."""
    await imported(bot, "csv", b"user_id,xp\n%d,1\n" % ADA)
    async with held_up(settings, owner) as stuck:
        file = lines({"guildhall": 1}, {"member": {"user_id": str(ADA), "xp": 7}}, NAMED)
        asked = await send(client, "guildhall", file)
        assert asked.status_code == 202, asked.text
        await stuck()
        await change()
    return await ended(bot, asked.headers["Location"])


@pytest.mark.parametrize("column", ["revoked_at", "expires_at"])
async def test_it_ends_with_its_key(
    bot: httpx2.AsyncClient, clients: Clients, settings: Settings, owner: PlainConnection, column: str
) -> None:
    secret = await clients.key(name="short-lived")
    statement = f"UPDATE api_keys SET {column} = now() - interval '1 s' WHERE name = 'short-lived'"
    async with clients.bearer(secret) as client:
        found = await meanwhile(client, bot, settings, owner, lambda: owner.execute(statement))
    assert found["status"] == "failed"
    assert "revoked, or has expired" in found["refused"][-1]["message"]
    assert found["counts"] == counts(1, 1), "what was done until then stays"
    assert (await bot.get(ADDRESS)).json()["name"] == "Harbour"


async def test_it_ends_with_its_session(
    bot: httpx2.AsyncClient, browsers: Browsers, settings: Settings, owner: PlainConnection
) -> None:
    browser = await browsers.log_in(ADA)
    found = await meanwhile(browser, bot, settings, owner, lambda: browser.post("/auth/logout"))
    assert (found["status"], found["counts"]) == ("failed", counts(1, 1))
    assert "session" in found["refused"][-1]["message"]
    assert (await bot.get(ADDRESS)).json()["name"] == "Harbour"


@pytest.mark.parametrize(
    ("member", "status", "names"),
    [
        (None, "failed", "no longer has rights in the guild"),
        (Member(roles=[WRITER]), "finished", "`guilds:write`"),
        (Member(permissions=MANAGE_GUILD), "finished", None),
    ],
)
async def test_it_may_do_what_the_person_may_by_now(
    bot: httpx2.AsyncClient,
    browsers: Browsers,
    discord: Discord,
    settings: Settings,
    owner: PlainConnection,
    clock: MovableClock,
    member: Member | None,
    status: str,
    names: str | None,
) -> None:
    await admit(bot)
    browser = await browsers.log_in(ADA)

    async def change() -> None:
        discord.members[HARBOUR] = {} if member is None else {ADA: member}
        clock.move(seconds=61)  # for so long a person's permission is believed

    found = await meanwhile(browser, bot, settings, owner, change)
    assert found["status"] == status
    assert all(names is not None and names in each["message"] for each in found["refused"]), found
    assert (await bot.get(ADDRESS)).json()["name"] == ("Named" if names is None else "Harbour")


@pytest.mark.parametrize("dry_run", [True, False])
async def test_settings_of_other_bots_need_their_scope(
    bot: httpx2.AsyncClient, clients: Clients, owner: PlainConnection, *, dry_run: bool
) -> None:
    files = {"mee6": mee6_page(mee6_player(), xp_rate=2), "polaris": {"users": {}, "settings": {}}}
    async with await clients.bot(scopes=ALL - {Scope.SETTINGS_WRITE}) as client:
        for source, file in files.items():
            refused = await send(client, source, file, settings=True, dry_run=dry_run)
            assert refused.status_code == 403, refused.text
            assert refused.json()["type"].endswith("missing-scope")
            assert "`settings:write`" in refused.json()["detail"]
        wrong = await client.post(f"{ADDRESS}/imports?source=mee6&settings=true", headers={"Content-Type": "text/csv"})
        assert wrong.status_code == 403, "before the media type is looked at"
        assert await owner.fetchval("SELECT count(*) FROM imports") == 0
        assert (await imported(client, "mee6", files["mee6"], dry_run=dry_run))["status"] == "finished"
    assert (await imported(bot, "mee6", files["mee6"], settings=True, dry_run=dry_run))["refused"] == []


@pytest.mark.parametrize("dry_run", [True, False])
async def test_hiding_is_for_those_who_may_hide_everywhere(
    bot: httpx2.AsyncClient, harbour_bot: httpx2.AsyncClient, owner: PlainConnection, *, dry_run: bool
) -> None:
    users = {"701": {"xp": 5, "hidden": True}, "702": {"xp": 5, "hidden": False}}
    found = await imported(harbour_bot, "polaris", {"settings": {}, "users": users}, dry_run=dry_run)
    assert found["counts"] == counts(2, 1, 0, 1)
    [refused] = found["refused"]
    assert (refused["row"], refused["pointer"]) == (1, "/hidden")
    assert "`users:erase`" in refused["message"]
    assert await owner.fetchval("SELECT count(*) FROM privacy_choices") == 0
    assert [row[0] for row in await owner.fetch("SELECT user_id FROM members")] == ([] if dry_run else [702])

    assert (await imported(bot, "polaris", {"settings": {}, "users": users}, dry_run=dry_run))["refused"] == []
    assert await owner.fetchval("SELECT count(*) FROM privacy_choices WHERE user_id = 701") == (0 if dry_run else 1)


async def test_dry_run_refuses_what_the_import_will(bot: httpx2.AsyncClient, clients: Clients) -> None:
    file = lines(
        {"guildhall": 1}, NAMED, {"roles": {"items": []}}, {"settings": {"module": "nothing", "overrides": {}}},
        {"guild": {"name": "Once more"}}, {"member": {"user_id": str(BO), "xp": 1}},
    )  # fmt: skip
    async with await clients.bot(scopes=[Scope.MEMBERS_WRITE]) as client:
        finished = [await ended(bot, (await send(client, "guildhall", file, dry_run=dry)).headers["Location"])
                for dry in (True, False)]  # fmt: skip
    assert finished[0]["refused"] == finished[1]["refused"]
    assert [each["row"] for each in finished[0]["refused"]] == [1, 2, 3, 4]
    assert finished[0]["counts"] == finished[1]["counts"] == counts(5, 1, 0, 4)


DEFINITION = {"key": "late", "name": "Late", "condition": {"stat": "messages", "gte": 1_000_000}}
ROLES = [{"id": "9001", "name": "Regular", "position": 1, "color": 255}]
CHANNELS = [{"id": "77", "name": "general", "type": 0}]
OVERRIDES = {"max_level": 70}
ADMITTED = {"reader_role_ids": ["5"]}


async def test_what_it_changes_is_in_the_audit_log_as_by_the_routes(
    bot: httpx2.AsyncClient, owner: PlainConnection
) -> None:
    """Quarry is changed by its routes, Harbour by a file; both began alike."""
    for guild_id in (HARBOUR, QUARRY):
        address = f"/v1/guilds/{guild_id}"
        await bot.patch(address, json={"name": "Alike"})
        for key in ("gone", "given", "taken"):
            assert (await bot.post(f"{address}/achievements", json=DEFINITION | {"key": key})).is_success
        for user_id in (ADA, BO):
            await bot.post(f"{address}/members/{user_id}/xp", json={"set": 5})
        await bot.put(f"{address}/members/{BO}/achievements/taken")
    since = await owner.fetchval("SELECT max(id) FROM audit_log")
    await by_routes(bot)
    award = {"achievement": "given", "user_id": str(ADA), "name": "Late", "awarded_at": "2026-11-01T00:00:00Z"}
    file = lines(
        {"guildhall": 1}, {"guild": {"name": "Named"}}, {"roles": {"items": ROLES}}, {"channels": {"items": CHANNELS}},
        {"settings": {"module": "leveling", "overrides": OVERRIDES}},
        {"settings": {"module": "privacy", "overrides": ADMITTED}},
        {"achievement": DEFINITION}, {"achievement": DEFINITION | {"key": "given", "name": "Other"}},
        {"achievement": DEFINITION | {"key": "gone", "deleted": True}},
        {"member": {"user_id": "556", "xp": 5, "is_hidden": True}}, {"award": award},
        {"award": award | {"achievement": "taken", "user_id": str(BO), "revoked_at": "2026-11-02T00:00:00Z"}},
    )  # fmt: skip
    headers = {"Content-Type": "application/x-ndjson", "X-Audit-Log-Reason": "because", "X-Request-ID": "one-file"}
    asked = await bot.post(f"{ADDRESS}/imports?source=guildhall", content=file, headers=headers)
    assert (await ended(bot, asked.headers["Location"]))["refused"] == []

    routes: list[Json] = []
    by_file: list[Json] = []
    for row in await owner.fetch("SELECT * FROM audit_log WHERE id > $1 ORDER BY id", since):
        if not row["action"].startswith("import."):
            (by_file if row["request_id"] == "one-file" else routes).append(_told(row))
    assert by_file == routes
    assert len(by_file) == 11


def _told(row: Any) -> Json:  # Any: a record
    """An entry but for its time, its request, and who and where it was."""
    target = row["target"]
    if target in (str(HARBOUR), str(QUARRY), "555", "556"):
        target = "that one"
    changes = msgspec.json.decode(row["changes"])
    if "deleted_at" in changes:
        changes["deleted_at"]["after"] = "then"
    where = None if row["guild_id"] is None else "there"
    return {"where": where, "target": target, "changes": changes} | {
        name: row[name] for name in ("action", "actor_kind", "actor_id", "reason", "ip")
    }


async def by_routes(bot: httpx2.AsyncClient) -> None:
    address = f"/v1/guilds/{QUARRY}"
    requests: list[tuple[str, str, Json]] = [
        ("PATCH", address, {"name": "Named"}),
        ("PUT", f"{address}/roles", {"items": ROLES}),
        ("PUT", f"{address}/channels", {"items": CHANNELS}),
        ("PUT", f"{address}/settings/leveling", OVERRIDES),
        ("PUT", f"{address}/settings/privacy", ADMITTED),
        ("POST", f"{address}/achievements", DEFINITION),
        ("PATCH", f"{address}/achievements/given", {"name": "Other"}),
        ("DELETE", f"{address}/achievements/gone", {}),
        ("PUT", "/v1/users/555/privacy", {"visibility": "hidden"}),
        ("PUT", f"{address}/members/{ADA}/achievements/given", {}),
        ("DELETE", f"{address}/members/{BO}/achievements/taken", {}),
    ]
    for method, path, body in requests:
        headers = {"X-Audit-Log-Reason": "because"}
        answer = await bot.request(method, path, json=body or None, headers=headers)
        assert answer.is_success, (path, answer.text)
