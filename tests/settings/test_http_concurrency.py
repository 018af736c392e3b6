"""Many writers at once, of one process and of two: no update is lost, no revision twice, none left out."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from itertools import pairwise

import httpx2
import pytest
from litestar import Litestar

from api.config import Settings
from api.lib.json import JsonObject
from api.postgres.engine import PlainConnection
from api.settings import writer
from tests.operation.servers import another_process
from tests.settings.addresses import entries, faults, register, settings_of, with_property
from tests.support.people import HARBOUR
from tests.support.serving import NO_TLS
from tests.support.wiring import services_of

WIDE: JsonObject = {
    "type": "object",
    "properties": {f"p{n}": {"type": "integer", "default": -1} for n in range(200)},
}
PATH = settings_of("wide")
RAW = "UPDATE guild_settings SET overrides = $2::jsonb, revision = revision + 1 WHERE guild_id = $1"


@pytest.fixture
async def second(bot: httpx2.AsyncClient, settings: Settings) -> AsyncIterator[httpx2.AsyncClient]:
    """The same bot, as a second process on the same database serves it."""
    async with (
        another_process(settings) as url,
        httpx2.AsyncClient(base_url=url, headers=bot.headers, timeout=30, verify=NO_TLS) as client,
    ):
        yield client


async def patched(client: httpx2.AsyncClient, n: int) -> httpx2.Response:
    """Sets property n. Sent again where a busy machine had it wait for too long: nothing was stored then."""
    while (answer := await client.patch(PATH, json={f"p{n}": n})).status_code == 503:
        assert "retry-after" in answer.headers
        await asyncio.sleep(0.2)
    return answer


async def assert_all_are_there(bot: httpx2.AsyncClient, owner: PlainConnection, count: int) -> None:
    """Each property once, revisions without a gap, an entry in the audit log for each."""
    view = (await bot.get(PATH)).json()
    assert view["revision"] == count
    assert view["values"] == {f"p{n}": n if n < count else -1 for n in range(200)}
    rows = await owner.fetch("SELECT revision, before, after FROM guild_settings_revisions ORDER BY revision")
    assert [row["revision"] for row in rows] == list(range(1, count + 1))
    assert all(row["after"] == after["before"] for row, after in pairwise(rows))
    assert await owner.fetchval("SELECT count(*) FROM audit_log WHERE action = 'settings.updated'") == count


async def test_two_hundred_patches_of_one_process(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    await register(bot, WIDE, "wide")
    answers = await asyncio.gather(*(patched(bot, n) for n in range(200)))
    assert {answer.status_code for answer in answers} == {200}
    assert sorted(answer.json()["revision"] for answer in answers) == list(range(1, 201))
    assert all(answer.json()["values"][f"p{n}"] == n for n, answer in enumerate(answers))
    await assert_all_are_there(bot, owner, 200)


async def test_two_processes(bot: httpx2.AsyncClient, second: httpx2.AsyncClient, owner: PlainConnection) -> None:
    await register(bot, WIDE, "wide")
    # The other process has not looked since; only the table can say that there is such a module.
    assert (await second.get("/v1/modules/wide")).status_code == 200
    answers = await asyncio.gather(*(patched((bot, second)[n % 2], n) for n in range(200)))
    assert {answer.status_code for answer in answers} == {200}
    assert sorted(answer.json()["revision"] for answer in answers) == list(range(1, 201))
    await assert_all_are_there(bot, owner, 200)

    tag = (await bot.get(PATH)).headers["etag"]
    answers = await asyncio.gather(
        *((bot, second)[n % 2].patch(PATH, json={"p0": 1000 + n}, headers={"If-Match": tag}) for n in range(20))
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 19

    for turn in range(10):  # each sets back what it remembers, just after the other changed it
        for value, client in ((turn, bot), (-turn - 2, second)):
            view = (await client.patch(PATH, json={"p1": value})).json()
            assert view["values"]["p1"] == value
            back = (await (second if client is bot else bot).patch(PATH, json={"p1": 77})).json()
            assert (back["revision"], back["values"]["p1"]) == (view["revision"] + 1, 77)

    await register(bot, {**WIDE, "properties": {"p0": {"type": "integer", "default": 3}}}, "wide", on_conflict="reset")
    assert (await second.patch(PATH, json={"p0": 4})).json()["values"] == {"p0": 4}
    assert faults(await second.patch(PATH, json={"p9": 4})) == ["/p9"]


async def test_who_loses_every_race_waits_in_line(
    bot: httpx2.AsyncClient, second: httpx2.AsyncClient, owner: PlainConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "ATTEMPTS", 0)
    await register(bot, WIDE, "wide")
    await bot.patch(PATH, json={"p0": 0})
    answers = await asyncio.gather(*(patched((bot, second)[n % 2], n) for n in range(1, 60)))
    assert {answer.status_code for answer in answers} == {200}
    assert (await bot.patch(PATH, json={"p5": 5})).json()["revision"] == 60
    assert faults(await bot.patch(PATH, json={"p5": "x"})) == ["/p5"]
    assert (await bot.patch(PATH, json={"p5": 6}, headers={"If-Match": '"x"'})).status_code == 412
    await assert_all_are_there(bot, owner, 60)


@contextmanager
def behind(app: Litestar, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No look finds what changes meanwhile, and memory is believed all the same."""
    with monkeypatch.context() as patches:
        patches.setattr(services_of(app).watcher, "_note", lambda _rows, _snapshot: None)
        yield


