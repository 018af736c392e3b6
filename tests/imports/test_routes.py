"""The routes of imports: who may, what is refused before anything is taken in."""

import asyncio
from collections.abc import AsyncIterator

import httpx2
import pytest

from api.auth.scopes import Scope
from api.imports import controller
from api.postgres.engine import PlainConnection
from tests.imports.files import counts, ended, event, imported, lines, mee6_page, mee6_player, send
from tests.support.clients import Clients
from tests.support.people import BAD_IDS, HARBOUR, NOBODYS, QUARRY

ADDRESS = f"/v1/guilds/{HARBOUR}/imports"


async def test_it_is_accepted_and_its_progress_is_shown(bot: httpx2.AsyncClient) -> None:
    response = await send(bot, "mee6", mee6_page(mee6_player()))

    assert response.status_code == 202
    view = response.json()
    assert response.headers["Location"] == f"/v1/imports/{view['id']}"
    assert (view["status"], view["progress"], view["guild_id"]) == ("queued", 0.0, str(HARBOUR))
    assert (view["finished_at"], view["counts"]) == (None, counts(0, 0))
    found = await ended(bot, response.headers["Location"])
    assert set(found) == set(view)
    again = await bot.get(response.headers["Location"])
    known = await bot.get(response.headers["Location"], headers={"If-None-Match": again.headers["ETag"]})
    assert known.status_code == 304


async def test_list_is_by_age_in_pages(bot: httpx2.AsyncClient) -> None:
    made = [(await imported(bot, "csv", b"user_id,xp\n5,1\n"))["id"] for _ in range(5)]
    await imported(bot, "csv", b"user_id,xp\n5,1\n", QUARRY)

    first = (await bot.get(ADDRESS, params={"limit": 3})).json()
    second = (await bot.get(ADDRESS, params={"limit": 3, "cursor": first["next_cursor"]})).json()
    assert [item["id"] for item in first["items"] + second["items"]] == made[::-1]
    assert second["next_cursor"] is None
    assert (await bot.get(ADDRESS, params={"limit": 0})).status_code == 422


async def test_stranger_sees_nothing(
    harbour_bot: httpx2.AsyncClient, mallory: httpx2.AsyncClient, anonymous: httpx2.AsyncClient
) -> None:
    found = await imported(harbour_bot, "csv", b"user_id,xp\n5,1\n")
    address = f"/v1/imports/{found['id']}"

    assert (await harbour_bot.get(address)).status_code == 200
    for path in (address, ADDRESS, f"/v1/guilds/{HARBOUR}/export"):
        assert (await mallory.get(path)).status_code == 404, path
        assert (await anonymous.get(path)).status_code == 401, path
    assert (await send(mallory, "csv", b"user_id,xp\n5,1\n")).status_code == 404
    assert (await send(harbour_bot, "csv", b"", NOBODYS)).status_code == 404


@pytest.mark.parametrize("id_", [*BAD_IDS[:6], str(2**63 - 1)])
async def test_import_that_cannot_be(bot: httpx2.AsyncClient, id_: str) -> None:
    assert (await bot.get(f"/v1/imports/{id_}")).status_code == 404


async def test_scopes(bot: httpx2.AsyncClient, clients: Clients) -> None:
    async with await clients.bot(scopes=[Scope.MEMBERS_READ]) as reader:
        assert (await reader.get(ADDRESS)).status_code == 200
        assert (await send(reader, "csv", b"user_id,xp\n")).status_code == 403
        assert (await reader.get(f"/v1/guilds/{HARBOUR}/export")).status_code == 403
    async with await clients.bot(scopes=[Scope.MEMBERS_WRITE]) as writer:
        assert (await writer.get(ADDRESS)).status_code == 403


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["source"]),
        ("source=arcane", ["source"]),
        ("source=csv&mode=replace", ["mode"]),
        ("source=csv&dry_run=perhaps&x=1", ["x", "dry_run"]),
        ("source=csv&source=csv", ["source"]),
        ("source=csv&settings=true", ["settings"]),
    ],
)
async def test_requests_that_are_refused(bot: httpx2.AsyncClient, query: str, names: list[str]) -> None:
    response = await bot.post(f"{ADDRESS}?{query}", content=b"", headers={"Content-Type": "text/csv"})
    assert response.status_code == 422, response.text
    assert [error["parameter"] for error in response.json()["errors"]] == names


