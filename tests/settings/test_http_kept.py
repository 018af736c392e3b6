"""What is stored of settings has an end: the size of a module's in a guild, and its history."""

from hashlib import sha256
from typing import Any

import httpx2
import msgspec
import pytest
from litestar import Litestar

from api.postgres.engine import PlainConnection
from api.settings.values import MAX_BYTES
from tests.support.clock import MovableClock
from tests.support.people import HARBOUR, QUARRY
from tests.support.wiring import services_of

NOTES: dict[str, Any] = {  # Any: JSON
    "schema": {
        "type": "object",
        "properties": {
            name: {"type": ["string", "null"], "default": None, "title": name} for name in ("first", "second")
        },
        "additionalProperties": False,
    }
}


def settings(guild: int = HARBOUR) -> str:
    return f"/v1/guilds/{guild}/settings/notes"


@pytest.fixture
async def notes(bot: httpx2.AsyncClient) -> httpx2.AsyncClient:
    made = await bot.put("/v1/modules/notes", json=NOTES)
    assert made.status_code in (200, 201), made.text
    return bot


async def test_as_large_as_may_be(notes: httpx2.AsyncClient) -> None:
    room = MAX_BYTES - len('{"first":"","second":"ä"}') - 1  # bytes, not characters
    path = settings()
    for body, status in (({"second": "ä"}, 200), ({"first": "x" * (room + 1)}, 422), ({"first": "x" * room}, 200)):
        answer = await notes.patch(path, json=body)
        assert answer.status_code == status, answer.text
    for method in (notes.patch, notes.put):
        answer = await method(path, json={"first": "x" * 40_000, "second": "y" * 30_000})
        assert answer.status_code == 422
        (error,) = answer.json()["errors"]
        assert error["pointer"] == ""
        assert str(MAX_BYTES) in error["message"]
    assert (await notes.get(path)).json()["values"]["second"] == "ä"
    assert (await notes.patch(path, json={"first": None, "second": "y" * 60_000})).status_code == 200


async def test_so_many_modules(notes: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.settings.evolution.MOST_MODULES", 2)
    assert (await notes.put("/v1/modules/second", json=NOTES)).status_code == 201
    refused = await notes.put("/v1/modules/third", json=NOTES)
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:guildhall:problem:conflict")
    assert (await notes.put("/v1/modules/second", json={**NOTES, "title": "Second"})).status_code == 200
    assert (await notes.get("/v1/modules/third")).status_code == 404


@pytest.fixture
def few(litestar_app: Litestar, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred revisions are kept, the fewest that may be."""
    monkeypatch.setattr(services_of(litestar_app).settings._writer, "_kept", 100)


@pytest.mark.usefixtures("few")
async def test_so_many_revisions(notes: httpx2.AsyncClient, owner: PlainConnection) -> None:
    await notes.patch(settings(QUARRY), json={"first": "theirs"})
    await notes.patch(f"/v1/guilds/{HARBOUR}/settings/leveling", json={"max_level": 5})
    for n in range(104):
        assert (await notes.patch(settings(), json={"first": f"{n}"})).status_code == 200
    kept = await owner.fetch(
        "SELECT guild_id, module, min(revision), count(*) FROM guild_settings_revisions GROUP BY 1, 2"
    )
    assert {tuple(row) for row in kept} == {
        (HARBOUR, "notes", 5, 100), (HARBOUR, "leveling", 1, 1), (QUARRY, "notes", 1, 1),
    }  # fmt: skip
    restore = f"{settings()}/revisions/{{}}/restore"
    assert (await notes.post(restore.format(4))).status_code == 404
    assert (await notes.post(restore.format(6))).json()["values"]["first"] == "5"
    audited = await owner.fetchval(
        "SELECT count(*) FROM audit_log WHERE action = 'settings.updated' AND guild_id = $1", HARBOUR
    )
    assert audited == 106, "the audit log stays"


async def test_for_so_long(
    notes: httpx2.AsyncClient, litestar_app: Litestar, clock: MovableClock, owner: PlainConnection
) -> None:
    """The one that holds stays, however old; nobody can have the last month's forgotten."""
    service = services_of(litestar_app).settings
    for n in range(3):
        await notes.patch(settings(), json={"first": f"{n}"})
    await notes.patch(settings(QUARRY), json={"first": "theirs"})
    clock.move(days=800)
    assert not await service.delete_old_revisions()
    revisions = "SELECT array_agg(revision ORDER BY guild_id, revision) FROM guild_settings_revisions"
    assert await owner.fetchval(revisions) == [1, 2, 3, 1]
    await owner.execute("UPDATE guild_settings_revisions SET at = at - interval '32 days'")
    assert not await service.delete_old_revisions()
    assert await owner.fetchval(revisions) == [3, 1]


async def test_the_functions_delete_no_more(
    litestar_app: Litestar, notes: httpx2.AsyncClient, owner: PlainConnection
) -> None:
    for n in range(3):
        await notes.patch(settings(), json={"first": f"{n}"})
    async with services_of(litestar_app).database.connection() as connection:
        await connection.execute("SELECT guildhall_delete_revisions_beyond($1, 'notes', 1000000, 1)", HARBOUR)
        await connection.execute("SELECT guildhall_delete_revisions_before('infinity', 1000)")
    assert await owner.fetchval("SELECT count(*) FROM guild_settings_revisions") == 3


async def test_the_audit_log_keeps_no_schemas(notes: httpx2.AsyncClient, owner: PlainConnection) -> None:
    """It is never emptied: of each change it keeps which schema it was, and what changed in it."""
    entry = "SELECT changes FROM audit_log WHERE target = 'notes' ORDER BY id DESC LIMIT 1"
    first = msgspec.json.decode(await owner.fetchval(entry))
    assert (first["schema"]["before"], first["schema"]["after"]["changed"]) == (None, ["first", "second"])
    long = {"type": "string", "default": "x" * 30_000, "title": "y" * 10_000}
    second = NOTES["schema"]["properties"]["second"]
    many = {f"p{number}_{'n' * 59}": {"type": "string", "default": "", "title": "t"} for number in range(60)}
    for properties in ({"first": long, "second": second}, {"second": second, "third": long}, many):
        schema = {"type": "object", "properties": properties, "additionalProperties": False}
        changed = await notes.put("/v1/modules/notes", json={"schema": schema})
        assert changed.status_code == 200, changed.text
        stored = await owner.fetchval(entry)
        assert len(stored) < 10_000
        change = msgspec.json.decode(stored)["schema"]
        compact = msgspec.json.encode((await notes.get("/v1/modules/notes")).json()["schema"], order="sorted")
        assert change["after"]["sha256"] == sha256(compact).hexdigest()
        assert change["after"]["bytes"] == len(compact)
        if "third" in properties:
            assert (change["before"]["changed"], change["after"]["changed"]) == (["first"], ["third"])
    assert (len(change["after"]["changed"]), change["after"]["more"]) == (50, 10)