async def test_memory_that_is_behind_neither_refuses_nor_says_that_nothing_changes(
    bot: httpx2.AsyncClient, owner: PlainConnection, litestar_app: Litestar, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = settings_of()
    with behind(litestar_app, monkeypatch):
        await bot.patch(path, json={"cooldown_seconds": 5})
        await owner.execute(RAW, HARBOUR, '{"cooldown_seconds": 6}')
        back = (await bot.patch(path, json={"cooldown_seconds": 5})).json()
        assert (back["revision"], back["values"]["cooldown_seconds"]) == (3, 5)

        await owner.execute(RAW, HARBOUR, '{"xp_per_message": {"max": 100}}')
        valid = await bot.patch(path, json={"xp_per_message": {"min": 50}})
        assert (valid.status_code, valid.json()["values"]["xp_per_message"]) == (200, {"min": 50, "max": 100})

        await owner.execute(RAW, HARBOUR, '{"xp_per_message": {"min": 1, "max": 20}}')
        assert faults(await bot.patch(path, json={"xp_per_message": {"min": 50}})) == ["/xp_per_message/min"]

        tag = (await bot.patch(path, json={"max_level": 1})).headers["etag"]
        await owner.execute(RAW, HARBOUR, '{"max_level": 2}')
        stale = await bot.patch(path, json={"max_level": 3}, headers={"If-Match": tag})
        assert stale.status_code == 412
        gone = await bot.delete(path)
        assert gone.status_code == 204
    assert (await bot.get(path)).json()["revision"] == 9
    assert (await entries(bot))[0]["changes"] == {"max_level": {"before": 2, "after": None}}


async def test_memory_that_is_behind_does_not_know_what_is_gone_or_new(
    bot: httpx2.AsyncClient, owner: PlainConnection, litestar_app: Litestar, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bot.patch(settings_of(), json={"cooldown_seconds": 5})
    assert len((await bot.get("/v1/modules")).json()["items"]) == 5
    with behind(litestar_app, monkeypatch):
        await owner.execute("INSERT INTO modules (name, schema) VALUES ('wide', $1::jsonb)", json.dumps(WIDE))
        assert (await bot.get("/v1/modules/wide")).json()["version"] == 1
        assert (await bot.patch(PATH, json={"p0": 0})).json()["revision"] == 1
        narrow = {"type": "object", "properties": {"p0": {"type": "integer", "maximum": 1, "default": 1}}}
        await owner.execute("UPDATE modules SET version = 2, schema = $1::jsonb", json.dumps(narrow))
        assert faults(await bot.patch(PATH, json={"p0": 2})) == ["/p0"]
        assert (await bot.get(PATH)).json()["values"] == {"p0": 0}
        await owner.execute("UPDATE guilds SET deleted_at = now() WHERE id = $1", HARBOUR)
        assert (await bot.patch(settings_of(), json={"cooldown_seconds": 6})).status_code == 404
        assert (await bot.get(f"/v1/guilds/{HARBOUR}/settings")).status_code == 404
    assert await owner.fetchval("SELECT max(revision) FROM guild_settings") == 1


async def test_evolving_while_guilds_change_leaves_nothing_that_does_not_fit(
    bot: httpx2.AsyncClient, owner: PlainConnection
) -> None:
    guilds = [*range(101, 111)]
    await asyncio.gather(*(bot.put(f"/v1/guilds/{guild}", json={"name": "x"}) for guild in guilds))
    await register(bot)
    for largest in (100, 10, 100, 10):
        schema = with_property(limit={"type": "integer", "maximum": largest, "default": 1})
        patches = [
            bot.patch(settings_of("welcome", guild), json={"limit": value, "text": f"{value}"})
            for value in (5, 50)
            for guild in guilds
        ]
        evolved, *answers = await asyncio.gather(register(bot, schema, on_conflict="reset"), *patches)
        assert evolved.status_code in (200, 201), evolved.text
        assert {answer.status_code for answer in answers} <= {200, 422}
        limits = await owner.fetch("SELECT (overrides ->> 'limit')::int FROM guild_settings WHERE module = 'welcome'")
        assert all(limit is None or limit <= largest for (limit,) in limits)
        assert len(limits) == len(guilds)
