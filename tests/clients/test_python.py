"""The Python client against the application itself: typed answers, refusals, and trying again."""

import httpx2
import msgspec
import pytest
from litestar import Litestar

from guildhall_client import Guildhall, Problem, Unreachable
from guildhall_client.retrying import Patience
from tests.cards.pictures import image
from tests.clients.transports import FaultyTransport
from tests.support.people import ADA, BO, HARBOUR, NOBODYS
from tests.support.wiring import services_of


class Welcome(msgspec.Struct):
    """A bot's own module, as its code reads it."""

    text: str
    enabled: bool = False


SCHEMA = {
    "type": "object",
    "properties": {"text": {"type": "string", "default": "Hello"}, "enabled": {"type": "boolean", "default": False}},
}


async def test_what_a_bot_does(guildhall: Guildhall) -> None:
    await guildhall.put_guild(HARBOUR, "Harbour", owner_id=str(ADA))
    given = await guildhall.adjust_xp(HARBOUR, ADA, 300, reason="won the quiz, 1. place")
    assert (given.member.xp, given.member.rank) == (300, 1)
    assert given.level_up is not None
    member = await guildhall.member(HARBOUR, ADA)
    assert member is not None
    assert member.xp == 300
    assert await guildhall.member(HARBOUR, BO) is None
    assert [entry.user_id for entry in (await guildhall.leaderboard(HARBOUR, period="day", limit=5)).items] == [
        str(ADA)
    ]
    assert (await guildhall.role_rewards(HARBOUR, ADA, [5, 6])).add == []
    assert (await guildhall.choose_privacy(ADA, visibility="hidden")).visibility == "hidden"
    assert (await guildhall.privacy(ADA)).opt_out is False
    assert (await guildhall.erase(ADA, opt_out=True)).guilds == 1
    for _ in range(2):
        await guildhall.member_left(HARBOUR, BO)
        await guildhall.delete_guild(HARBOUR)


async def test_a_card(guildhall: Guildhall, litestar_app: Litestar, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Problem, match="404"):
        await guildhall.cards.member(HARBOUR, ADA)
    await guildhall.adjust_xp(HARBOUR, ADA, 300)
    shown = image(await guildhall.cards.member(HARBOUR, ADA))
    assert (shown.format, shown.size) == ("PNG", (934, 282))
    monkeypatch.setattr(services_of(litestar_app).renderer, "is_installed", False)
    with pytest.raises(Problem) as refused:
        await guildhall.cards.member(HARBOUR, ADA)
    assert (refused.value.status, refused.value.type) == (501, "urn:guildhall:problem:pictures-not-installed")


async def test_a_busy_server_is_asked_for_a_card_again(guildhall: Guildhall, transport: FaultyTransport) -> None:
    await guildhall.adjust_xp(HARBOUR, ADA, 300)
    transport.faults = ["stopping"]
    assert image(await guildhall.cards.member(HARBOUR, ADA)).format == "PNG"
    transport.faults = ["stopping"]
    with pytest.raises(Problem, match="503"):
        await guildhall.cards.member(HARBOUR, ADA, patience=0)


async def test_settings_are_typed_and_cheap(guildhall: Guildhall) -> None:
    statuses: list[int] = []

    async def note(response: httpx2.Response) -> None:
        statuses.append(response.status_code)

    await guildhall.put_module("welcome", SCHEMA, "Welcome")
    guildhall.http.event_hooks["response"].append(note)
    first = await guildhall.settings(HARBOUR, "welcome", Welcome)
    assert first.values == Welcome(text="Hello")
    assert await guildhall.settings(HARBOUR, "welcome", Welcome) == first
    await guildhall.patch_settings(HARBOUR, "welcome", {"text": "Ahoi"})
    assert (await guildhall.settings(HARBOUR, "welcome", Welcome)).values.text == "Ahoi"
    assert statuses == [200, 304, 200, 200]


async def test_a_refusal_says_why(guildhall: Guildhall) -> None:
    with pytest.raises(Problem) as refused:
        await guildhall.patch_settings(HARBOUR, "leveling", {"cooldown_seconds": -1})
    assert (refused.value.status, refused.value.type) == (422, "urn:guildhall:problem:invalid")
    assert refused.value.errors[0].pointer == "/cooldown_seconds"
    with pytest.raises(Problem, match="404"):
        await guildhall.settings(NOBODYS, "leveling", dict)


async def test_it_tries_again(guildhall: Guildhall, transport: FaultyTransport) -> None:
    transport.faults = ["away", "stopping"]
    await guildhall.put_guild(HARBOUR, "Harbour")
    assert len(transport.sent) == 3


async def test_what_was_done_is_not_done_again(guildhall: Guildhall, transport: FaultyTransport) -> None:
    """Each try has the same idempotency key."""
    transport.faults = ["away", "away"]
    await guildhall.adjust_xp(HARBOUR, ADA, 5)
    assert len({request.headers["Idempotency-Key"] for request in transport.sent}) == 1


async def test_patience_ends(guildhall: Guildhall, transport: FaultyTransport) -> None:
    guildhall.requests.patience = 0.3
    transport.faults = ["away"] * 9
    with pytest.raises(Unreachable, match="PUT /v1/guilds"):
        await guildhall.put_guild(HARBOUR, "Harbour")
    assert 1 < len(transport.sent) < 9


def test_waits_as_long_as_it_is_asked_to() -> None:
    now = [0.0]
    patience = Patience(60, now=lambda: now[0])
    assert patience.wait(httpx2.Response(429, headers={"Retry-After": "7"})) == 7
    assert patience.wait(httpx2.Response(409, headers={"Retry-After": "1"})) == 1
    assert patience.wait(httpx2.Response(409)) is None, "a conflict does not go by waiting"
    assert patience.wait(httpx2.Response(404)) is None
    now[0] = 55.0
    assert patience.wait(httpx2.Response(503, headers={"Retry-After": "7"})) is None
    waits = [Patience(60).wait(None) or 0.0 for _ in range(20)]
    assert 0.15 <= min(waits) < max(waits) <= 0.25
