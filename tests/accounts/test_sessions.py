"""A session's cookie: what it lets its browser do, for how long, and what it takes to change something."""

import asyncio
import time
from itertools import product

import httpx2

from api.postgres.engine import PlainConnection
from tests.support.browsers import Browsers
from tests.support.clients import Clients
from tests.support.clock import MovableClock
from tests.support.people import ADA, BO, HARBOUR, MALLORY, QUARRY

SETTINGS = f"/v1/guilds/{HARBOUR}/settings/leveling"
PATCH = {"max_level": 7}


def kind_of(answer: httpx2.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].rpartition(":")[2]


async def test_a_change_needs_the_sessions_own_csrf_token(browsers: Browsers) -> None:
    ada, other = await browsers.log_in(ADA), await browsers.log_in(ADA)
    token = ada.headers.pop("X-CSRF-Token")
    wrong = ["", "x", token[:-1], token + "A", token.swapcase(), other.headers["X-CSRF-Token"], "é"]
    for headers in (httpx2.Headers(), *(httpx2.Headers({"X-CSRF-Token": text}, "utf-8") for text in wrong)):
        answers = [
            await ada.patch(SETTINGS, json=PATCH, headers=headers),
            await ada.post("/auth/logout", headers=headers),
            # Told before anything else is: also where the person may see nothing.
            await ada.delete(f"/v1/guilds/{QUARRY}", headers=headers),
        ]
        assert [kind_of(answer) for answer in answers] == [(403, "bad-csrf-token")] * 3
    seen = await ada.get(SETTINGS)
    assert (seen.status_code, seen.json()["revision"]) == (200, 0)
    assert (await ada.patch(SETTINGS, json=PATCH, headers={"X-CSRF-Token": token})).status_code == 200


async def test_a_form_of_another_page_changes_nothing(browsers: Browsers) -> None:
    """What a browser sends across without asking first is no JSON; and is refused, token or none."""
    ada = await browsers.log_in(ADA)
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=a"):
        answer = await ada.post(
            f"/v1/guilds/{HARBOUR}/members/{BO}/xp", content=b'{"amount": 5}', headers={"Content-Type": kind}
        )
        assert kind_of(answer) == (415, "unsupported-media-type")


async def test_a_key_counts_before_a_cookie(browsers: Browsers, clients: Clients) -> None:
    ada = await browsers.log_in(ADA)
    del ada.headers["X-CSRF-Token"]
    key = {"Authorization": f"Bearer {await clients.key(guilds=[QUARRY])}"}
    assert (await ada.get(f"/v1/guilds/{HARBOUR}", headers=key)).status_code == 404
    assert (await ada.patch(f"/v1/guilds/{QUARRY}", json={"name": "Pit"}, headers=key)).status_code == 200
    assert (await ada.get(SETTINGS, headers={"Authorization": "Bearer gh_nonsense"})).status_code == 401
    assert kind_of(await ada.get("/v1/me", headers=key)) == (403, "forbidden")


async def test_cookies_that_are_none(browsers: Browsers) -> None:
    ada = await browsers.log_in(ADA)
    token = ada.cookies["guildhall-session"]
    nobody = browsers.fresh()
    texts = ["", "x", token[:-1], token + "A", token.swapcase(), f'"{token}"', token + "\x7f", "A" * 5000]
    for name, text in product(["guildhall-session", "__Host-guildhall-session", "session"], texts):
        answer = await nobody.get(SETTINGS, headers={"Cookie": f"{name}={text}"})
        assert answer.status_code == 401, (name, text)
        assert answer.headers["www-authenticate"].startswith("Bearer")
    assert (await nobody.get(SETTINGS, headers={"Cookie": f"a=b;guildhall-session={token} ; c"})).status_code == 200


async def test_a_session_ends_when_it_lies_idle_and_in_any_case(browsers: Browsers, clock: MovableClock) -> None:
    ada, bo = await browsers.log_in(ADA), await browsers.log_in(BO)
    for _ in range(7):
        clock.move(days=1, hours=23)
        assert (await ada.get("/v1/me")).status_code == 200
        await browsers.accounts.sessions.note_uses()
    assert (await bo.get("/v1/me")).status_code == 401
    clock.move(hours=8)  # fourteen days, though it was used an hour ago
    assert (await ada.get("/v1/me")).status_code == 401
    clock.move(days=-14)
    assert (await ada.get("/v1/me")).status_code == 200


async def test_one_that_was_used_by_way_of_another_process_is_not_idle(
    browsers: Browsers, clock: MovableClock, owner: PlainConnection
) -> None:
    ada = await browsers.log_in(ADA)
    clock.move(days=3)
    await owner.execute("UPDATE sessions SET last_used_at = $1", clock.now())
    assert (await ada.get("/v1/me")).status_code == 200


async def test_what_another_process_ends_is_ended_here_within_five_seconds(
    browsers: Browsers, owner: PlainConnection
) -> None:
    ada = await browsers.log_in(ADA)
    assert (await ada.get(SETTINGS)).status_code == 200
    began = time.monotonic()
    await owner.execute("UPDATE sessions SET ended_at = now()")
    while (await ada.get(SETTINGS)).status_code != 401:
        assert time.monotonic() - began < 5
        await asyncio.sleep(0.02)


async def test_people_neither_deliver_activity_nor_make_keys_nor_modules(browsers: Browsers) -> None:
    ada = await browsers.log_in(ADA)
    for method, path in (
        ("POST", f"/v1/guilds/{HARBOUR}/activity"), ("GET", "/v1/keys"), ("POST", "/v1/keys"),
        ("PUT", "/v1/modules/welcome"), ("POST", f"/v1/guilds/{QUARRY}/activity"),
    ):  # fmt: skip
        assert kind_of(await ada.request(method, path, json={})) == (403, "missing-scope"), path
    assert (await ada.get("/v1/modules")).status_code == 200


async def test_a_person_brings_no_guild_in(browsers: Browsers, bot: httpx2.AsyncClient) -> None:
    mallory = await browsers.log_in(MALLORY)
    assert (await mallory.put(f"/v1/guilds/{QUARRY}", json={"name": "Pit"})).status_code == 200
    assert (await mallory.delete(f"/v1/guilds/{QUARRY}")).status_code == 204
    assert (await mallory.put(f"/v1/guilds/{QUARRY}", json={"name": "Pit"})).status_code == 404
    assert (await mallory.post(f"/v1/guilds/{QUARRY}/restore")).status_code == 200
