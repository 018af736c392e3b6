"""`PATCH …/settings/{module}`: a merge patch on the overrides, validated as a whole."""

import asyncio

import httpx2
import pytest

from api.lib.json import JsonObject
from tests.settings.addresses import WELCOME_DEFAULTS, entries, faults, register, settings_of
from tests.support.people import HARBOUR


@pytest.mark.parametrize(
    "kind", ["application/json", "application/merge-patch+json", "application/json; charset=utf-8"]
)
async def test_both_media_types(bot: httpx2.AsyncClient, kind: str) -> None:
    response = await bot.patch(settings_of(), content=b'{"cooldown_seconds": 5}', headers={"Content-Type": kind})
    assert response.status_code == 200
    assert response.json()["values"]["cooldown_seconds"] == 5


async def test_another_media_type(bot: httpx2.AsyncClient) -> None:
    response = await bot.patch(settings_of(), content=b"{}", headers={"Content-Type": "text/plain"})
    assert response.status_code == 415
    assert "application/merge-patch+json" in response.headers["accept-patch"]


@pytest.mark.parametrize(
    ("first", "patch", "overridden"),
    [
        ({"cooldown_seconds": 5}, {"cooldown_seconds": None}, []),
        ({"cooldown_seconds": 5, "max_level": 9}, {"cooldown_seconds": None}, ["max_level"]),
        ({"daily_xp_cap": 5}, {"daily_xp_cap": None}, []),
        ({"xp_per_message": {"min": 1, "max": 20}}, {"xp_per_message": {"min": None}}, ["xp_per_message"]),
        ({"xp_per_message": {"min": 1}}, {"xp_per_message": {"min": None}}, []),
        ({"xp_per_message": {"min": 1}}, {"xp_per_message": None}, []),
        ({"curve": {"kind": "preset", "preset": "arcane"}}, {"curve": None}, []),
        ({"role_rewards": [{"level": 1, "role_id": "5"}]}, {"role_rewards": None}, []),
    ],
)
async def test_null_returns_to_the_default(
    bot: httpx2.AsyncClient, first: JsonObject, patch: JsonObject, overridden: list[str]
) -> None:
    default = (await bot.get(settings_of())).json()["values"]
    await bot.patch(settings_of(), json=first)
    after = (await bot.patch(settings_of(), json=patch)).json()
    assert after["revision"] == 2
    assert after["overridden"] == overridden
    changed = {name for name in default if after["values"][name] != default[name]}
    assert changed == set(overridden)


async def test_a_part_of_an_object_leaves_the_rest(bot: httpx2.AsyncClient) -> None:
    await bot.patch(settings_of(), json={"xp_per_message": {"max": 100}})
    after = await bot.patch(settings_of(), json={"xp_per_message": {"min": 50}})
    assert after.json()["values"]["xp_per_message"] == {"min": 50, "max": 100}


async def test_a_curve_is_replaced_as_a_whole(bot: httpx2.AsyncClient) -> None:
    await bot.patch(settings_of(), json={"curve": {"kind": "total", "coefficients": [0, 100], "round_to": 50}})
    cost = {"kind": "cost", "coefficients": [100, 50]}
    after = await bot.patch(settings_of(), json={"curve": cost})
    assert after.json()["values"]["curve"] == cost
    assert faults(await bot.patch(settings_of(), json={"curve": {"coefficients": [1]}})) == ["/curve/kind"]


async def test_snowflakes_come_as_either_and_leave_as_strings(bot: httpx2.AsyncClient) -> None:
    patch = {
        "ignored_role_ids": [2**63 - 1, "81384788765712384"],
        "announce": {"mode": "channel", "channel_id": 41771983423143937},
        "role_rewards": [{"level": 3, "role_id": 9007199254740993}],
    }
    values = (await bot.patch(settings_of(), json=patch)).json()["values"]
    assert values["ignored_role_ids"] == ["9223372036854775807", "81384788765712384"]
    assert values["announce"]["channel_id"] == "41771983423143937"
    assert values["role_rewards"] == [{"level": 3, "role_id": "9007199254740993"}]
    assert (
        await bot.patch(settings_of(), json={"ignored_role_ids": ["9223372036854775807", 81384788765712384]})
    ).json()["revision"] == 1


