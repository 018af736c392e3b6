"""What is kept for a credential is bounded, and no answer says that it was kept if it was not."""

from typing import Any

import httpx2
import pytest
from litestar import Litestar

from api.idempotency import answer_quotas
from api.postgres.engine import PlainConnection
from tests.activity.test_record import PATH, message
from tests.support.clock import MovableClock
from tests.support.people import ADA, HARBOUR
from tests.support.wiring import services_of

XP = f"/v1/guilds/{HARBOUR}/members/{ADA}/xp"


async def give(client: httpx2.AsyncClient, key: str | None) -> httpx2.Response:
    return await client.post(XP, json={"amount": 1}, headers={} if key is None else {"Idempotency-Key": key})


@pytest.fixture
def forgetful(litestar_app: Litestar, monkeypatch: pytest.MonkeyPatch) -> Any:  # Any: a function that forgets
    """Has the application count anew, as a process that has just begun."""
    kept = services_of(litestar_app).idempotency._kept
    monkeypatch.setattr(answer_quotas, "MOST_ANSWERS", 5)
    kept._quotas.clear()
    yield kept._quotas.clear
    kept._quotas.clear()


async def test_so_many_answers(
    bot: httpx2.AsyncClient, harbour_bot: httpx2.AsyncClient, forgetful: Any, clock: MovableClock
) -> None:  # Any: the same
    statuses = [(await give(bot, f"key-{n}")).status_code for n in range(5)]
    assert statuses == [200] * 5
    clock.move(hours=1)
    refused = await give(bot, "key-5")
    assert (refused.status_code, refused.json()["type"]) == (429, "urn:guildhall:problem:too-many-requests")
    assert 22 * 3600 < int(refused.headers["retry-after"]) <= 23 * 3600
    assert "Idempotency-Key" in refused.json()["detail"]
    # What was promised holds, others have room of their own, and without a key all goes on.
    again = await give(bot, "key-0")
    assert (again.headers["idempotent-replayed"], again.json()["member"]["xp"]) == ("true", 1)
    assert (await give(harbour_bot, "key-5")).status_code == 200
    assert (await give(bot, None)).status_code == 200
    forgetful()
    assert (await give(bot, "key-5")).status_code == 429
    clock.move(hours=23, seconds=1)
    assert (await give(bot, "key-5")).status_code == 200


async def test_so_many_bytes(
    bot: httpx2.AsyncClient, forgetful: Any, monkeypatch: pytest.MonkeyPatch
) -> None:  # Any: the same
    monkeypatch.setattr(answer_quotas, "MOST_ANSWERS", 100_000)
    monkeypatch.setattr(answer_quotas, "MOST_BYTES", 1000)
    statuses = [(await give(bot, f"key-{n}")).status_code for n in range(8)]
    assert 200 in statuses
    assert statuses[-1] == 429
    assert statuses == sorted(statuses)


async def test_counting_is_rare(
    bot: httpx2.AsyncClient, litestar_app: Litestar, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = services_of(litestar_app).idempotency._kept
    counted, count = 0, kept._count

    async def counting(*arguments: Any) -> None:  # Any: its own
        nonlocal counted
        counted += 1
        await count(*arguments)

    monkeypatch.setattr(kept, "_count", counting)
    kept._quotas.clear()
    for n in range(20):
        await give(bot, f"key-{n}")
    assert counted == 1


async def test_an_answer_too_large_to_keep(
    bot: httpx2.AsyncClient, owner: PlainConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of it counts, and without a key it does."""
    monkeypatch.setattr("api.idempotency.claims.LARGEST", 500)
    leveling = f"/v1/guilds/{HARBOUR}/settings/leveling"
    assert (await bot.patch(leveling, json={"xp_per_message": {"min": 1000, "max": 1000}})).is_success
    events = {"events": [message(f"{n}", user=1000 + n) for n in range(3)]}
    refused = await bot.post(PATH, json=events, headers={"Idempotency-Key": "large"})
    assert (refused.status_code, refused.json()["type"]) == (422, "urn:guildhall:problem:answer-too-large")
    assert await owner.fetchval("SELECT count(*) FROM members") == 0
    assert await owner.fetchval("SELECT count(*) FROM idempotent_answers") == 0
    assert len((await bot.post(PATH, json=events)).json()["level_ups"]) == 3
