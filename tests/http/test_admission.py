"""When requests begin: everybody in their turn, refusals later, probes at once."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import httpx2
import pytest
from litestar import Litestar
from litestar.types import ASGIApp

from api.auth import slots
from api.auth.slots import Slots
from api.errors import GuildhallError, TooManyRequests
from api.http import admission
from api.http.admission import AT_ONCE, LEAST_HELD, MOST_HELD, REFUSALS_AT_ONCE, Admission
from api.http.protocol import connections_of
from tests.http.wire import Wire
from tests.support.clients import Clients
from tests.support.people import HARBOUR
from tests.support.wiring import services_of


def scope(path: str = "/v1/guilds") -> Any:  # Any: no more of a scope than is looked at
    return {"path": path}


def line(whose: list[str], spent: set[str], crowded: set[str] = frozenset()) -> tuple[Admission, list[str]]:  # type: ignore[assignment] # never changed
    """Requests of these people, in this order; who has begun, `-` before who was refused."""
    begun: list[str] = []
    made = Admission(
        lambda scope: scope["whose"] in spent,  # type: ignore[typeddict-item] # ours
        lambda scope: TooManyRequests() if scope["whose"] in crowded else None,  # type: ignore[typeddict-item] # ours
        lambda scope: str(scope["whose"]),  # type: ignore[typeddict-item] # ours
    )

    def begin(name: str, refusal: GuildhallError | None) -> None:
        begun.append(name if refusal is None else f"-{name}")

    for name in whose:
        asked: Any = {**scope(), "whose": name}  # Any: the same
        if made.begins_at_once(asked):
            begun.append(name)
        else:
            assert made.wait(asked, partial(begin, name))
    return made, begun


async def test_so_many_begin_in_a_turn() -> None:
    _, begun = line(["noisy"] * (3 * AT_ONCE), set())
    assert len(begun) == AT_ONCE
    await asyncio.sleep(0)
    assert len(begun) == 2 * AT_ONCE
    await asyncio.sleep(0)
    assert len(begun) == 3 * AT_ONCE


async def test_who_asks_for_little_is_not_behind_who_asks_for_much() -> None:
    _, begun = line([*["noisy"] * (5 * AT_ONCE), "quiet", "quiet", "other"], set())
    await asyncio.sleep(0)
    assert sorted(begun[AT_ONCE:])[-3:] == ["other", "quiet", "quiet"]
    for _ in range(4):
        await asyncio.sleep(0)
    assert len(begun) == 5 * AT_ONCE + 3


async def test_probes_begin_at_once_whatever_waits() -> None:
    made, _ = line(["noisy"] * 1000, set())
    assert made.begins_at_once(scope("/health/ready"))
    assert made.begins_at_once(scope("/health/live"))
    assert not made.begins_at_once(scope())


@pytest.fixture
def times() -> list[float]:
    """For how many seconds each was held."""
    return []


@pytest.fixture
async def held(monkeypatch: pytest.MonkeyPatch, times: list[float]) -> list[partial[None]]:
    """What lets each go that is held."""
    later: list[partial[None]] = []

    loop = asyncio.get_running_loop()
    real = loop.call_later

    def call_later(seconds: float, do: Callable[..., None], *args: object) -> asyncio.TimerHandle:
        if isinstance(getattr(do, "__self__", None), Admission):
            times.append(seconds)
            later.append(partial(do, *args))
            return real(0, lambda: None)
        return real(seconds, do, *args)

    monkeypatch.setattr(loop, "call_later", call_later, raising=False)
    return later


async def test_who_would_be_refused_is_held_and_holds_up_nobody(held: list[partial[None]], times: list[float]) -> None:
    _, begun = line([*["spent"] * 1200, "quiet"], {"spent"})
    assert begun == ["quiet"]
    assert (times[0], times[-1], len(times)) == (LEAST_HELD, MOST_HELD, 1200)
    assert times == sorted(times)
    for release in held:
        release()
    for turn in range(1, 5):
        await asyncio.sleep(0)
        assert begun[1:] == ["spent"] * REFUSALS_AT_ONCE * turn


async def test_no_more_than_so_many_are_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "MOST_REQUESTS", 2)
    made, begun = line(["spent"] * 2, {"spent"})
    assert not begun
    assert made.begins_at_once(scope("/health/ready"))
    full = Admission(lambda _: True)
    assert [full.wait(scope(), lambda _: None) for _ in range(3)] == [True, True, False]


class Family:
    """Requests of one family that take a slot each as they begin."""

    def __init__(self, at_once: int) -> None:
        self.slots = Slots(at_once)
        self.admission = Admission(share_of=lambda _: self.slots.share("family"))
        self.slots.on_free = self.admission.wake
        self.leaves: list[Callable[[], None]] = []
        self.begun: list[str] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def fill(self) -> None:
        self.leaves = [await self.slots.enter("family") for _ in range(self.slots.free("family"))]

    def ask(self, name: str, *, takes: bool = True) -> None:
        begin = partial(self._begin, name, takes)
        if self.admission.begins_at_once(scope()):
            begin(None)
        else:
            assert self.admission.wait(scope(), begin)

    def _begin(self, name: str, takes: bool, refusal: GuildhallError | None) -> None:
        self.begun.append(name if refusal is None else f"-{name}")
        if takes and refusal is None:
            self._tasks.append(asyncio.create_task(self._take()))

    async def _take(self) -> None:
        self.leaves.append(await self.slots.enter("family"))


async def turns(count: int = 20) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_who_has_no_slot_has_not_begun() -> None:
    family = Family(3)
    await family.fill()
    for number in range(5):
        family.ask(str(number))
    await turns()
    assert family.begun == []
    family.leaves.pop(0)()
    await turns()
    assert family.begun == ["0"]
    for leave in [family.leaves.pop() for _ in range(3)]:
        leave()
    await turns()
    assert family.begun == ["0", "1", "2", "3"]
    family.leaves.pop()()
    await turns()
    assert family.begun == ["0", "1", "2", "3", "4"]
    assert (family.admission._full, family.admission._waiting) == ({}, 0)


async def test_no_more_begin_than_there_are_slots() -> None:
    family = Family(3)
    await family.fill()
    family.leaves.pop()()
    for number in range(5):
        family.ask(str(number))
    await turns()
    assert family.begun == ["0"]
    assert not family.slots._waiting


async def test_who_comes_between_two_turns_takes_nobody_s_slot() -> None:
    """Who began in a turn takes the slot after it; who is read meanwhile does not begin for the same slot."""
    family = Family(1)
    await family.fill()
    family.ask("waits")
    family.leaves.pop()()
    while not family.begun:  # noqa: ASYNC110 - turn by turn
        await asyncio.sleep(0)
    family.ask("comes")
    await turns()
    assert family.begun == ["waits"]
    assert not family.slots._waiting


async def test_who_begins_and_takes_no_slot_leaves_it_to_the_next() -> None:
    family = Family(3)
    await family.fill()
    for number in range(6):
        family.ask(str(number), takes=number > 3)
    family.leaves.pop()()
    await turns()
    assert family.begun == ["0", "1", "2", "3", "4"]


async def test_who_waits_for_a_slot_holds_up_nobody() -> None:
    family = Family(1)
    await family.fill()
    family.ask("waits")
    family.admission._share_of = lambda _: None
    for number in range(AT_ONCE):
        assert family.admission.begins_at_once(scope()), number


async def test_who_waited_too_long_for_a_slot_is_refused(
    held: list[partial[None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    family = Family(1)
    await family.fill()
    family.ask("late")
    monkeypatch.setattr(admission, "WAIT_SECONDS", -1.0)
    held.pop()()
    assert family.begun == ["-late"]
    family.leaves.pop()()
    family.ask("next")
    assert family.begun == ["-late", "next"]


async def test_no_more_than_so_many_wait_for_a_slot(held: list[partial[None]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "WAITING", 2)
    family = Family(1)
    await family.fill()
    for number in range(4):
        family.ask(str(number))
    _sweep, third, fourth = held
    third()
    await turns()
    assert family.begun == ["-2"]
    family.leaves.pop()()
    await turns()
    assert family.begun == ["-2", "0"]
    fourth()  # there is room again, and it has been held long enough
    await turns()
    assert family.begun == ["-2", "0", "3"]


async def test_whose_budget_was_spent_while_they_waited_is_held_then(held: list[partial[None]]) -> None:
    spent: set[str] = set()
    _, begun = line(["crowd"] * (AT_ONCE + 2), set(), spent)
    spent.add("crowd")
    await asyncio.sleep(0)
    assert (len(begun), len(held)) == (AT_ONCE, 2)
    for release in held:
        release()
    await asyncio.sleep(0)
    assert begun[AT_ONCE:] == ["-crowd"] * 2


async def test_what_waited_too_long_is_not_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "MOST_WAITED", -1.0)
    _, begun = line(["noisy"] * (AT_ONCE + 2), set())
    await asyncio.sleep(0)
    assert begun == ["noisy"] * AT_ONCE + ["-noisy"] * 2


async def test_a_refusal_that_was_held_is_the_same(
    wire: Wire,
    clients: Clients,
    litestar_app: Litestar,
    bot: httpx2.AsyncClient,
    held: list[partial[None]],
    times: list[float],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = (await bot.post("/v1/keys", json={"name": "spent", "scopes": ["settings:read"], "rate_limit": 1})).json()
    path = f"/v1/guilds/{HARBOUR}/settings/leveling"
    request = f"GET {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {made['secret']}\r\n\r\n".encode()
    async with wire.open() as connection, clients.bearer(made["secret"]) as client:
        connection.send(request)
        assert (await connection.answer()).status == 200
        at_once = await client.get(path)
        assert at_once.status_code == 429
        credential = await services_of(litestar_app).keyring.authenticate(f"Bearer {made['secret']}")
        monkeypatch.setattr(
            services_of(litestar_app).limiter, "remembered", lambda _: credential
        )  # a change forgets it
        connection.send(request)
        await true(lambda: LEAST_HELD in times)  # a sweep of another test may come before
        held[times.index(LEAST_HELD)]()
        late = await connection.answer()
        assert (late.status, late.problem["type"]) == (429, at_once.json()["type"])
        apart = {
            "x-request-id",
            "ratelimit",
            "retry-after",
            "x-ratelimit-reset",
            "x-ratelimit-reset-after",
            "date",
            "server",
            "content-length",
        }
        assert {k: v for k, v in late.headers.items() if k not in apart} == {
            k: v for k, v in at_once.headers.items() if k not in apart
        }
        assert late.headers.keys() - {"date", "server"} == at_once.headers.keys()
        assert late.problem.keys() == at_once.json().keys()


async def test_a_crowded_key_is_refused_on_a_connection_that_stays(
    wire: Wire, app: ASGIApp, litestar_app: Litestar, bot: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = (await bot.post("/v1/keys", json={"name": "crowd", "scopes": ["guilds:read"]})).json()
    credential = await services_of(litestar_app).keyring.authenticate(f"Bearer {made['secret']}")
    monkeypatch.setattr(services_of(litestar_app).limiter, "remembered", lambda _: credential)  # a change forgets it
    found: Slots = services_of(litestar_app).slots
    head = f"/v1/guilds/{HARBOUR}/roles HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {made['secret']}\r\n"
    get = f"GET {head}X-Request-ID: mine\r\n\r\n".encode()
    async with wire.open() as waiting, wire.open() as connection:
        connection.send(get)
        assert (await connection.answer()).status == 200
        leaves = [await found.enter(f"key:{made['id']}") for _ in range(slots.AT_ONCE)]
        monkeypatch.setattr(admission, "WAITING", 1)
        waiting.send(get)
        await true(lambda: bool(connections_of(app).admission._full))
        connection.send(get)
        refused = await connection.answer()
        assert (refused.status, refused.problem["type"]) == (429, "urn:guildhall:problem:too-many-requests")
        assert refused.headers["retry-after"] == "1"
        assert refused.headers["x-request-id"] == "mine"
        assert refused.headers["x-content-type-options"] == "nosniff"
        assert "connection" not in refused.headers
        connection.send(f"POST {head}Content-Length: 3\r\n\r\n".encode())
        assert (await connection.answer()).status == 429
        connection.send(b"{} ", f"HEAD {head}\r\n".encode())
        assert (await connection.reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 429 ")
        for leave in leaves:
            leave()
        assert (await waiting.answer()).status == 200
        connection.send(get)
        assert (await connection.answer()).status == 200


async def true(is_so: Callable[[], bool]) -> None:
    """Returns when it is."""
    async with asyncio.timeout(60):
        while not is_so():  # noqa: ASYNC110 # nothing tells of it
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("is_known", [True, False])
async def test_nothing_is_done_for_who_went_while_they_waited(
    wire: Wire,
    app: ASGIApp,
    litestar_app: Litestar,
    bot: httpx2.AsyncClient,
    is_known: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In the line, where the key is in memory; else for the slot."""
    made = (await bot.post("/v1/keys", json={"name": "gone", "scopes": ["guilds:write"]})).json()
    credential = await services_of(litestar_app).keyring.authenticate(f"Bearer {made['secret']}")
    remembered = credential if is_known else None
    monkeypatch.setattr(services_of(litestar_app).limiter, "remembered", lambda _: remembered)
    found: Slots = services_of(litestar_app).slots
    leaves = [await found.enter(f"key:{made['id']}") for _ in range(slots.AT_ONCE)]
    body = b'{"name": "Gone"}'
    head = f"Host: a\r\nAuthorization: Bearer {made['secret']}\r\nContent-Type: application/json\r\n"
    request = f"PUT /v1/guilds/{HARBOUR} HTTP/1.1\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    before = (await bot.get(f"/v1/guilds/{HARBOUR}")).json()
    async with wire.open() as connection:
        connection.send(request)
        await true(lambda: bool(connections_of(app).admission._full if is_known else found._waiting))
        connection.writer.transport.abort()
    await true(lambda: not connections_of(app)._open)
    for leave in leaves:
        leave()
    await true(lambda: not found._running and not found._waiting)
    assert (await bot.get(f"/v1/guilds/{HARBOUR}")).json() == before
    assert not connections_of(app).admission._full
    assert is_known or 'status="499"' in (await bot.get("/metrics")).text