@pytest.mark.parametrize(
    ("patch", "expected"),
    [
        ({"nope": 1}, ["/nope"]),
        ({"nope": None}, ["/nope"]),
        ({"a/b~c": 1}, ["/a~1b~0c"]),
        ({"xp_per_message": {"mix": 1, "mox": None}}, ["/xp_per_message/mix", "/xp_per_message/mox"]),
        ({"xp_per_message": 5}, ["/xp_per_message"]),
        ({"xp_per_message": {"min": 30, "max": 20}}, ["/xp_per_message/min"]),
        ({"xp_per_message": {"min": 26}}, ["/xp_per_message/min"]),
        ({"xp_per_message": {"max": 10_001}}, ["/xp_per_message/max"]),
        (
            {"cooldown_seconds": -1, "multiplier": 101, "on_leave": "go"},
            ["/cooldown_seconds", "/multiplier", "/on_leave"],
        ),
        ({"cooldown_seconds": "60"}, ["/cooldown_seconds"]),
        ({"cooldown_seconds": True}, ["/cooldown_seconds"]),
        ({"enabled": 1}, ["/enabled"]),
        ({"nope": None, "cooldown_seconds": -1}, ["/cooldown_seconds", "/nope"]),
        (
            {"cooldown_seconds": -1, "xp_per_message": {"min": 30, "max": 20}},
            ["/cooldown_seconds", "/xp_per_message/min"],
        ),
        ({"nope": 1, "announce": {"template": "{nobody}"}}, ["/announce/template", "/nope"]),
        ({"announce": {"template": "{nobody} {user}"}}, ["/announce/template"]),
        (
            {"curve": {"kind": "table", "thresholds": [100, 200, 200, 150]}, "max_level": 4},
            ["/curve/thresholds/2", "/curve/thresholds/3"],
        ),
        ({"curve": {"kind": "cost", "coefficients": [0]}}, ["/curve"]),
        ({"curve": {"kind": "total", "coefficients": [0, 100, -1]}}, ["/curve"]),
        ({"curve": {"kind": "preset", "preset": "mee7"}}, ["/curve/preset"]),
        ({"ignored_role_ids": ["007", 0, 2**63, -1]}, [f"/ignored_role_ids/{n}" for n in range(4)]),
        (
            {"role_multipliers": [{"role_id": "1", "factor": 1}, {"role_id": 1, "factor": 2}]},
            ["/role_multipliers/1/role_id"],
        ),
        ({"role_multipliers": [{"factor": 1, "x": 2}]}, ["/role_multipliers/0/role_id", "/role_multipliers/0/x"]),
    ],
)
async def test_all_refusals_are_reported_at_once(
    bot: httpx2.AsyncClient, patch: JsonObject, expected: list[str]
) -> None:
    found = faults(await bot.patch(settings_of(), json=patch))
    assert sorted({pointer if not pointer.startswith("/curve/coef") else "/curve" for pointer in found}) == expected
    assert (await bot.get(settings_of())).json()["revision"] == 0
    assert await entries(bot) == []


async def test_the_result_is_validated_not_the_patch(bot: httpx2.AsyncClient) -> None:
    await bot.patch(settings_of(), json={"xp_per_message": {"max": 100, "min": 90}})
    assert faults(await bot.patch(settings_of(), json={"xp_per_message": {"max": None}})) == ["/xp_per_message/min"]
    both = await bot.patch(settings_of(), json={"xp_per_message": {"max": None, "min": None}})
    assert both.json()["overridden"] == []


@pytest.mark.parametrize(
    "patch",
    [
        {},
        {"cooldown_seconds": 5},
        {"cooldown_seconds": 5.0},
        {"xp_per_message": {}},
        {"max_level": None},
        {"curve": None},
    ],
)
async def test_a_patch_that_changes_nothing_makes_no_revision(bot: httpx2.AsyncClient, patch: JsonObject) -> None:
    first = await bot.patch(settings_of(), json={"cooldown_seconds": 5})
    for _ in range(2):
        again = await bot.patch(settings_of(), json=patch)
        assert (again.status_code, again.json()) == (200, first.json())
        assert again.headers["etag"] == first.headers["etag"]
    assert len(await entries(bot)) == 1


