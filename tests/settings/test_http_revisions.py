"""`PUT`, `DELETE`, and the history of settings: who changed what, when, why; old revisions brought back."""

import httpx2
import pytest

from api.lib.json import JsonObject
from tests.settings.addresses import entries, faults, register, settings_of, with_property
from tests.support.clock import MovableClock

HISTORY = settings_of() + "/revisions"


async def restore(bot: httpx2.AsyncClient, revision: object, module: str = "leveling") -> httpx2.Response:
    return await bot.post(f"{settings_of(module)}/revisions/{revision}/restore")


async def test_put_replaces_all_overrides(bot: httpx2.AsyncClient) -> None:
    await bot.patch(settings_of(), json={"cooldown_seconds": 5, "max_level": 9})
    document = {"xp_per_message": {"max": 30}, "daily_xp_cap": None, "announce": {}}
    after = (await bot.put(settings_of(), json=document)).json()
    assert after["revision"] == 2
    assert after["overridden"] == ["daily_xp_cap", "xp_per_message"]
    assert after["values"]["xp_per_message"] == {"min": 15, "max": 30}
    assert after["values"]["cooldown_seconds"] == 60
    assert (await bot.put(settings_of(), json=document)).json() == after
    assert len(await entries(bot)) == 2


async def test_a_null_that_was_put_stays_when_the_default_changes(bot: httpx2.AsyncClient) -> None:
    loose = {"type": ["integer", "null"], "default": 1}
    await register(bot, with_property(limit=loose))
    await bot.put(settings_of("welcome"), json={"limit": None})
    await register(bot, with_property(limit=loose | {"default": 2}))
    assert (await bot.get(settings_of("welcome"))).json()["values"]["limit"] is None


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"nope": None, "cooldown_seconds": None}, ["/cooldown_seconds", "/nope"]),
        ({"xp_per_message": {"min": 30}}, ["/xp_per_message/min"]),
        ({"xp_per_message": None}, ["/xp_per_message"]),
    ],
)
async def test_put_is_validated(bot: httpx2.AsyncClient, document: JsonObject, expected: list[str]) -> None:
    assert faults(await bot.put(settings_of(), json=document)) == expected
    assert (await bot.get(settings_of())).json()["revision"] == 0


async def test_put_takes_no_merge_patch(bot: httpx2.AsyncClient) -> None:
    headers = {"Content-Type": "application/merge-patch+json"}
    assert (await bot.put(settings_of(), content=b"{}", headers=headers)).status_code == 415


async def test_delete_returns_to_the_defaults(bot: httpx2.AsyncClient) -> None:
    assert (await bot.delete(settings_of())).status_code == 204
    assert (await bot.get(settings_of())).json()["revision"] == 0
    await bot.patch(settings_of(), json={"cooldown_seconds": 5})
    for _ in range(2):
        gone = await bot.delete(settings_of(), headers={"X-Audit-Log-Reason": "start over"})
        assert (gone.status_code, gone.content) == (204, b"")
    after = (await bot.get(settings_of())).json()
    assert (after["revision"], after["overridden"], after["values"]["cooldown_seconds"]) == (2, [], 60)
    newest, _ = await entries(bot)
    assert newest["reason"] == "start over"
    assert newest["changes"] == {"cooldown_seconds": {"before": 5, "after": 60}}


@pytest.mark.parametrize("method", ["PUT", "DELETE", "POST"])
async def test_if_match_guards_the_others_too(bot: httpx2.AsyncClient, method: str) -> None:
    path = settings_of() + ("/revisions/0/restore" if method == "POST" else "")
    body = {"max_level": 5} if method == "PUT" else None
    old = (await bot.get(settings_of())).headers["etag"]
    tag = (await bot.patch(settings_of(), json={"max_level": 9})).headers["etag"]
    stale = await bot.request(method, path, json=body, headers={"If-Match": old})
    assert stale.status_code == 412
    assert (await bot.get(settings_of())).json()["revision"] == 1
    right = await bot.request(method, path, json=body, headers={"If-Match": tag})
    assert right.status_code in (200, 204)
    assert (await bot.get(settings_of())).json()["revision"] == 2


async def test_who_changed_what_when_and_why(bot: httpx2.AsyncClient, clock: MovableClock) -> None:
    await bot.patch(settings_of(), json={"xp_per_message": {"min": 20}})
    clock.move(hours=1)
    last = await bot.patch(settings_of(), json={"max_level": 9}, headers={"X-Audit-Log-Reason": "too%20far"})
    newest, first = (await bot.get(HISTORY)).json()["items"]
    (entry, _) = await entries(bot)
    assert newest == {
        "revision": 2,
        "module": "leveling",
        "at": last.json()["updated_at"],
        "actor": entry["actor"],
        "reason": "too far",
        "before": {"xp_per_message": {"min": 20}},
        "after": {"xp_per_message": {"min": 20}, "max_level": 9},
        "changes": {"max_level": {"before": None, "after": 9}},
    }
    assert newest["actor"]["kind"] == "key"
    assert newest["actor"]["id"].isdecimal()
    assert (first["revision"], first["reason"], first["before"]) == (1, None, {})
    assert first["changes"] == {"xp_per_message": {"before": {"min": 15, "max": 25}, "after": {"min": 20, "max": 25}}}
    assert first["at"] < newest["at"]


