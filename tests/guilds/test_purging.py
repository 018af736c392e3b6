"""Guilds whose retention has ended are purged one by one, in batches, whatever their size."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import httpx2
import pytest
from litestar import Litestar

from api.guilds import purging
from api.guilds.purging import Purging
from api.postgres.engine import PlainConnection
from tests.activity.test_record import message
from tests.members.counters import assert_counters
from tests.support.clock import MovableClock
from tests.support.people import HARBOUR, QUARRY
from tests.support.wiring import services_of

BATCH = 10
MEMBERS = range(1000, 1000 + 3 * BATCH)
GROWING = (
    "guild_settings_revisions", "members", "boards", "xp_counts", "activity_ids", "activity_days", "activity_hours",
)  # fmt: skip

REFUSING = ("members", "guild_settings_revisions", "webhook_deliveries", "boards")

# What deletes more rows at once takes too long, as it would with hundreds of thousands of them.
_TOO_MUCH = f"""
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF (SELECT count(*) FROM gone) > {BATCH} THEN RAISE query_canceled; END IF;
        RETURN NULL;
    END $$
"""
_NEVER = f"""
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (SELECT FROM gone WHERE guild_id = {HARBOUR}) THEN RAISE query_canceled; END IF;
        RETURN NULL;
    END $$
