"""`GET …/settings` and `GET …/settings/{module}`: what is answered, to whom, and when a 304 is enough."""

import httpx2
import msgspec
import pytest

from api.auth.scopes import ALL, Scope
from api.settings.builtin import BUILT_IN
from tests.settings.addresses import WELCOME_DEFAULTS, register, settings_of
from tests.support.clients import Clients
from tests.support.people import BAD_IDS, HARBOUR, NOBODYS

NO_MODULES = ["nope", "Leveling", "9a", "_a", "a-b", "a" * 65, "%00", "leveling%0A", "leveling%00", "%20leveling", "é"]
ALL_OF_IT = f"/v1/guilds/{HARBOUR}/settings"
HIDE = {"instance": 0, "request_id": 0}


async def test_before_the_first_change_all_is_default(bot: httpx2.AsyncClient) -> None:
    response = await bot.get(settings_of())
    assert response.status_code == 200
    assert response.json() == {
        "module": "leveling",
        "revision": 0,
        "values": BUILT_IN["leveling"].defaults,
        "overridden": [],
        "updated_at": None,
        "stale_references": [],
    }
    assert response.headers["cache-control"] == "private, no-cache"


async def test_all_modules_in_one_answer(bot: httpx2.AsyncClient) -> None:
    await register(bot)
    await bot.patch(settings_of("welcome"), json={"card": {"colour": "blue"}})
    response = await bot.get(ALL_OF_IT)
    assert response.json() == {
        **{name: module.defaults for name, module in BUILT_IN.items()},
        "welcome": WELCOME_DEFAULTS | {"card": {"colour": "blue", "channel_id": None}},
    }
    assert list(response.json()) == sorted(response.json())


async def test_a_change_shows_in_the_next_read(bot: httpx2.AsyncClient) -> None:
    patched = await bot.patch(settings_of(), json={"cooldown_seconds": 5, "announce": {"mode": "dm"}})
    read = await bot.get(settings_of())
    assert read.json() == patched.json()
    assert read.json()["revision"] == 1
    assert read.json()["overridden"] == ["announce", "cooldown_seconds"]
    assert read.json()["updated_at"].endswith("Z")
    assert read.json()["values"]["announce"]["mode"] == "dm"
    assert read.json()["values"]["announce"]["template"] == "{mention} is now level {level}!"


@pytest.mark.parametrize("name", NO_MODULES)
@pytest.mark.parametrize("more", ["", "/revisions", "/revisions?limit=0"])
async def test_no_such_module(bot: httpx2.AsyncClient, name: str, more: str) -> None:
    response = await bot.get(settings_of(name) + more)
    assert response.status_code == 404
    assert response.json()["type"] == "urn:guildhall:problem:not-found"


@pytest.mark.parametrize("name", ["nope", "Leveling"])
async def test_a_missing_module_is_reported_before_faults_of_the_body(bot: httpx2.AsyncClient, name: str) -> None:
    for method in ("PATCH", "PUT"):
        for kind, body in (("text/plain", b"{"), ("application/json", b"{"), ("application/json", b"[]")):
            response = await bot.request(
                method, settings_of(name), content=body, headers={"Content-Type": kind, "If-Match": "bad"}
            )
            assert response.status_code == 404


@pytest.mark.parametrize("guild_id", [id_ for id_ in BAD_IDS if "." not in id_ and "%2e" not in id_] + [str(NOBODYS)])
async def test_no_such_guild(bot: httpx2.AsyncClient, guild_id: str) -> None:
    assert (await bot.get(settings_of(guild_id=guild_id))).status_code == 404
    assert (await bot.get(f"/v1/guilds/{guild_id}/settings")).status_code == 404


async def test_a_stranger_learns_nothing(bot: httpx2.AsyncClient, mallory: httpx2.AsyncClient) -> None:
    await bot.get(settings_of())  # in memory, for whoever may see it
    for method in ("GET", "PATCH", "PUT", "DELETE"):
        theirs, nobodys = [await mallory.request(method, settings_of(guild_id=guild)) for guild in (HARBOUR, NOBODYS)]
        assert theirs.status_code == nobodys.status_code == 404
        assert theirs.json() | HIDE == nobodys.json() | HIDE
    assert (await mallory.get(ALL_OF_IT)).status_code == 404
    assert (await bot.get(settings_of())).json()["revision"] == 0


