"""Logging in by Discord, and out."""

import asyncio
import re
from http.cookies import SimpleCookie
from urllib.parse import urlsplit

import httpx2
import msgspec
import pytest

from api.accounts.service import MOST_LOGINS, MOST_SESSIONS
from api.app import create_litestar, with_middleware
from api.config import Settings
from api.lib.clock import Clock
from api.lib.metrics import Metrics
from api.lib.secret_box import SecretBox, Undecryptable
from api.postgres.engine import PlainConnection
from tests.support.browsers import Browsers
from tests.support.clock import MovableClock
from tests.support.discord import Discord
from tests.support.people import ADA, BO, HARBOUR
from tests.support.serving import in_process

SESSION, LOGIN = "guildhall-session", "guildhall-login"


async def began(browser: httpx2.AsyncClient, browsers: Browsers, user_id: int = ADA) -> str:
    """The address to which Discord sends the browser back."""
    begun = await browser.get("/auth/discord/login")
    parts = urlsplit(await browsers.said(begun.headers["location"], person=str(user_id)))
    return f"{parts.path}?{parts.query}"


def refused(answer: httpx2.Response, status: int, kind: str) -> bool:
    return (answer.status_code, answer.json()["type"]) == (status, f"urn:guildhall:problem:{kind}")


async def test_ada_logs_in_changes_a_setting_and_logs_out(browsers: Browsers, discord: Discord) -> None:
    ada = await browsers.log_in(ADA)
    me = (await ada.get("/v1/me")).json()
    assert (me["id"], me["username"], me["display_name"]) == (str(ADA), "ada", "Ada")
    tag = (await ada.get("/v1/me")).headers["etag"]
    assert (await ada.get("/v1/me", headers={"If-None-Match": tag})).status_code == 304
    mine = (await ada.get("/v1/me/guilds")).json()
    assert [(guild["id"], guild["is_owner"], guild["is_here"]) for guild in mine["items"]] == [
        (str(HARBOUR), True, True)
    ]
    changed = await ada.patch(f"/v1/guilds/{HARBOUR}/settings/leveling", json={"max_level": 7})
    assert changed.status_code == 200, changed.text
    entry = (await ada.get(f"/v1/guilds/{HARBOUR}/audit-log")).json()["items"][0]
    assert entry["actor"] == {"kind": "user", "id": str(ADA)}

    assert len(discord.grants) == 1
    left = await ada.post("/auth/logout")
    assert left.headers["clear-site-data"] == '"cache", "storage"'
    assert left.status_code == 204, left.text
    assert discord.grants == []
    assert SESSION not in ada.cookies
    assert (await ada.post("/auth/logout")).status_code == 401


async def test_the_browser_is_sent_with_all_that_the_code_flow_asks_for(browsers: Browsers) -> None:
    begun = await browsers.fresh().get("/auth/discord/login")
    query = dict(httpx2.URL(begun.headers["location"]).params)
    assert query["scope"] == "identify guilds guilds.members.read"
    assert query["redirect_uri"] == "http://127.0.0.1:8000/auth/discord/callback"
    assert query["code_challenge_method"] == "S256"
    assert re.fullmatch(r"[\w-]{43}", query["code_challenge"])
    assert re.fullmatch(r"[\w=-]{100,1500}", query["state"])
    assert begun.headers["cache-control"] == "no-store"
    cookie = SimpleCookie(begun.headers["set-cookie"])[LOGIN]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"], cookie["max-age"]) == (True, "lax", "/", "600")
    assert not cookie["domain"]


@pytest.mark.parametrize(
    ("public_url", "host", "redirect_uri"),
    [
        ("https://guildhall.test", "evil.test", "https://guildhall.test"),
        ("https://guildhall.test/", "localhost:8000", "https://guildhall.test"),
        (None, "localhost:9000", "http://localhost:9000"),
        (None, "[::1]:9000", "http://[::1]:9000"),
        (None, "evil.test", "http://127.0.0.1:8000"),
        (None, "localhost.evil.test", "http://127.0.0.1:8000"),
    ],
)
async def test_nobody_moves_the_redirect_uri(
    settings: Settings, discord: Discord, public_url: str | None, host: str, redirect_uri: str
) -> None:
    other = msgspec.structs.replace(settings, public_url=public_url, admin=False)
    app = create_litestar(other, clock=Clock(), metrics=Metrics())
    async with in_process(with_middleware(app, other), f"http://{host}") as browser:
        begun = await browser.get("/auth/discord/login", headers={"X-Forwarded-Host": "evil.test"})
    assert httpx2.URL(begun.headers["location"]).params["redirect_uri"] == f"{redirect_uri}/auth/discord/callback"
    if public_url is not None:
        assert begun.headers["set-cookie"].startswith("__Host-guildhall-login=")
        assert "; Secure" in begun.headers["set-cookie"]
        assert "domain" not in begun.headers["set-cookie"].lower()