"""


@pytest.fixture
async def refused(owner: PlainConnection, request: pytest.FixtureRequest) -> AsyncIterator[None]:
    """Some deletions of members are refused."""
    await owner.execute(request.param)
    for table in REFUSING if request.param == _TOO_MUCH else ("members",):
        await owner.execute(
            f"CREATE TRIGGER refuse AFTER DELETE ON {table} REFERENCING OLD TABLE AS gone"
            " FOR EACH STATEMENT EXECUTE FUNCTION refuse()"
        )
    yield
    await owner.execute("DROP FUNCTION IF EXISTS refuse CASCADE")


@pytest.fixture
def purge(litestar_app: Litestar, clock: MovableClock, monkeypatch: pytest.MonkeyPatch) -> Purging:
    monkeypatch.setattr(purging, "BATCH_SIZE", BATCH)
    services = services_of(litestar_app)
    return Purging(services.database, services.watcher, clock, timedelta(days=30))


async def fill(bot: httpx2.AsyncClient, clock: MovableClock, guild_id: int) -> None:
    """So many members that one batch does not take them."""
    events = [message(f"{clock.ahead}-{user}", user=user, at=clock.now()) for user in MEMBERS]
    answer = await bot.post(f"/v1/guilds/{guild_id}/activity", json={"events": events})
    assert answer.json()["accepted"] == len(events)
    for xp in range(2 * BATCH):
        settings = {"xp_per_message": {"min": xp, "max": xp}}
        assert (await bot.patch(f"/v1/guilds/{guild_id}/settings/leveling", json=settings)).status_code == 200


async def owe(owner: PlainConnection, guild_id: int) -> None:
    """So many deliveries that one batch does not take them."""
    await owner.execute(
        "WITH hook AS (INSERT INTO webhooks (guild_id, url, secret) VALUES ($1, 'https://a.example', '') RETURNING id)"
        " INSERT INTO webhook_deliveries (webhook_id, type, at, status)"
        " SELECT id, 'guild.updated', now(), 'delivered' FROM hook, generate_series(1, $2)",
        guild_id,
        2 * BATCH,
    )


async def due(bot: httpx2.AsyncClient, clock: MovableClock, *guilds: int) -> None:
    """These guilds were deleted so long ago that they are gone."""
    for guild_id in guilds:
        await fill(bot, clock, guild_id)
        assert (await bot.delete(f"/v1/guilds/{guild_id}")).status_code == 204
    clock.move(days=31)


async def left(owner: PlainConnection, guild_id: int) -> dict[str, int]:
    """How many rows there are of what grows."""
    tables = ("guilds", *GROWING)
    orphans = (
        "SELECT count(*) FROM webhook_deliveries d WHERE NOT EXISTS (SELECT FROM webhooks WHERE id = d.webhook_id)"
    )
    assert await owner.fetchval(orphans) == 0
    return {
        table: await owner.fetchval(
            f"SELECT count(*) FROM {table} WHERE {'id' if table == 'guilds' else 'guild_id'} = $1", guild_id
        )
        for table in tables
    }


@pytest.mark.parametrize("refused", [_TOO_MUCH], indirect=True)
async def test_a_large_guild_goes_in_batches(
    bot: httpx2.AsyncClient, owner: PlainConnection, clock: MovableClock, purge: Purging, refused: None
) -> None:
    await due(bot, clock, HARBOUR)
    await owe(owner, HARBOUR)
    assert await purge.purge_all() == 1
    assert not any((await left(owner, HARBOUR)).values())
    assert await owner.fetchval("SELECT count(*) FROM webhook_deliveries") == 0
    purged = "SELECT count(*) FROM audit_log WHERE action = 'guild.purged' AND guild_id = $1"
    assert await owner.fetchval(purged, HARBOUR) == 1


@pytest.mark.parametrize("refused", [_TOO_MUCH], indirect=True)
async def test_a_large_guild_comes_back(
    bot: httpx2.AsyncClient, owner: PlainConnection, clock: MovableClock, purge: Purging, refused: None
) -> None:
    """Before it was purged: it begins anew, with nothing."""
    await due(bot, clock, HARBOUR)
    answer = await bot.put(f"/v1/guilds/{HARBOUR}", json={"name": "Anew"})
    assert answer.status_code == 201, answer.text
    assert await left(owner, HARBOUR) == {"guilds": 1} | dict.fromkeys(GROWING, 0)
    assert (await bot.get(f"/v1/guilds/{HARBOUR}")).json()["name"] == "Anew"


@pytest.mark.parametrize("refused", [_NEVER], indirect=True)
async def test_one_that_cannot_be_purged_holds_up_no_other(
    bot: httpx2.AsyncClient, owner: PlainConnection, clock: MovableClock, purge: Purging, refused: None
) -> None:
    """Nor is what was done of it done in vain. It is the one that was deleted first."""
    await due(bot, clock, HARBOUR, QUARRY)
    with pytest.raises(asyncpg.QueryCanceledError):
        await purge.purge_all()
    assert not any((await left(owner, QUARRY)).values())
    stuck = await left(owner, HARBOUR)
    assert (stuck["guilds"], stuck["members"], stuck["activity_days"]) == (1, len(MEMBERS), 0)
    await owner.execute("DROP FUNCTION refuse CASCADE")
    assert await purge.purge_all() == 1
    assert not any((await left(owner, HARBOUR)).values())


async def test_revisions_of_a_guild_that_is_there_are_not_forgotten(
    bot: httpx2.AsyncClient, owner: PlainConnection, clock: MovableClock, litestar_app: Litestar
) -> None:
    await fill(bot, clock, HARBOUR)
    before = await left(owner, HARBOUR)
    async with services_of(litestar_app).database.connection() as connection:
        assert await connection.fetchval("SELECT guildhall_delete_revisions_of($1, 1000)", HARBOUR) == 0
    assert await left(owner, HARBOUR) == before


async def test_what_has_come_back_is_not_emptied(
    bot: httpx2.AsyncClient, owner: PlainConnection, clock: MovableClock, purge: Purging
) -> None:
    """It was listed when it was due, and is not any more when its turn comes."""
    await due(bot, clock, HARBOUR)
    assert (await bot.put(f"/v1/guilds/{HARBOUR}", json={"name": "Anew"})).status_code == 201
    await fill(bot, clock, HARBOUR)
    before = await left(owner, HARBOUR)
    assert not await purge.purge(HARBOUR)
    assert await left(owner, HARBOUR) == before


async def test_coming_back_while_it_is_emptied(
    bot: httpx2.AsyncClient, owner: PlainConnection, clock: MovableClock, purge: Purging
) -> None:
    await due(bot, clock, HARBOUR, QUARRY)

    async def come_back(guild_id: int) -> None:
        assert (await bot.put(f"/v1/guilds/{guild_id}", json={"name": "Anew"})).status_code == 201
        await fill(bot, clock, guild_id)

    await asyncio.gather(*(purge.purge_all() for _ in range(3)), come_back(HARBOUR), come_back(QUARRY))
    for guild_id in (HARBOUR, QUARRY):
        assert (await left(owner, guild_id))["members"] == len(MEMBERS)
    await assert_counters(owner)
    counted = await owner.fetch("SELECT members FROM member_counts")
    assert [row[0] for row in counted] == [len(MEMBERS)] * 2
