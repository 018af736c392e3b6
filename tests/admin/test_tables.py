"""What the admin shows, and what may be done there."""

import asyncio
from urllib.parse import quote

import httpx2
import pytest

from api.postgres.engine import PlainConnection
from tests.achievements.support import define, draft
from tests.activity.test_record import message, record
from tests.admin.conftest import IGNORE_SCHEMA, PASSWORD, log_in
from tests.members.people import give
from tests.support.people import ADA, BO, HARBOUR, QUARRY

pytestmark = pytest.mark.filterwarnings(IGNORE_SCHEMA)

READ_ONLY = (
    "guild_roles", "guild_channels", "guild_settings", "guild_settings_revisions", "modules", "named_audit_log",
    "named_members", "named_custom_stats", "imports", "achievements", "named_awards", "achievement_counts",
)  # fmt: skip


async def test_tables_are_grouped_and_none_is_secret(ada: httpx2.AsyncClient) -> None:
    answer = (await ada.get("/admin/api/tables/grouped/")).json()
    assert answer == {
        "grouped": {
            "Achievements": ["achievement_counts", "achievements", "named_awards"],
            "Audit": ["named_audit_log"],
            "Guilds": ["guild_channels", "guild_roles", "guilds"],
            "Members": ["imports", "named_custom_stats", "named_members"],
            "People": ["admin_users"],
            "Settings": ["guild_settings", "guild_settings_revisions", "modules"],
        },
        "ungrouped": [],
    }
    for secret in ("api_keys", "admin_sessions", "sessions", "logins"):
        assert (await ada.get(f"/admin/api/tables/{secret}/")).status_code == 404


@pytest.mark.parametrize("table", [*READ_ONLY, "guilds", "admin_users"])
async def test_every_table_can_be_looked_at_by_admins_alone(
    table: str, bot: httpx2.AsyncClient, ada: httpx2.AsyncClient, door: httpx2.AsyncClient
) -> None:
    base = f"/admin/api/tables/{table}"
    schema = (await ada.get(f"{base}/schema/")).json()
    shown, filters = schema["extra"]["visible_column_names"], schema["extra"]["visible_filter_names"]
    # The page breaks on a column that its schema lacks.
    assert {*shown, *filters} <= set(schema["properties"])
    assert schema["extra"]["link_column_name"] in shown
    order = ",".join(("" if by["ascending"] else "-") + by["column"] for by in schema["extra"]["order_by"])
    rows = await ada.get(f"{base}/", params={"__readable": "true", "__order": order})
    assert rows.status_code == (await ada.get(f"{base}/ids/?search=a&limit=5")).status_code == 200
    assert "changed_xid" not in schema["properties"]
    ada.cookies.delete("id")
    assert (await ada.get(f"{base}/")).status_code == 401


async def test_people_have_names(bot: httpx2.AsyncClient, ada: httpx2.AsyncClient, owner: PlainConnection) -> None:
    guild = f"/v1/guilds/{HARBOUR}"
    await define(bot, draft(gte=1000))
    for user_id, names in ((ADA, {"username": "ada", "display_name": "Ada L."}), (BO, {"username": "bo"})):
        assert (await bot.patch(f"{guild}/members/{user_id}", json=names)).is_success
        await give(bot, user_id, 300)
        await bot.put(f"{guild}/members/{user_id}/achievements/chatterbox")
        await record(bot, {**message(f"duel-{user_id}", user_id), "type": "stat", "stat": "duels", "amount": 2})

    async def named(table: str, id_: str, *columns: str) -> dict[str, list[str | None]]:
        rows = (await ada.get(f"/admin/api/tables/{table}/")).json()["rows"]
        return {str(row[id_]): [row[name] for name in columns] for row in rows}

    both: dict[str, list[str | None]] = {str(ADA): ["Ada L.", "ada"], str(BO): [None, "bo"]}
    for table in ("named_members", "named_custom_stats", "named_awards"):
        assert await named(table, "user_id", "display_name", "username") == both, table
    targets = await named("named_audit_log", "target", "target_name")
    assert (targets[str(ADA)], targets[str(BO)]) == (["Ada L."], ["bo"])
    newest, beyond = 2**63 - 1, str(2**63)  # nobody has the latter, but an achievement may be called so
    await bot.patch(f"{guild}/members/{newest}", json={"username": "cy"})
    await give(bot, newest, 1)
    await define(bot, draft(beyond, gte=1000))
    targets = await named("named_audit_log", "target", "target_name")
    assert (targets[str(newest)], targets[beyond]) == (["cy"], [None])
    plan = await owner.fetch("EXPLAIN SELECT count(*) FROM named_members")
    assert not any("member_names" in row[0] for row in plan), "rows are counted without a look at names"


async def _some_id(ada: httpx2.AsyncClient, table: str) -> str:
    rows = (await ada.get(f"/admin/api/tables/{table}/")).json()["rows"]
    key = "name" if table == "modules" else "id"
    return str(rows[0][key])


