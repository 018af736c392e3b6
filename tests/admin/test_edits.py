"""A guild edited in the admin: as careful as the API, and as accountable."""

import asyncio
import time
from typing import Any

import asyncpg
import httpx2
import pytest
from litestar import Litestar

import piccolo_conf
from api.postgres.change_watcher import ChangeWatcher
from api.postgres.engine import PlainConnection, admin_edit
from tests.admin.conftest import IGNORE_SCHEMA
from tests.support.people import BO, HARBOUR, QUARRY
from tests.support.wiring import services_of

pytestmark = pytest.mark.filterwarnings(IGNORE_SCHEMA)

PATH = f"/admin/api/tables/guilds/{HARBOUR}/"


async def form(ada: httpx2.AsyncClient) -> dict[str, Any]:  # Any: a column's value
    """What Piccolo Admin's page sends back of an unedited form: no id, no parts of a second, no null in text."""
    row: dict[str, Any] = (await ada.get(PATH)).json()
    schema = (await ada.get("/admin/api/tables/guilds/schema/")).json()
    row = {name: value for name, value in row.items() if name in schema["properties"]}
    row["updated_at"] = row["updated_at"].partition(".")[0] + "Z"
    return row | {"id": str(row["id"]), "icon": row["icon"] or ""}


def ada_address(ada: httpx2.AsyncClient) -> str:
    """Where she asks from."""
    transport = ada._transport
    assert isinstance(transport, httpx2.ASGITransport)
    return transport.client[0]


async def test_an_edit_is_seen_by_the_api_and_audited(
    bot: httpx2.AsyncClient, ada: httpx2.AsyncClient, ada_id: int, owner: PlainConnection
) -> None:
    before = await bot.get(f"/v1/guilds/{HARBOUR}")
    edit = await form(ada) | {"name": "Lagoon", "owner_id": str(BO)}
    answer = await ada.patch(PATH, json=edit, headers={"X-Request-ID": "the-edit"})
    assert answer.status_code == 200, answer.text
    after = await bot.get(f"/v1/guilds/{HARBOUR}")
    assert (after.json()["name"], after.json()["owner_id"]) == ("Lagoon", str(BO))
    assert after.headers["etag"] != before.headers["etag"]
    entry = (await bot.get(f"/v1/guilds/{HARBOUR}/audit-log")).json()["items"][0]
    assert entry | {"id": "", "at": ""} == {
        "id": "",
        "at": "",
        "actor": {"kind": "admin", "id": str(ada_id)},
        "action": "guild.updated",
        "target": str(HARBOUR),
        "reason": None,
        "changes": {
            "name": {"before": "Harbour", "after": "Lagoon"},
            "owner_id": {"before": None, "after": str(BO)},
        },
        "ip": ada_address(ada),
    }
    assert await owner.fetchval("SELECT request_id FROM audit_log WHERE action = 'guild.updated'") == "the-edit"
    # Set for this transaction alone: the connection's next one has another.
    await owner.execute("UPDATE guilds SET name = 'Bay' WHERE id = $1", HARBOUR)
    by_hand = await owner.fetchrow("SELECT actor_kind, ip, request_id FROM audit_log ORDER BY id DESC LIMIT 1")
    assert by_hand is not None
    assert tuple(by_hand) == ("system", None, None)


async def test_saving_an_unedited_form_changes_nothing(
    bot: httpx2.AsyncClient, ada: httpx2.AsyncClient, owner: PlainConnection
) -> None:
    before = await bot.get(f"/v1/guilds/{HARBOUR}")
    entries = await owner.fetchval("SELECT count(*) FROM audit_log")
    answer = await ada.patch(PATH, json=await form(ada))
    assert answer.status_code == 200, answer.text
    assert (await bot.get(f"/v1/guilds/{HARBOUR}")).json() == before.json()
    assert await owner.fetchval("SELECT count(*) FROM audit_log") == entries


async def test_a_form_can_be_saved_again_as_it_stands(bot: httpx2.AsyncClient, ada: httpx2.AsyncClient) -> None:
    shown = await form(ada)
    shown["updated_at"] = "2026-11-22T10:00:00Z"  # read long before the last change
    for name in ("Lagoon", "Bay"):
        answer = await ada.patch(PATH, json=shown | {"name": name})
        assert answer.status_code == 200, answer.text
    assert (await bot.get(f"/v1/guilds/{HARBOUR}")).json()["name"] == "Bay"


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("name", "", "is not visible"),
        ("name", "x" * 101, ""),
        ("name", "a\x00b", ""),
        ("name", "a\nb", ""),
        ("name", "\u2003", "is not visible"),
        ("name", "a\u202eb", "direction override"),
        ("name", None, ""),
        ("timezone", "Middle/Earth", "is not an IANA time zone, such as Europe/Berlin"),
        ("locale", "english please", ""),
        ("owner_id", 0, ""),
        ("owner_id", -5, ""),
        ("owner_id", 2**63, ""),
        ("icon", "x" * 256, ""),
        ("id", QUARRY, "is maintained by Guildhall"),
        ("revision", 7, "is maintained by Guildhall"),
        ("deleted_at", "2026-11-22T10:00:00Z", "is maintained by Guildhall"),
        ("changed_xid", 1, "is maintained by Guildhall"),
    ],
)
async def test_what_the_api_would_refuse_is_refused_in_words(
    column: str, value: object, message: str, bot: httpx2.AsyncClient, ada: httpx2.AsyncClient
) -> None:
    before = (await bot.get(f"/v1/guilds/{HARBOUR}")).json()
    answer = await ada.patch(PATH, json=await form(ada) | {column: value})
    assert answer.status_code == 422, answer.text
    # The page reads `loc` and `msg` of each.
    (fault,) = answer.json()["detail"]
    assert fault["loc"][-1] == column
    assert message in fault["msg"]
    assert (await bot.get(f"/v1/guilds/{HARBOUR}")).json() == before


