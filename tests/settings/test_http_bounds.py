"""Bodies that no settings have: each is refused, and nothing is stored."""

import time

import httpx2
import pytest

from api.postgres.engine import PlainConnection
from tests.settings.addresses import faults, register, settings_of

JSON = {"Content-Type": "application/json"}

BODIES = {
    b"": 400,
    b"{": 400,
    b'{"free": NaN}': 400,
    b'{"free": {"x": Infinity}}': 400,
    b'{"free": {"x": 1e400}}': 400,
    b'{"free": "\xff"}': 400,
    b'{"free": {"x": "\\ud800"}}': 400,
    b'{"free":' * 2000 + b"1" + b"}" * 2000: 400,
    b'{"free": {"x": ' + b"[" * 2000 + b"]" * 2000 + b"}}": 400,
    b"[]": 422,
    b'"text"': 422,
    b"1": 422,
    b"null": 422,
    b'[{"limit": 3}]': 422,
    b'{"text": "a\\u0000b"}': 422,
    b'{"free": {"a\\u0000b": 1}}': 422,
    b'{"free": {"x": ["a\\u0000"]}}': 422,
    b'{"\\u0000": 1}': 422,
    b'{"\\u0000": null}': 422,
    b'{"text": "\\u001b[0m"}': 422,
    b'{"limit": 9223372036854775808}': 422,
    b'{"limit": 1e19}': 422,
    b'{"free": {"x": 18446744073709551616}}': 422,
    b'{"free": {"x": -9223372036854775809}}': 422,
    b'{"free": {"x": 1e300}}': 422,
    b'{"free": {"x": ' + b"9" * 400 + b"}}": 422,
    b'{"free": {"x": "' + b"x" * 65_536 + b'"}}': 422,
    b'{"free": {' + b",".join(b'"k%d": 1' % n for n in range(9000)) + b"}}": 422,
    b'{"free":' + b'{"a":' * 32 + b"1" + b"}" * 33: 400,
    b'{"text": "' + b"x" * 1_048_576 + b'"}': 413,
}


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body[:24].decode("latin-1"))
@pytest.mark.parametrize("method", ["PATCH", "PUT"])
async def test_nothing_of_it_is_stored(
    bot: httpx2.AsyncClient, owner: PlainConnection, method: str, body: bytes
) -> None:
    await register(bot)
    response = await bot.request(method, settings_of("welcome"), content=body, headers=JSON)
    assert response.status_code == BODIES[body], response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert await owner.fetchval("SELECT count(*) FROM guild_settings") == 0
    assert await owner.fetchval("SELECT count(*) FROM guild_settings_revisions") == 0
    assert (await bot.get(settings_of("welcome"))).json()["revision"] == 0


@pytest.mark.parametrize(
    "value",
    [0, -0.0, 1e-300, 0.1, 2**63 - 1, -(2**63), 9e18, 1e17, "é\n\t", "😀", [], {}, {"": {"": []}}, None, "a" * 60_000],
)
async def test_what_is_stored_comes_back(bot: httpx2.AsyncClient, owner: PlainConnection, value: object) -> None:
    await register(bot)
    stored = await bot.put(settings_of("welcome"), json={"free": {"x": value}})
    assert stored.status_code == 200, stored.text
    assert stored.json()["values"]["free"] == {"x": value}
    read = await bot.get(settings_of("welcome"))
    assert read.content == stored.content
    assert (await bot.patch(settings_of("welcome"), json={"limit": 3})).status_code == 200


async def test_overrides_grow_to_64_kib_and_no_further(bot: httpx2.AsyncClient) -> None:
    await register(bot)
    for part in ("a", "b", "c"):
        assert (await bot.patch(settings_of("welcome"), json={"free": {part: "x" * 20_000}})).status_code == 200
    assert faults(await bot.patch(settings_of("welcome"), json={"free": {"d": "x" * 20_000}})) == [""]
    swapped = await bot.patch(settings_of("welcome"), json={"free": {"a": None, "d": "x" * 20_000}})
    assert swapped.json()["values"]["free"].keys() == {"b", "c", "d"}


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
@pytest.mark.parametrize("module", ["welcome", "leveling"])
@pytest.mark.parametrize("members", [4_000, 60_000])
async def test_thousands_of_unknown_members_hold_nobody_up(
    bot: httpx2.AsyncClient, method: str, module: str, members: int
) -> None:
    """Everything else waits while a body is judged."""
    await register(bot)
    started = time.process_time()
    response = await bot.request(method, settings_of(module), json={f"u{n}": None for n in range(members)})
    assert response.status_code == 422
    assert len(response.json()["errors"]) == (1_000 if members == 4_000 else 1)
    assert time.process_time() - started < 2


@pytest.mark.parametrize("depth", [29, 30])
async def test_depth(bot: httpx2.AsyncClient, depth: int) -> None:
    """32 levels at most, those of the body and of `free` included."""
    await register(bot)
    body = b'{"free":' + b'{"a":' * depth + b"1" + b"}" * (depth + 1)
    assert (await bot.put(settings_of("welcome"), content=body, headers=JSON)).status_code == 200
    assert (await bot.patch(settings_of("welcome"), content=body, headers=JSON)).status_code == 200
    assert (await bot.get(f"{settings_of().rpartition('/')[0]}")).status_code == 200
