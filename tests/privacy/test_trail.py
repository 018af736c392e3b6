"""What is left of a person in the trail: a word that is always the same and says nothing. Nobody else is touched."""

import re
from typing import Any

import asyncpg
import httpx2
import pytest
from litestar import Litestar

from api.postgres.engine import PlainConnection
from api.postgres.provision import APP, READ_ONLY
from api.privacy import registry_queries
from tests.members.people import give
from tests.privacy.people import USER, erase
from tests.support import cluster
from tests.support.browsers import Browsers
from tests.support.people import ADA, BO, HARBOUR, QUARRY

LOG = f"/v1/guilds/{HARBOUR}/audit-log"
SETTINGS = f"/v1/guilds/{HARBOUR}/settings/leveling"

_is_word = re.compile(r"erased-[0-9a-f]{20}").fullmatch

Entry = dict[str, Any]  # Any: an entry as it is shown


async def entries(client: httpx2.AsyncClient, guild_id: int = HARBOUR, **query: str) -> list[Entry]:
    answer = await client.get(f"/v1/guilds/{guild_id}/audit-log", params=query)
    assert answer.status_code == 200, answer.text
    items: list[Entry] = answer.json()["items"]
    return items


async def written(owner: PlainConnection, **columns: object) -> int:
    """An entry in Harbour's log; its id."""
    row = {"guild_id": HARBOUR, "actor_kind": "system", "action": "x.y"} | columns
    places = ", ".join(f"${n}" for n in range(1, len(row) + 1))
    id_: int = await owner.fetchval(
        f"INSERT INTO audit_log ({', '.join(row)}) VALUES ({places}) RETURNING id", *row.values()
    )
    return id_


# Where the number n may stand in an entry, and whether it is a person there.
TYPED: list[tuple[dict[str, str], bool]] = [
    ({"actor_kind": "user", "actor_id": "{n}"}, True),
    ({"actor_kind": "key", "actor_id": "{n}"}, False),
    ({"actor_kind": "admin", "actor_id": "{n}"}, False),
    ({"action": "member.xp_adjusted", "target": "{n}"}, True),
    ({"action": "member.left", "target": "{n}"}, True),
    ({"action": "user.privacy_changed", "target": "{n}"}, True),
    ({"action": "achievement.awarded", "target": "{n}"}, True),
    ({"action": "achievement.revoked", "target": "{n}"}, True),
    ({"action": "achievement.created", "target": "{n}"}, False),
    ({"action": "guild.updated", "target": "{n}"}, False),
    ({"action": "webhook.created", "target": "{n}"}, False),
    ({"action": "key.revoked", "target": "{n}"}, False),
    ({"action": "import.finished", "target": "{n}"}, False),
    ({"action": "settings.updated", "target": "{n}"}, False),
    ({"action": "guild.updated", "changes": '{"owner_id": {"before": null, "after": "{n}"}}'}, True),
    ({"action": "guild.updated", "changes": '{"owner_id": {"before": "{n}", "after": "5"}}'}, True),
    ({"action": "guild.updated", "changes": '{"name": {"before": "{n}", "after": "x"}}'}, False),
    ({"action": "roles.updated", "changes": '{"{n}": {"before": {"id": "{n}"}, "after": null}}'}, False),
    ({"action": "settings.updated", "changes": '{"announce": {"before": {"channel_id": "{n}"}, "after": 1}}'}, False),
    ({"action": "key.created", "changes": '{"guild_ids": {"before": null, "after": ["{n}"]}}'}, False),
    ({"reason": "for <@{n}>, and <@!{n}>"}, True),
    ({"request_id": "{n}"}, False),
]


def _text(row: asyncpg.Record) -> str:
    """A row without its time, which has numbers too: seven o'clock is nobody."""
    return str({**row, "at": None})


@pytest.mark.parametrize("number", [ADA, 7])
async def test_only_what_is_a_person_is_forgotten(bot: httpx2.AsyncClient, owner: PlainConnection, number: int) -> None:
    """A webhook's, a key's or an import's number may be the same."""
    ids = {}
    for place, (columns, is_person) in enumerate(TYPED):
        filled = {name: text.replace("{n}", str(number)) for name, text in columns.items()}
        ids[await written(owner, **filled)] = (place, is_person)
    before = {row["id"]: _text(row) for row in await owner.fetch("SELECT * FROM audit_log")}
    assert (await bot.delete(f"/v1/users/{number}")).status_code == 200
    after = {row["id"]: _text(row) for row in await owner.fetch("SELECT * FROM audit_log")}
    for id_, (place, is_person) in ids.items():
        assert (before[id_] != after[id_]) is is_person, TYPED[place]
        assert (re.search(rf"\b{number}\b", after[id_]) is None) is is_person, TYPED[place]