async def test_with_tls_the_session_s_cookie_is_of_this_host_alone(
    settings: Settings, browsers: Browsers, standing_in: Discord
) -> None:
    other = msgspec.structs.replace(settings, public_url="https://guildhall.test", admin=False)
    app = create_litestar(other, clock=Clock(), metrics=Metrics(), discord=httpx2.ASGITransport(standing_in))
    async with in_process(with_middleware(app, other), "https://guildhall.test") as ada:
        await browsers.log_in(ADA, ada)
        (cookie,) = [found for found in ada.cookies.jar if "session" in found.name]
        assert (cookie.name, cookie.secure, cookie.path) == ("__Host-guildhall-session", True, "/")
        assert not cookie.domain_specified
        assert (await ada.get("/v1/me")).status_code == 200
        ada.cookies.clear()
        assert (await ada.get("/v1/me", headers={"Cookie": f"guildhall-session={cookie.value}"})).status_code == 401


async def test_a_state_is_good_once(browsers: Browsers, discord: Discord) -> None:
    ada = browsers.fresh()
    back = await began(ada, browsers)
    login = ada.cookies[LOGIN]
    answers = await asyncio.gather(*(ada.get(back, headers={"Cookie": f"{LOGIN}={login}"}) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [303] + [400] * 7
    assert len(discord.grants) == 1
    assert refused(await ada.get(back, headers={"Cookie": f"{LOGIN}={login}"}), 400, "login-failed")


async def test_a_state_is_good_in_its_own_browser_for_ten_minutes(browsers: Browsers, clock: MovableClock) -> None:
    ada, mallory = browsers.fresh(), browsers.fresh()
    back = await began(ada, browsers)
    await mallory.get("/auth/discord/login")
    assert refused(await mallory.get(back), 400, "login-failed")
    changed = back.replace("state=gAAAA", "state=gAAAB")
    assert refused(await ada.get(changed), 400, "login-failed")
    assert (await ada.get(back)).status_code == 303  # nobody else can use it up
    assert refused(await ada.get(back), 400, "login-failed")
    ada.cookies.clear()
    back = await began(ada, browsers)
    assert refused(await browsers.fresh().get(back), 400, "login-failed")
    back = await began(ada, browsers)
    clock.move(minutes=10, seconds=1)
    assert refused(await ada.get(back), 400, "login-failed")
    for nonsense in ("?code=abc", "?state=abc&code=abc", "", "?state=&code=", "?state=%00&code=%00"):
        answer = await ada.get(f"/auth/discord/callback{nonsense}")
        assert answer.status_code in {400, 422}, nonsense
    assert SESSION not in ada.cookies


async def test_beginning_stores_nothing(
    browsers: Browsers, owner: PlainConnection, clock: MovableClock, discord: Discord
) -> None:
    """However often it is asked for; only what let somebody in is stored, for as long as it could be used again."""
    ada = browsers.fresh()
    for _ in range(5):
        back = await began(ada, browsers)
    discord.codes.clear()
    assert refused(await ada.get(back), 400, "login-failed")
    assert await owner.fetchval("SELECT count(*) FROM logins") == 0
    for _ in range(2):
        await browsers.log_in(ADA, ada)
    assert await owner.fetchval("SELECT count(*) FROM logins") == 2
    clock.move(minutes=11)
    await browsers.log_in(BO)
    assert await owner.fetchval("SELECT count(*) FROM logins") == 1


async def test_so_many_log_ins_of_a_person_in_a_day(
    browsers: Browsers, owner: PlainConnection, discord: Discord
) -> None:
    await owner.execute(
        "INSERT INTO sessions (hash, user_id, username, token_expires_at, expires_at, ended_at)"
        " SELECT sha256(n::text::bytea), $1, 'ada', now(), now(), now() FROM generate_series(1, $2) AS n",
        ADA,
        MOST_LOGINS - 1,
    )
    ada = await browsers.log_in(ADA)
    back = await began(ada, browsers)
    assert refused(await ada.get(back), 400, "login-failed")
    assert discord.grants == [], "what was granted is given back"
    assert (await ada.get("/v1/me")).status_code == 200
    await browsers.log_in(BO)


async def test_two_tabs_log_in_at_once(browsers: Browsers) -> None:
    ada = browsers.fresh()
    first, second = await began(ada, browsers), await began(ada, browsers)
    login = ada.cookies[LOGIN]
    assert (await ada.get(first)).status_code == 303
    assert (await ada.get(second, headers={"Cookie": f"{LOGIN}={login}"})).status_code == 303


async def test_who_says_no_is_not_let_in(browsers: Browsers, discord: Discord) -> None:
    ada = browsers.fresh()
    begun = await ada.get("/auth/discord/login?return_to=/dashboard/")
    parts = urlsplit(await browsers.said(begun.headers["location"], no="1"))
    answer = await ada.get(f"{parts.path}?{parts.query}")
    assert (answer.status_code, answer.headers["location"]) == (303, "/dashboard/")
    assert SESSION not in ada.cookies
    assert discord.grants == []


@pytest.mark.parametrize(
    "page", ["https://evil.test/", "//evil.test/", "/\\evil.test", "/a\r\nSet-Cookie: a=b", "javascript:alert(1)", "",
             "/" + "a" * 600, "/é", "/ a"],
)  # fmt: skip
async def test_nobody_is_sent_elsewhere_afterwards(browsers: Browsers, page: str) -> None:
    answer = await browsers.fresh().get("/auth/discord/login", params={"return_to": page})
    assert answer.status_code == 422, answer.headers
    assert answer.json()["errors"][0]["parameter"] == "return_to"


async def test_a_log_in_makes_a_new_session_and_ends_the_one_before(browsers: Browsers) -> None:
    ada = browsers.fresh()
    planted = "A" * 43
    back = await began(ada, browsers)
    done = await ada.get(back, headers={"Cookie": f"{LOGIN}={ada.cookies[LOGIN]}; {SESSION}={planted}"})
    first = SimpleCookie(done.headers.get_list("set-cookie")[1])[SESSION]
    assert first.value not in {planted, ""}
    assert (first["httponly"], first["samesite"], first["path"]) == (True, "lax", "/")
    assert (await ada.get("/v1/me")).status_code == 200
    await browsers.log_in(ADA, ada)
    assert ada.cookies[SESSION] != first.value
    stranger = browsers.fresh()
    for old in (first.value, planted):
        assert (await stranger.get("/v1/me", headers={"Cookie": f"{SESSION}={old}"})).status_code == 401


async def test_a_person_has_so_many_sessions_and_no_more(browsers: Browsers, owner: PlainConnection) -> None:
    first = await browsers.log_in(ADA)
    bo = await browsers.log_in(BO)
    await owner.execute(
        "INSERT INTO sessions (hash, user_id, username, token_expires_at, expires_at)"
        " SELECT sha256(n::text::bytea), $1, 'ada', now() + interval '1 d', now() + interval '1 d'"
        " FROM generate_series(1, $2) AS n",
        ADA,
        MOST_SESSIONS - 1,
    )
    assert (await first.get("/v1/me")).status_code == 200
    last = await browsers.log_in(ADA)
    assert [(await browser.get("/v1/me")).status_code for browser in (first, bo, last)] == [401, 200, 200]
    live = await owner.fetchval("SELECT count(*) FROM sessions WHERE user_id = $1 AND ended_at IS NULL", ADA)
    assert live == MOST_SESSIONS


async def test_nothing_in_the_database_lets_anybody_in(
    browsers: Browsers, discord: Discord, owner: PlainConnection
) -> None:
    ada = await browsers.log_in(ADA)
    await began(ada, browsers)
    rows = [*await owner.fetch("SELECT s::text AS row FROM sessions s UNION ALL SELECT l::text FROM logins l")]
    text = " ".join(row["row"] for row in rows)
    text += " ".join(bytes.fromhex(found).decode("latin-1") for found in re.findall(r"\\x((?:[0-9a-f]{2})+)", text))
    grant = discord.grants[0]
    for secret in (ada.cookies[SESSION], ada.cookies[LOGIN], grant.access_token, grant.refresh_token):
        assert secret not in text


async def test_a_secret_is_replaced_while_people_are_logged_in() -> None:
    old = SecretBox(["old" * 20]).encrypt("token")
    assert SecretBox(["new" * 20, "old" * 20]).decrypt(old) == "token"
    for sealed in (old, b"", b"nonsense"):
        with pytest.raises(Undecryptable):
            SecretBox(["new" * 20]).decrypt(sealed)