async def test_nobody_becomes_another(ada: httpx2.AsyncClient, ada_id: int) -> None:
    """The audit log knows admins by their id: whoever took another's would have done what that one did."""
    address = f"/admin/api/tables/admin_users/{ada_id}/"
    answer = await ada.patch(address, json={"id": ada_id + 1})
    assert (answer.status_code, answer.json()["detail"][0]["loc"][-1]) == (422, "id")
    assert (await ada.patch(address, json={"id": ada_id})).status_code == 200
    assert (await ada.get("/admin/api/user/")).json()["user_id"] == str(ada_id)


async def test_what_is_emptied_goes_back_to_its_first_value(bot: httpx2.AsyncClient, ada: httpx2.AsyncClient) -> None:
    await bot.patch(f"/v1/guilds/{HARBOUR}", json={"icon": "abc", "owner_id": str(BO), "timezone": "Asia/Tokyo"})
    emptied = {"icon": "", "owner_id": None, "timezone": "", "locale": ""}
    answer = await ada.patch(PATH, json=await form(ada) | emptied)
    assert answer.status_code == 200, answer.text
    guild = (await bot.get(f"/v1/guilds/{HARBOUR}")).json()
    assert [guild[name] for name in emptied] == [None, None, "UTC", "en-US"]


async def test_the_admin_of_one_request_is_not_that_of_another(
    bot: httpx2.AsyncClient, ada: httpx2.AsyncClient, ada_id: int
) -> None:
    answers = await asyncio.gather(
        *(ada.patch(PATH, json={"name": f"Lagoon {number}"}) for number in range(5)),
        *(bot.patch(f"/v1/guilds/{QUARRY}", json={"name": f"Pit {number}"}) for number in range(5)),
        *(ada.get(PATH) for _ in range(5)),
    )
    assert {answer.status_code for answer in answers} == {200}
    assert admin_edit.get() is None
    for guild, actor in ((HARBOUR, ("admin", str(ada_id))), (QUARRY, ("key", None))):
        items = (await bot.get(f"/v1/guilds/{guild}/audit-log")).json()["items"]
        kinds = {(item["actor"]["kind"], item["actor"]["id"]) for item in items if item["action"] == "guild.updated"}
        assert {(kind, id_ if kind == "admin" else None) for kind, id_ in kinds} == {actor}


async def test_an_edit_invalidates_caches(
    litestar_app: Litestar, bot: httpx2.AsyncClient, ada: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    watcher: ChangeWatcher = services_of(litestar_app).watcher
    notified = asyncio.Event()

    def forget(kind: str, ids: set[int] | None) -> None:
        if kind == "guild" and ids is not None and HARBOUR in ids:
            notified.set()

    made = time.monotonic()
    async with asyncio.timeout(60):
        while watcher._polled_at < made:  # noqa: ASYNC110 - until the change watcher has noticed that the guild was made
            await asyncio.sleep(0.01)
    monkeypatch.setattr(watcher, "_subscribers", [*watcher._subscribers, forget])
    assert (await ada.patch(PATH, json={"name": "Lagoon"})).status_code == 200
    async with asyncio.timeout(60):
        await notified.wait()


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (TimeoutError(), 503),
        (asyncpg.InterfaceError("connection is closed"), 503),
        (asyncpg.CheckViolationError("guilds_name_check"), 422),
        (asyncpg.StringDataRightTruncationError("value too long"), 422),
        (asyncpg.DeadlockDetectedError("deadlock"), 503),
        (ZeroDivisionError("secret"), 500),
    ],
)
async def test_what_the_database_raises_becomes_an_answer(
    error: Exception,
    status: int,
    bot: httpx2.AsyncClient,
    ada: httpx2.AsyncClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = piccolo_conf.DB._run_in_pool

    async def fail(query: str, args: Any = None) -> Any:  # Any: Piccolo's own signature
        if query.startswith(("UPDATE guilds", 'UPDATE "guilds"')):
            raise error
        return await run(query, args)

    monkeypatch.setattr(type(piccolo_conf.DB), "_run_in_pool", lambda _self, query, args=None: fail(query, args))
    answer = await ada.patch(PATH, json={"name": "Lagoon"})
    assert answer.status_code == status, answer.text
    assert ("retry-after" in answer.headers) == (status == 503)
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text
