"""What a budget of requests and a person's session cost a request, and what 1,000 idle event streams cost."""

import asyncio
import statistics
import time
import urllib.request
from http.client import HTTPConnection
from http.cookiejar import CookieJar

import msgspec

from benchmarks.cases import headers
from benchmarks.measure import Case, Lane, Ratio
from benchmarks.servers import Side, call, cpu_seconds, memory
from tests.support.people import ADA, HARBOUR

STREAMS = 1000
IDLE_SECONDS = 5.0
CHANGES = 5

WITHOUT, WITH = "without a budget", "with a budget"
SESSIONS, REQUESTS, COOKIE_ROUNDS = 16, 3000, 3


def people_cases(key: str, guildhall: Side) -> list[Case]:
    """Both lanes of one server: the difference in CPU is what is looked at."""
    call(guildhall, key, "PUT", f"/v1/guilds/{HARBOUR}", b'{"name": "Harbour"}')
    limited = _limited(key, guildhall)
    path = f"/v1/guilds/{HARBOUR}/settings/leveling"
    return [
        Case(
            "budget",
            "GET settings/leveling, a key without and one with a budget of requests",
            32,
            [_lane(WITHOUT, guildhall, path, headers(key)), _lane(WITH, guildhall, path, headers(limited))],
            [Ratio(WITH, WITHOUT), Ratio(WITH, WITHOUT, "at most 40 µs more", "cpu")],
        )
    ]


def measure_cookie(key: str, guildhall: Side) -> None:
    """One request after the other, by a key with a budget, as sessions have one, and by sessions in turn: so many
    that none spends its budget."""
    cookies = [{"Cookie": _log_in(guildhall)} for _ in range(SESSIONS)]
    lanes = {"key": [{"Authorization": f"Bearer {_limited(key, guildhall)}"}], "cookie": cookies}
    costs: dict[str, list[float]] = {name: [] for name in lanes}
    for _ in range(COOKIE_ROUNDS):
        for name, each in lanes.items():
            before = cpu_seconds(guildhall.pid)
            connection = HTTPConnection("127.0.0.1", guildhall.port)
            for number in range(REQUESTS):
                connection.request("GET", f"/v1/guilds/{HARBOUR}/roles", headers=each[number % len(each)])
                answer = connection.getresponse()
                assert answer.status == 200, answer.read()
                answer.read()
            connection.close()
            costs[name].append((cpu_seconds(guildhall.pid) - before) / REQUESTS * 1e6)
    of_key, of_cookie = (statistics.median(costs[name]) for name in lanes)
    print("cookie: GET roles, by a key and by a person's session, one after the other")
    print(f"  CPU a request: key {of_key:.0f} µs, session {of_cookie:.0f} µs")
    print(f"  session more than key: {of_cookie - of_key:.0f} µs (to reach: at most 60)\n", flush=True)


def measure_streams(key: str, guildhall: Side) -> None:
    """Opens streams, lets them idle, and has a change reach them all."""
    asyncio.run(_streams(key, guildhall))


async def _streams(key: str, guildhall: Side) -> None:
    before = memory(guildhall.pid)
    request = f"GET /v1/events HTTP/1.1\r\n{headers(key)}\r\n".encode()
    opened = []
    for _ in range(STREAMS):
        reader, writer = await asyncio.open_connection("127.0.0.1", guildhall.port)
        writer.write(request)
        await reader.readuntil(b": connected\n")
        opened.append((reader, writer))
    grown = memory(guildhall.pid) - before
    used = cpu_seconds(guildhall.pid)
    await asyncio.sleep(IDLE_SECONDS)
    used = cpu_seconds(guildhall.pid) - used
    seconds = []
    for number in range(CHANGES):
        path, body = f"/v1/guilds/{HARBOUR}/settings/leveling", b'{"cooldown_seconds": %d}' % (100 + number)
        began = time.perf_counter()
        reached = asyncio.gather(*(reader.readuntil(b"event: settings.updated") for reader, _ in opened))
        await asyncio.to_thread(call, guildhall, key, "PATCH", path, body)
        await reached
        seconds.append(time.perf_counter() - began)
    for _, writer in opened:
        writer.close()
    print(f"streams: {STREAMS} open on GET /v1/events")
    print(f"  memory over none {grown:.1f} MiB (to reach: at most 40), {grown * 1024 / STREAMS:.1f} KiB each")
    print(f"  idle they use {used / IDLE_SECONDS * 100:.1f} % of a core")
    print(
        f"  a change reaches all in {statistics.median(seconds) * 1000:.0f} ms"
        f" ({min(seconds) * 1000:.0f} … {max(seconds) * 1000:.0f}) (to reach: 1000)\n",
        flush=True,
    )


def _limited(key: str, guildhall: Side) -> str:
    """A key with a budget that it does not spend."""
    data = {"name": "limited", "scopes": ["guilds:read", "settings:read"], "rate_limit": 1_000_000}
    made = call(guildhall, key, "POST", "/v1/keys", msgspec.json.encode(data))
    return str(msgspec.json.decode(made, type=dict[str, object])["secret"])


def _log_in(guildhall: Side) -> str:
    """The cookie of Ada's new session: through the stand-in for Discord, as her browser would."""
    jar = CookieJar()
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    with opener.open(f"http://127.0.0.1:{guildhall.port}/auth/discord/login") as page:
        consent = page.geturl()
    opener.open(f"{consent}&person={ADA}").read()
    return next(f"{cookie.name}={cookie.value}" for cookie in jar if cookie.name.endswith("session"))


def _lane(name: str, side: Side, path: str, head: str) -> Lane:
    requests = [f"GET {path} HTTP/1.1\r\n{head}\r\n"]
    return Lane(name, side, lambda _round: requests)