@pytest.mark.parametrize(
    ("method", "scope"),
    [
        ("GET", Scope.SETTINGS_READ),
        ("PATCH", Scope.SETTINGS_WRITE),
        ("PUT", Scope.SETTINGS_WRITE),
        ("DELETE", Scope.SETTINGS_WRITE),
    ],
)
async def test_scopes(bot: httpx2.AsyncClient, clients: Clients, method: str, scope: Scope) -> None:
    async with await clients.bot(scopes=ALL - {scope}) as client:
        refused = await client.request(method, settings_of(), json={"cooldown_seconds": 1})
    async with await clients.bot(scopes=[scope]) as client:
        taken = await client.request(method, settings_of(), json={"cooldown_seconds": 1})
    assert refused.status_code == 403
    assert f"`{scope}`" in refused.json()["detail"]
    assert taken.status_code in (200, 204)


@pytest.mark.parametrize("path", [settings_of(), ALL_OF_IT, "/v1/modules/leveling"])
async def test_what_the_client_has_already_is_not_sent(bot: httpx2.AsyncClient, path: str) -> None:
    first = await bot.get(path)
    tag = first.headers["etag"]
    assert tag.startswith('"')
    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = await bot.get(path, headers={"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert (await bot.get(path, headers={"If-None-Match": '"other"'})).status_code == 200
    for bad in ("other", '"open', 'x"y"', ""):
        refused = await bot.get(path, headers={"If-None-Match": bad})
        assert (refused.status_code, refused.json()["type"]) == (400, "urn:guildhall:problem:bad-header")


async def test_the_tag_changes_with_the_settings(bot: httpx2.AsyncClient) -> None:
    first = await bot.get(settings_of())
    patched = await bot.patch(settings_of(), json={"cooldown_seconds": 5})
    second = await bot.get(settings_of(), headers={"If-None-Match": first.headers["etag"]})
    assert second.status_code == 200
    assert second.headers["etag"] == patched.headers["etag"] != first.headers["etag"]


@pytest.mark.parametrize("path", [settings_of(), ALL_OF_IT])
async def test_messagepack(bot: httpx2.AsyncClient, path: str) -> None:
    await bot.get(path)
    plain = await bot.get(path)
    packed = await bot.get(path, headers={"Accept": "application/vnd.msgpack"})
    assert packed.headers["content-type"] == "application/vnd.msgpack"
    assert msgspec.msgpack.decode(packed.content) == plain.json()
    assert packed.headers["etag"] != plain.headers["etag"]
    assert "accept" in packed.headers["vary"].lower()


@pytest.mark.parametrize("path", [settings_of(), ALL_OF_IT, "/v1/modules", "/v1/modules/leveling"])
async def test_head_is_get_without_its_body(bot: httpx2.AsyncClient, path: str) -> None:
    got, head = await bot.get(path), await bot.head(path)
    hidden = {"x-request-id", "date"}
    assert (head.status_code, head.content) == (200, b"")
    assert {**head.headers, **dict.fromkeys(hidden)} == {**got.headers, **dict.fromkeys(hidden)}


@pytest.mark.parametrize("query", ["x=1", "limit=1", "revision=1"])
async def test_unknown_query(bot: httpx2.AsyncClient, query: str) -> None:
    await bot.get(settings_of())
    for path in (settings_of(), ALL_OF_IT):
        response = await bot.get(f"{path}?{query}")
        assert response.status_code == 422
        assert response.json()["errors"][0]["parameter"] == query.partition("=")[0]


async def test_a_deleted_guild_has_no_settings_and_a_restored_one_has_its_own(bot: httpx2.AsyncClient) -> None:
    await bot.patch(settings_of(), json={"cooldown_seconds": 5})
    await bot.delete(f"/v1/guilds/{HARBOUR}")
    for method in ("GET", "PATCH", "PUT", "DELETE"):
        gone = await bot.request(method, settings_of(), json={"cooldown_seconds": 7})
        assert gone.status_code == 404, method
    assert (await bot.get(ALL_OF_IT)).status_code == 404
    assert (await bot.get(settings_of() + "/revisions")).status_code == 404
    assert (await bot.post(settings_of() + "/revisions/0/restore")).status_code == 404
    await bot.post(f"/v1/guilds/{HARBOUR}/restore")
    again = (await bot.get(settings_of())).json()
    assert (again["revision"], again["values"]["cooldown_seconds"]) == (1, 5)