@pytest.mark.parametrize("mode", ["set", "add", "max"])
async def test_events_have_no_mode(bot: httpx2.AsyncClient, mode: str) -> None:
    response = await send(bot, "events", lines(event(1, "2020-01-01T00:00:00Z")), mode=mode)
    assert response.status_code == 422
    assert [error["parameter"] for error in response.json()["errors"]] == ["mode"]


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("mee6", "text/csv"),
        ("csv", "application/json"),
        ("events", "application/json"),
        ("guildhall", ""),
        ("csv", "text/csv; charset=latin-1"),
    ],
)
async def test_wrong_media_type(bot: httpx2.AsyncClient, source: str, kind: str) -> None:
    response = await bot.post(f"{ADDRESS}?source={source}", content=b"{}", headers={"Content-Type": kind})
    assert response.status_code == 415
    assert response.headers["Accept"] in {"application/json", "text/csv", "application/x-ndjson"}


async def test_too_large(bot: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch, owner: PlainConnection) -> None:
    monkeypatch.setattr(controller, "LARGEST_BODY", 3_000_000)

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(60):
            yield b"x" * 65536

    for content in (b"x" * 3_000_001, endless()):
        response = await bot.post(f"{ADDRESS}?source=csv", content=content, headers={"Content-Type": "text/csv"})
        assert response.status_code == 413
        assert response.json()["type"].endswith("body-too-large")
    assert await owner.fetchval("SELECT count(*) FROM imports") == 0


async def test_one_at_a_time(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    rows = b"user_id,xp\n" + b"".join(b"%d,5\n" % (1000 + user) for user in range(15_000))
    responses = await asyncio.gather(*(send(bot, "csv", rows) for _ in range(4)))
    assert sorted(response.status_code for response in responses) == [202, 409, 409, 409]
    first = next(response for response in responses if response.status_code == 202)
    assert (await send(bot, "csv", rows)).json()["type"].endswith("conflict")
    other = await send(bot, "csv", b"user_id,xp\n5,1\n", QUARRY)
    assert other.status_code == 202

    assert (await ended(bot, first.headers["Location"]))["counts"] == counts(15_000, 15_000)
    assert (await ended(bot, other.headers["Location"]))["status"] == "finished"
    assert await owner.fetchval("SELECT count(*) FROM imports") == 2
    assert (await imported(bot, "csv", rows))["counts"] == counts(15_000, 0, 15_000)


async def test_it_stands_in_the_audit_log(bot: httpx2.AsyncClient) -> None:
    headers = {"Content-Type": "text/csv", "X-Audit-Log-Reason": "moving%20house"}
    asked = await bot.post(f"{ADDRESS}?source=csv", content=b"user_id,xp\n5,1\nx,1\n", headers=headers)
    await ended(bot, asked.headers["Location"])
    await imported(bot, "csv", b"user_id,xp\n5,1\n", dry_run=True)

    log = (await bot.get(f"/v1/guilds/{HARBOUR}/audit-log")).json()["items"]
    done, requested = (item for item in log if item["action"].startswith("import."))
    assert (requested["action"], requested["target"]) == ("import.requested", asked.json()["id"])
    assert requested["changes"]["source"] == {"before": None, "after": "csv"}
    assert (done["action"], done["target"]) == ("import.finished", asked.json()["id"])
    assert done["changes"]["rows"] == {"before": None, "after": 2}
    assert done["changes"]["status"] == {"before": "running", "after": "finished"}
    assert {entry["reason"] for entry in (done, requested)} == {"moving house"}
    assert done["actor"] == requested["actor"]