async def _fill(owner: PlainConnection) -> None:
    """A row in every table."""
    for statement in (
        "INSERT INTO guild_roles (guild_id, role_id, name) VALUES ($1, 7, 'Mod')",
        "INSERT INTO guild_channels (guild_id, channel_id, name) VALUES ($1, 8, 'hall')",
        "INSERT INTO guild_settings (guild_id, module) VALUES ($1, 'welcome')",
        "INSERT INTO members (guild_id, user_id) VALUES ($1, 9)",
        "INSERT INTO custom_stats (guild_id, user_id, stat) VALUES ($1, 9, 'wins')",
        "INSERT INTO imports (guild_id, source, status, actor_kind) VALUES ($1, 'csv', 'finished', 'key')",
        "INSERT INTO guild_settings_revisions (guild_id, module, revision, actor_kind)"
        " VALUES ($1, 'welcome', 1, 'key')",
        "INSERT INTO audit_log (guild_id, actor_kind, action) VALUES ($1, 'key', 'settings.updated')",
    ):
        await owner.execute(statement, HARBOUR)
    await owner.execute(
        "INSERT INTO achievements (guild_id, key, name, condition)"
        """ VALUES ($1, 'chatty', 'Chatty', '{"stat": "messages", "gte": 1}')""",
        HARBOUR,
    )
    # Counts itself.
    await owner.execute(
        "INSERT INTO achievement_awards (achievement_id, member_id, guild_id, user_id, name)"
        " SELECT a.id, m.id, m.guild_id, m.user_id, a.name FROM achievements a, members m WHERE m.guild_id = $1",
        HARBOUR,
    )
    await owner.execute("INSERT INTO modules (name, schema) VALUES ('welcome', '{}')")


@pytest.mark.parametrize("table", READ_ONLY)
async def test_what_is_read_only_refuses_every_verb(
    table: str, bot: httpx2.AsyncClient, ada: httpx2.AsyncClient, owner: PlainConnection
) -> None:
    await _fill(owner)
    before = await owner.fetch(f"SELECT * FROM {table} ORDER BY 1")
    row = quote(await _some_id(ada, table))
    base = f"/admin/api/tables/{table}/"
    full = (await ada.get(f"{base}{row}/")).json()
    key = "name" if table == "modules" else "id"
    body = {name: value for name, value in full.items() if name != key}
    answers = [
        await ada.post(base, json=body),
        await ada.put(f"{base}{row}/", json=body),
        await ada.patch(f"{base}{row}/", json=body),
        await ada.delete(f"{base}{row}/"),
        await ada.delete(base),
        await ada.delete(base, params={"__page_size": "1"}),
    ]
    assert [answer.status_code for answer in answers] == [405] * 6, [answer.text for answer in answers]
    assert await owner.fetch(f"SELECT * FROM {table} ORDER BY 1") == before


async def test_a_guild_is_neither_made_nor_replaced_nor_deleted_here(
    bot: httpx2.AsyncClient, ada: httpx2.AsyncClient
) -> None:
    base = "/admin/api/tables/guilds/"
    row = (await ada.get(f"{base}{HARBOUR}/")).json()
    row = {name: value for name, value in row.items() if name != "id"}
    answers = [
        await ada.post(base, json=row),
        await ada.put(f"{base}{HARBOUR}/", json=row),
        await ada.delete(f"{base}{HARBOUR}/"),
        await ada.delete(base),
    ]
    assert [answer.status_code for answer in answers] == [405] * 4, [answer.text for answer in answers]
    assert (await bot.get(f"/v1/guilds/{HARBOUR}")).status_code == 200


@pytest.mark.parametrize(
    "query",
    [
        "?name=%00",
        "?id=99999999999999999999999",
        "?id=abc",
        "?owner_id=9223372036854775808",
        "?id=1&id=2",
        "?__order=nonsense",
        "?__page=99999999999999999999999",
        "?__page_size=-1",
        "?__page_size=100000",
        "?__visible_fields=nonsense",
        "?nonsense=1",
        "?name__operator=nonsense",
        "9223372036854775808/",
        "99999999999999999999999999/",
        "0/",
        "abc/",
        "%00/",
        "ids/?search=%00",
        "ids/?limit=-1",
        "ids/?limit=99999999999999999999999",
        "count/?name=%00",
        "count/?__order=nonsense",
    ],
)
async def test_nonsense_is_the_clients_fault(query: str, bot: httpx2.AsyncClient, ada: httpx2.AsyncClient) -> None:
    response = await ada.get(f"/admin/api/tables/guilds/{query}")
    # Piccolo leaves some of it unread, and answers as if it were not there.
    assert response.status_code < 500, response.text
    if "id=1&id=2" not in query:
        assert response.status_code >= 400, response.text
    assert "Traceback" not in response.text