@pytest.mark.parametrize("reason", [f"for {QUARRY}", f"{QUARRY}", f"<#{QUARRY}>"])
async def test_a_guild_is_nobody(bot: httpx2.AsyncClient, owner: PlainConnection, reason: str) -> None:
    await bot.patch(f"/v1/guilds/{QUARRY}", json={"icon": "a"}, headers={"X-Audit-Log-Reason": reason})
    hook = await bot.post(f"/v1/guilds/{QUARRY}/webhooks", json={"url": "https://93.184.215.14/"})
    before = await owner.fetch("SELECT * FROM audit_log ORDER BY id")
    for number in (QUARRY, hook.json()["id"]):
        receipt = await bot.delete(f"/v1/users/{number}")
        assert (receipt.json()["guilds"], receipt.json()["rows"]) == (0, 0)
    assert await owner.fetch("SELECT * FROM audit_log ORDER BY id") == before


async def test_nobody_washes_their_own_acts_clean(bot: httpx2.AsyncClient, browsers: Browsers) -> None:
    words = []
    for level in (5, 6):
        ada = await browsers.log_in(ADA)
        assert (await ada.patch(SETTINGS, json={"max_level": level})).status_code == 200
        assert [entry["action"] for entry in await entries(bot, actor=str(ADA))] == ["settings.updated"]
        await give(bot, ADA, level)
        await erase(ada)
        assert await entries(bot, actor=str(ADA)) == []
        erased, given, patched = (await entries(bot))[:3]
        assert (erased["action"], patched["action"]) == ("user.erased", "settings.updated")
        assert erased["actor"] == patched["actor"] == {"kind": "user", "id": given["target"]}
        assert (erased["ip"], patched["ip"]) == (None, None)
        words.append(given["target"])
        [revision] = (await bot.get(f"{SETTINGS}/revisions?limit=1")).json()["items"]
        assert revision["actor"]["id"] == given["target"]
    assert _is_word(words[0]), words
    assert words[0] == words[1]
    found = [entry["action"] for entry in await entries(bot, actor=words[0])]
    assert found == ["user.erased", "settings.updated"] * 2
    await give(bot, BO, 5)
    await bot.delete(f"/v1/users/{BO}")
    [other] = [
        entry["target"] for entry in await entries(bot, action="member.xp_adjusted") if entry["target"] not in words
    ]
    assert _is_word(other)


async def test_whoever_is_named_as_the_reason(bot: httpx2.AsyncClient) -> None:
    """Also in the entry that says so."""
    await give(bot, ADA, 5)
    reason = {"X-Audit-Log-Reason": f"{ADA} asked, <@{ADA}>; not {ADA}0"}
    await bot.delete(USER, headers=reason)
    erased, given = (await entries(bot))[:2]
    word = given["target"]
    assert erased["reason"] == f"{word} asked, <@{word}>; not {ADA}0"
    assert erased["actor"]["kind"] == "key"


@pytest.mark.parametrize("role", [APP, READ_ONLY])
async def test_nobody_can_turn_it_back(litestar_app: Litestar, database_name: str, role: str) -> None:
    """Whoever could make the words of all ids could find whose a word is."""
    connection = await asyncpg.connect(cluster.url(role, database_name))
    try:
        for statement in ("SELECT guildhall_pseudonym(5)", "SELECT * FROM pseudonym_key", "DELETE FROM pseudonym_key"):
            with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.ReadOnlySQLTransactionError)):
                await connection.execute(statement)
    finally:
        await connection.close()


async def test_a_person_is_found_by_an_index(
    bot: httpx2.AsyncClient, owner: PlainConnection, litestar_app: Litestar
) -> None:
    """Erasing and exporting read what is theirs, not the whole trail."""
    await owner.execute(
        "INSERT INTO audit_log (guild_id, actor_kind, actor_id, action)"
        " SELECT $1, 'user', n::text, 'settings.updated' FROM generate_series(1, 4000) n",
        HARBOUR,
    )
    await owner.execute("ANALYZE audit_log")
    rows = await owner.fetch(f"EXPLAIN {registry_queries.TRAIL}", ADA, None, 0, 100)
    plan = "\n".join(row[0] for row in rows)
    assert "audit_log_people_idx" in plan, plan
