"""The reach of a key for Harbour: changes elsewhere do not affect its answers, and it changes nothing elsewhere. The
tests cover every route and every table."""

import asyncio
import re
from secrets import token_hex

import httpx2

from api.auth.scopes import ALL
from api.postgres.engine import PlainConnection
from tests.achievements.support import OF_ALL, define, draft
from tests.activity.test_record import message
from tests.architecture.described import Description
from tests.architecture.world import World, is_of_people
from tests.imports.files import imported
from tests.members.people import give, member, profile
from tests.privacy.people import USER, erase, live, tables
from tests.support.people import ADA, BO, HARBOUR, QUARRY

ELSEWHERE = f"/v1/guilds/{QUARRY}"

# Values that change by themselves between two reads.
_PASSING = re.compile(
    r'"(exported_at|last_used_at|as_of|request_id|outcome|next_attempt_at)":("[^"]*"|null)'
    r'|"(status|attempts)":("pending"|[0-9]+)'
)


# Whether an event is not numbered yet, or its deliveries are not stored yet.
_NOT_OWED = """
    SELECT EXISTS (SELECT FROM outbox)
        OR (SELECT position FROM webhook_position) < (SELECT newest FROM stream_position)
"""


async def answers(client: httpx2.AsyncClient, world: World, description: Description) -> dict[str, str]:
    """All that the client can read, by address."""
    texts = {}
    for path, method, operation in description.operations():
        if method != "GET" or not path.startswith("/v1") or is_of_people(operation):
            continue
        url = path.format(**world.parts(path))
        names = {each.get("name") for each in map(description.resolved, operation.get("parameters", []))}
        for query in ("", *(["?deleted=true"] if "deleted" in names else [])):
            answer = await client.get(url + query)
            texts[url + query] = f"{answer.status_code} {_PASSING.sub('', answer.text)}"
    return texts


async def much_happens_elsewhere(bot: httpx2.AsyncClient) -> None:
    """Changes in Quarry, about the same people as in Harbour."""
    asked = [
        await bot.patch(ELSEWHERE, json={"owner_id": str(ADA), "icon": "a"}),
        await bot.put(f"{ELSEWHERE}/roles", json={"items": [{"id": "5", "name": "canary"}]}),
        await bot.patch(f"{ELSEWHERE}/settings/leveling", json={"cooldown_seconds": 0}),
        await bot.patch(f"{ELSEWHERE}/settings/welcome", json={}),
        await bot.post(f"{ELSEWHERE}/activity", json={"events": [message(token_hex(8)), message("x", user=BO)]}),
        await bot.put(f"{member(ADA, QUARRY)}/achievements/chatterbox", json={}),
        await bot.put(f"{member(BO, QUARRY)}/achievements/chatterbox", json={}),
        await bot.put(f"{member(BO, QUARRY)}/achievements/early", json={}),
        await bot.post(f"{ELSEWHERE}/achievements", json=draft("canary", gte=1)),
        await bot.post(f"{ELSEWHERE}/webhooks", json={"url": "https://93.184.215.14/"}),
        key := await bot.post("/v1/keys", json={"name": "c", "scopes": sorted(ALL), "guild_ids": [str(QUARRY)]}),
        await bot.post(f"/v1/keys/{key.json()['id']}/rotate"),
        await bot.delete(f"/v1/keys/{key.json()['id']}"),
    ]
    assert all(answer.is_success for answer in asked), [answer.text for answer in asked if not answer.is_success]
    await give(bot, ADA, 70_000, QUARRY)
    await imported(bot, "csv", f"user_id,xp\n{ADA},500000\n{BO},600000\n".encode(), QUARRY)
    await imported(bot, "csv", f"user_id,xp\n{ADA},5\n{BO},6\n".encode(), QUARRY, dry_run=True)


async def test_nothing_elsewhere_changes_an_answer(
    bot: httpx2.AsyncClient,
    harbour_bot: httpx2.AsyncClient,
    world: World,
    description: Description,
    owner: PlainConnection,
) -> None:
    await world.restore()
    await define(bot, draft("early", "commands", 1, retroactive=True), at=OF_ALL)
    own = await harbour_bot.post(
        "/v1/keys", json={"name": "own", "scopes": ["guilds:read"], "guild_ids": [str(HARBOUR)]}
    )
    world.key_id = own.json()["id"]
    while await owner.fetchval(_NOT_OWED):  # noqa: ASYNC110 - nothing signals it
        await asyncio.sleep(0.05)
    before = await answers(harbour_bot, world, description)
    assert sum(text.startswith("200") for text in before.values()) > 25, [*before]
    await much_happens_elsewhere(bot)
    after = await answers(harbour_bot, world, description)
    assert [item["awarding"] for item in (await harbour_bot.get(OF_ALL)).json()["items"]] == [None, None]
    changed = [f"{url}\n{before[url]}\n{text}" for url, text in after.items() if before[url] != text]
    assert not changed, "\n\n".join(changed)