async def test_an_impossible_value_leaves_no_lock_behind(ada: httpx2.AsyncClient, owner: PlainConnection) -> None:
    # Of another shape than any before, so that the connection has no plan of it yet.
    assert (await ada.get("/admin/api/tables/guilds/?id=99999999999999999999999&icon=x")).status_code == 422
    query = "SELECT count(*) FROM pg_locks WHERE relation = 'guilds'::regclass AND pid <> pg_backend_pid()"
    for _ in range(40):  # the change watcher and the jobs hold it too, for a moment
        if (held := await owner.fetchval(query)) == 0:
            break
        await asyncio.sleep(0.05)
    assert held == 0


async def test_admins_who_are_no_superusers_change_nobody(
    bo: httpx2.AsyncClient, ada_id: int, owner: PlainConnection
) -> None:
    base = "/admin/api/tables/admin_users/"
    row = (await bo.get(f"{base}{ada_id}/")).json()
    assert "password" not in row or row["password"] in ("", None)
    new = {"username": "eve", "password": PASSWORD, "email": "eve@localhost", "active": True, "admin": True}
    answers = [
        await bo.post(base, json=new),
        await bo.patch(f"{base}{ada_id}/", json={"password": "another password"}),
        await bo.delete(f"{base}{ada_id}/"),
    ]
    assert [answer.status_code for answer in answers] == [405] * 3
    assert await owner.fetchval("SELECT count(*) FROM admin_users") == 2


async def test_a_superuser_makes_changes_and_removes_people(
    ada: httpx2.AsyncClient, bo: httpx2.AsyncClient, ada_id: int, owner: PlainConnection
) -> None:
    base = "/admin/api/tables/admin_users/"
    new = {"username": "eve", "password": PASSWORD, "email": "eve@localhost", "active": True, "admin": True}
    incomplete = await ada.post(base, json=new)
    assert incomplete.status_code == 400
    assert "pbkdf2" not in incomplete.text
    new |= {"superuser": False}
    made = await ada.post(base, json=new)
    assert made.status_code == 201, made.text
    eve = made.json()["id"]
    put = await ada.put(f"{base}{eve}/", json={**new, "password": "stored as typed"})
    assert put.status_code == 405
    bo_id = await owner.fetchval("SELECT id FROM admin_users WHERE username = 'bo'")
    changed = await ada.patch(f"{base}{bo_id}/", json={"password": "another password", "first_name": "Bo"})
    assert changed.status_code == 200, changed.text
    assert "another" not in changed.text
    assert (await bo.get("/admin/api/user/")).status_code == 401  # the old password's session has ended
    assert (await log_in(bo, "bo")).status_code == 401
    assert (await log_in(bo, "bo", "another password")).status_code == 200
    assert (await ada.patch(f"{base}{bo_id}/", json={"password": "short"})).status_code == 422
    untouched = await ada.patch(f"{base}{bo_id}/", json={"password": "", "last_name": "Weaver"})
    assert untouched.status_code == 200
    assert (await log_in(bo, "bo", "another password")).status_code == 200
    assert (await ada.delete(f"{base}{eve}/")).status_code == 204
    actions = await owner.fetch("SELECT action, target, actor_kind, actor_id FROM audit_log ORDER BY id")
    entries = [tuple(row) for row in actions if row["actor_kind"] == "admin" and ".log" not in row["action"]]
    assert entries == [
        ("admin.created", "eve", "admin", str(ada_id)),
        ("admin.updated", "bo", "admin", str(ada_id)),
        ("admin.updated", "bo", "admin", str(ada_id)),
        ("admin.updated", "bo", "admin", str(ada_id)),
        ("admin.deleted", "eve", "admin", str(ada_id)),
    ]
    assert "pbkdf2" not in str(await owner.fetch("SELECT changes FROM audit_log"))


async def test_nobody_shuts_out_themselves(ada: httpx2.AsyncClient, ada_id: int) -> None:
    path = f"/admin/api/tables/admin_users/{ada_id}/"
    assert (await ada.delete(path)).status_code == 405
    for right in ("active", "admin", "superuser"):
        assert (await ada.patch(path, json={right: False})).status_code == 422
    assert (await ada.get("/admin/api/user/")).status_code == 200


async def test_everybody_changes_their_own_password(bo: httpx2.AsyncClient, owner: PlainConnection) -> None:
    body = {
        "current_password": PASSWORD,
        "new_password": "another password",
        "confirm_new_password": "another password",
    }
    answer = await bo.post("/admin/api/change-password/", json=body)
    assert answer.status_code == 303
    assert (await log_in(bo, "bo", "another password")).status_code == 200
    bo_id = await owner.fetchval("SELECT id FROM admin_users WHERE username = 'bo'")
    entry = await owner.fetchrow("SELECT actor_kind, actor_id, changes FROM audit_log WHERE action = 'admin.updated'")
    assert entry is not None
    assert tuple(entry) == ("admin", str(bo_id), '{"password": {"after": null, "before": null}}')


async def test_filters_find_a_guild_by_its_exact_id(bot: httpx2.AsyncClient, ada: httpx2.AsyncClient) -> None:
    rows = (await ada.get("/admin/api/tables/guilds/", params={"id": QUARRY})).json()["rows"]
    assert [(row["id"], row["name"]) for row in rows] == [(QUARRY, "Quarry")]