async def test_each_change_leaves_one_entry_with_effective_values(bot: httpx2.AsyncClient) -> None:
    patch = {"xp_per_message": {"min": 20}, "daily_xp_cap": 7}
    await bot.patch(settings_of(), json=patch, headers={"X-Audit-Log-Reason": "gr%C3%BCn"})
    await bot.patch(settings_of(), json=patch)
    await bot.patch(settings_of(), json={"daily_xp_cap": -1})
    (entry,) = await entries(bot)
    assert (entry["target"], entry["reason"], entry["actor"]["kind"]) == ("leveling", "grün", "key")
    assert entry["changes"] == {
        "xp_per_message": {"before": {"min": 15, "max": 25}, "after": {"min": 20, "max": 25}},
        "daily_xp_cap": {"before": None, "after": 7},
    }


async def test_if_match(bot: httpx2.AsyncClient) -> None:
    path = settings_of()
    first = (await bot.get(path)).headers["etag"]
    packed = (await bot.get(path, headers={"Accept": "application/vnd.msgpack"})).headers["etag"]
    for stale in ('"other"', f"W/{first}", '"x", "y"'):
        refused = await bot.patch(path, json={"max_level": 1}, headers={"If-Match": stale})
        assert (refused.status_code, refused.json()["type"]) == (412, "urn:guildhall:problem:precondition-failed")
    for level, right in enumerate((f'"other", {first}', "*"), start=2):
        assert (await bot.patch(path, json={"max_level": level}, headers={"If-Match": right})).status_code == 200
    assert (await bot.patch(path, json={"max_level": 9}, headers={"If-Match": packed})).status_code == 412
    assert (await bot.patch(path, json={"max_level": 9}, headers={"If-Match": "bad"})).status_code == 400
    assert (await bot.get(path)).json()["revision"] == 2
    packed = (await bot.get(path, headers={"Accept": "application/vnd.msgpack"})).headers["etag"]
    assert (await bot.patch(path, json={"max_level": 9}, headers={"If-Match": packed})).status_code == 200


async def test_the_tag_of_a_change_is_the_tag_of_what_is_read(bot: httpx2.AsyncClient) -> None:
    """Whatever order of members and way of writing numbers the client chose."""
    await register(bot)
    path = settings_of("welcome")
    for patch in (
        {"rows": [{"role_id": "5", "n": 1.0}, {"n": 1e17, "role_id": 6}]},
        {"free": {"zz": 1, "b": {"long name": 1, "x": 0.000001}, "aaa": -0.0}},
        {"free": {"c": 9e18}, "card": {"channel_id": "5"}},
    ):
        patched = await bot.patch(path, json=patch)
        read = await bot.get(path)
        assert patched.content == read.content
        assert patched.headers["etag"] == read.headers["etag"]
        kept = await bot.patch(path, json={"limit": 5}, headers={"If-Match": patched.headers["etag"]})
        assert kept.status_code == 200
        assert kept.json()["values"].keys() == WELCOME_DEFAULTS.keys()
        assert (await bot.patch(path, json={"limit": None})).status_code == 200


async def test_of_many_with_the_same_tag_one_wins(bot: httpx2.AsyncClient) -> None:
    tag = (await bot.get(settings_of())).headers["etag"]
    answers = await asyncio.gather(
        *(bot.patch(settings_of(), json={"cooldown_seconds": 100 + n}, headers={"If-Match": tag}) for n in range(20))
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 19
    (won,) = [answer.json() for answer in answers if answer.status_code == 200]
    assert (await bot.get(settings_of())).json() == won
    assert len(await entries(bot)) == 1


async def test_only_this_guild_changes(bot: httpx2.AsyncClient, mallory: httpx2.AsyncClient) -> None:
    await bot.patch(settings_of(guild_id=HARBOUR), json={"cooldown_seconds": 5})
    assert (await mallory.get("/v1/guilds")).json()["items"]
    theirs = await mallory.get(settings_of(guild_id=(await mallory.get("/v1/guilds")).json()["items"][0]["id"]))
    assert theirs.json()["revision"] == 0