async def test_pages_of_history(bot: httpx2.AsyncClient, mallory: httpx2.AsyncClient) -> None:
    for level in range(1, 8):
        await bot.patch(settings_of(), json={"max_level": level})
    first = await bot.get(HISTORY, params={"limit": 3})
    assert [item["revision"] for item in first.json()["items"]] == [7, 6, 5]
    assert first.headers["link"].endswith('; rel="next"')
    await bot.patch(settings_of(), json={"max_level": 8})
    cursor = first.json()["next_cursor"]
    second = await bot.get(HISTORY, params={"limit": 3, "cursor": cursor})
    assert [item["revision"] for item in second.json()["items"]] == [4, 3, 2]
    third = await bot.get(HISTORY, params={"limit": 3, "cursor": second.json()["next_cursor"]})
    assert [item["revision"] for item in third.json()["items"]] == [1]
    assert third.json()["next_cursor"] is None
    assert "link" not in third.headers
    for path, changed in (
        (HISTORY, cursor[:-1] + ("A" if cursor[-1] != "A" else "B")),
        (settings_of("privacy") + "/revisions", cursor),
        ("/v1/modules", cursor),
    ):
        refused = await bot.get(path, params={"cursor": changed})
        assert refused.status_code == 422
        assert refused.json()["errors"][0]["parameter"] == "cursor"


@pytest.mark.parametrize("query", ["limit=0", "limit=-1", "limit=x", "limit=1&limit=2", "page=2", "limit=1e1"])
async def test_bad_queries(bot: httpx2.AsyncClient, query: str) -> None:
    for path in (HISTORY, "/v1/modules"):
        assert (await bot.get(f"{path}?{query}")).status_code == 422
        assert (await bot.get(f"{path}?limit=1000")).status_code == 200


async def test_an_old_revision_comes_back_as_a_new_one(bot: httpx2.AsyncClient) -> None:
    first = (await bot.patch(settings_of(), json={"cooldown_seconds": 5})).json()
    await bot.patch(settings_of(), json={"cooldown_seconds": 6, "max_level": 9})
    back = await restore(bot, 1)
    assert back.status_code == 200
    assert back.json() | {"updated_at": 0} == first | {"revision": 3, "updated_at": 0}
    assert back.headers["etag"] == (await bot.get(settings_of())).headers["etag"]
    assert (await restore(bot, 1)).json() == back.json()
    defaults = (await restore(bot, 0)).json()
    assert (defaults["revision"], defaults["overridden"]) == (4, [])
    assert [item["revision"] for item in (await bot.get(HISTORY)).json()["items"]] == [4, 3, 2, 1]
    assert [entry["changes"].keys() for entry in await entries(bot)][1] == {"cooldown_seconds", "max_level"}


@pytest.mark.parametrize(
    "revision", ["2", "007", "-1", "abc", str(10**30), str(2**31), "1.0", "%00", "1%0A", "٣", "01"]
)
async def test_no_such_revision(bot: httpx2.AsyncClient, revision: str) -> None:
    await bot.patch(settings_of(), json={"cooldown_seconds": 5})
    response = await restore(bot, revision)
    assert response.status_code == 404
    assert (await bot.get(settings_of())).json()["revision"] == 1


async def test_a_revision_of_another_guild_or_module_is_none(
    bot: httpx2.AsyncClient, mallory: httpx2.AsyncClient
) -> None:
    await bot.patch(settings_of(), json={"cooldown_seconds": 5})
    assert (await restore(bot, 1, "privacy")).status_code == 404
    assert (await restore(mallory, 1)).status_code == 404


async def test_what_the_schema_no_longer_allows_does_not_come_back(bot: httpx2.AsyncClient) -> None:
    await register(bot)
    await bot.patch(settings_of("welcome"), json={"limit": 50, "text": "Hi"})
    await bot.patch(settings_of("welcome"), json={"limit": None})
    evolved = await register(bot, with_property(limit={"type": "integer", "maximum": 10, "default": 5}))
    assert evolved.status_code == 200
    refused = await restore(bot, 1, "welcome")
    assert refused.status_code == 409
    assert refused.json()["type"] == "urn:guildhall:problem:revision-conflict"
    assert [fault["pointer"] for fault in refused.json()["errors"]] == ["/limit"]
    assert (await bot.get(settings_of("welcome"))).json()["revision"] == 2