async def outside(owner: PlainConnection) -> set[str]:
    """Every row outside Harbour, except for those that change by themselves."""
    passing = {
        "rate_budgets", "outbox", "stream_position", "webhook_position", "webhooks", "webhook_deliveries", "migration",
        "jobs", "import_chunks", "import_events", "import_members", "installation_counts",
    }  # fmt: skip
    found = set()
    for table in await tables(owner):
        if table in passing:
            continue
        rows = await owner.fetch(
            f"SELECT to_jsonb(t) - '{{last_used_at,changed_xid}}'::text[] FROM {table} t"
            " WHERE coalesce(to_jsonb(t) ->> 'guild_id', to_jsonb(t) ->> 'id') IS DISTINCT FROM $1",
            str(HARBOUR),
        )
        found |= {f"{table} {row[0]}" for row in rows}
    return found


async def test_erasing_touches_nothing_elsewhere(
    bot: httpx2.AsyncClient, harbour_bot: httpx2.AsyncClient, owner: PlainConnection
) -> None:
    await define(bot, draft("global", gte=1), at=OF_ALL)
    await live(bot)
    await bot.post(f"{ELSEWHERE}/activity", json={"events": [message("1"), message("2")]})
    first = await bot.post(f"{member(ADA, QUARRY)}/xp", json={"amount": 50}, headers={"Idempotency-Key": "once"})
    await bot.post(f"{ELSEWHERE}/restore", headers={"Idempotency-Key": "restored"})
    async with asyncio.timeout(10):
        while await owner.fetchval("SELECT count(*) FROM outbox"):  # noqa: ASYNC110 - nothing signals it
            await asyncio.sleep(0.05)
    xp = (await profile(bot, ADA, QUARRY))["xp"]
    before = await outside(owner)
    receipt = await erase(harbour_bot)
    assert receipt["guilds"] == 1
    gone = before - await outside(owner)
    assert not gone, gone
    assert (await owner.fetchval("SELECT count(*) FROM outbox WHERE data ? 'erased' AND guild_id <> $1", HARBOUR)) == 0
    again = await bot.post(f"{member(ADA, QUARRY)}/xp", json={"amount": 50}, headers={"Idempotency-Key": "once"})
    assert (again.json(), again.headers["idempotent-replayed"]) == (first.json(), "true")
    assert (await profile(bot, ADA, QUARRY))["xp"] == xp


async def test_erasing_reveals_nothing_elsewhere(bot: httpx2.AsyncClient, harbour_bot: httpx2.AsyncClient) -> None:
    await much_happens_elsewhere_alone(bot)
    receipt = await erase(harbour_bot)
    assert (receipt["guilds"], receipt["rows"]) == (0, 0)
    assert (await harbour_bot.get(f"/v1/guilds/{HARBOUR}/audit-log?action=user.erased")).json()["items"] == []
    export = (await harbour_bot.get(f"{USER}/export")).json()["stored"]
    assert not any(export.values()), export


async def much_happens_elsewhere_alone(bot: httpx2.AsyncClient) -> None:
    await define(bot, draft(gte=1), draft("early", gte=1), at=OF_ALL)
    await bot.put("/v1/modules/welcome", json={"schema": {"type": "object", "properties": {}}})
    await much_happens_elsewhere(bot)
    posted = await bot.post(f"{member(ADA, QUARRY)}/xp", json={"amount": 5}, headers={"Idempotency-Key": "x"})
    assert posted.status_code == 200


async def test_its_own_answers_are_forgotten(harbour_bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    """Answers that name the person, including those stored for other keys of the guild."""
    await harbour_bot.patch(f"/v1/guilds/{HARBOUR}", json={"owner_id": str(ADA)})
    await harbour_bot.post(f"{member()}/xp", json={"amount": 5}, headers={"Idempotency-Key": "x"})
    await harbour_bot.post(f"/v1/guilds/{HARBOUR}/restore", headers={"Idempotency-Key": "owner"})
    named = "SELECT count(*) FROM idempotent_answers WHERE body LIKE '%' || $1 || '%'"
    assert await owner.fetchval(named, str(ADA)) == 2
    await erase(harbour_bot)
    assert await owner.fetchval(named, str(ADA)) == 0
