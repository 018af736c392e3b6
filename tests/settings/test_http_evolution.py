"""Schemas that stored settings do not satisfy: refused, or what fails is reset."""

import httpx2

from api.postgres.engine import PlainConnection
from tests.settings.addresses import entries, register, settings_of, with_property
from tests.support.people import HARBOUR, QUARRY


async def test_a_conflict_changes_nothing(bot: httpx2.AsyncClient) -> None:
    await register(bot)
    await bot.patch(settings_of("welcome", QUARRY), json={"limit": 3})
    await bot.patch(settings_of("welcome"), json={"limit": 50})
    before = [(await bot.get(path)).json() for path in ("/v1/modules/welcome", settings_of("welcome"))]
    narrow = with_property(limit={"type": "integer", "maximum": 10, "default": 1})
    refused = await register(bot, narrow)
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:guildhall:problem:module-conflict")
    assert (refused.json()["guilds"], refused.json()["guild_ids"]) == (1, [str(HARBOUR)])
    assert (await register(bot, narrow, on_conflict="refuse")).status_code == 409
    after = [(await bot.get(path)).json() for path in ("/v1/modules/welcome", settings_of("welcome"))]
    assert before == after


async def test_what_fails_is_reset_and_the_rest_stays(bot: httpx2.AsyncClient) -> None:
    await register(bot)
    other = (await bot.patch(settings_of("welcome", QUARRY), json={"limit": 3, "text": "Hi"})).json()
    mine = {
        "limit": 50,
        "text": "Mine",
        "card": {"colour": "blue"},
        "rows": [{"role_id": "5", "n": 2}],
        "enabled": True,
    }
    await bot.patch(settings_of("welcome"), json=mine)
    colour, size = {"enum": ["red", "green"], "default": "green"}, {"type": "integer", "default": 3}
    narrow = with_property(
        limit={"type": "integer", "maximum": 10, "default": 1},
        enabled=None,
        card={"type": "object", "properties": {"colour": colour, "size": size}},
        more={"type": "string", "default": "only another default"},
    )
    evolved = await bot.put(
        "/v1/modules/welcome",
        json={"schema": narrow},
        params={"on_conflict": "reset"},
        headers={"X-Audit-Log-Reason": "smaller"},
    )
    assert (evolved.status_code, evolved.json()["version"]) == (200, 2)
    after = (await bot.get(settings_of("welcome"))).json()
    assert (after["revision"], after["overridden"]) == (2, ["rows", "text"])
    assert (after["values"]["limit"], after["values"]["text"]) == (1, "Mine")
    assert after["values"]["card"] == {"colour": "green", "size": 3}
    (entry,) = await entries(bot, "settings.reset")
    assert (entry["target"], entry["reason"], entry["actor"]["kind"]) == ("welcome", "smaller", "key")
    assert entry["changes"] == {
        "limit": {"before": 50, "after": 1},
        "enabled": {"before": True, "after": None},
        "card": {
            "before": {"colour": "blue", "channel_id": None},
            "after": {"colour": "green", "size": 3},
        },
    }
    newest = (await bot.get(settings_of("welcome") + "/revisions")).json()["items"][0]
    assert (newest["revision"], newest["reason"], newest["changes"]) == (2, "smaller", entry["changes"])
    assert newest["before"] == mine
    assert newest["after"] == {"text": "Mine", "rows": [{"role_id": "5", "n": 2}]}
    assert (await bot.get(settings_of("welcome", QUARRY))).json()["revision"] == other["revision"]
    assert (await bot.patch(settings_of("welcome"), json={"limit": 2})).json()["revision"] == 3


async def test_a_deleted_guild_must_fit_too(bot: httpx2.AsyncClient) -> None:
    await register(bot)
    await bot.patch(settings_of("welcome"), json={"limit": 50})
    await bot.delete(f"/v1/guilds/{HARBOUR}")
    narrow = with_property(limit={"type": "integer", "maximum": 10, "default": 1})
    assert (await register(bot, narrow)).json()["guilds"] == 1
    assert (await register(bot, narrow, on_conflict="reset")).status_code == 200
    await bot.post(f"/v1/guilds/{HARBOUR}/restore")
    assert (await bot.get(settings_of("welcome"))).json()["values"]["limit"] == 1


async def test_many_guilds(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    await register(bot)
    await owner.execute("INSERT INTO guilds (id, name) SELECT n, 'x' FROM generate_series(1001, 2500) AS n")
    await owner.execute(
        "INSERT INTO guild_settings (guild_id, module, overrides)"
        """ SELECT n, 'welcome', jsonb_build_object('text', 'x', 'limit', n) FROM generate_series(1001, 2500) AS n"""
    )
    narrow = with_property(limit={"type": "integer", "maximum": 1100, "default": 1})
    refused = (await register(bot, narrow)).json()
    assert (refused["guilds"], refused["guild_ids"]) == (1400, [str(n) for n in range(1101, 1111)])
    assert (await register(bot, narrow, on_conflict="reset")).status_code == 200
    rows = await owner.fetch(
        'SELECT overrides = \'{"text": "x"}\' AS reset, revision, count(*) FROM guild_settings GROUP BY 1, 2 ORDER BY 1'
    )
    assert [tuple(row) for row in rows] == [(False, 1, 100), (True, 2, 1400)]
    assert await owner.fetchval("SELECT count(*) FROM audit_log WHERE action = 'settings.reset'") == 1400
    assert (await bot.get(settings_of("welcome", 2500))).json()["values"]["limit"] == 1
