"""What the stream tells to whom: every type of event, to keys with every scope, as it happens and caught up.

The table says what each member of an event's data needs; a type, or a member, without a row fails."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager

import httpx2
from litestar import Litestar

from api.auth.scopes import ALL, Scope
from api.events.broadcaster import Broadcaster
from api.events.outbox import OutboxEvent, publish
from api.events.rights import RIGHTS
from api.events.types import TYPES
from tests.achievements.support import define, draft
from tests.events.streams import Message, Stream
from tests.imports.files import imported
from tests.members.people import give
from tests.support.browsers import Browsers
from tests.support.clients import Clients
from tests.support.discord import MANAGE_GUILD, Discord, Member
from tests.support.people import ADA, BO, HARBOUR, QUARRY
from tests.support.serving import NO_TLS
from tests.support.wiring import services_of

GUILD = f"/v1/guilds/{HARBOUR}"
ENVELOPE: Mapping[str, str | None] = {"guild_id": None, "at": None}
OF_MEMBER = "members:read"
OF_GUILD = dict.fromkeys(("name", "icon", "locale", "timezone", "changed"), "guilds:read")
OF_PERSON = dict.fromkeys(("user_id", "username", "display_name", "avatar_url"), OF_MEMBER)
OF_ACHIEVEMENT = OF_PERSON | dict.fromkeys(("achievement", "rewards"), OF_MEMBER)
OF_LEVEL = OF_PERSON | dict.fromkeys(("from_level", "to_level", "xp"), OF_MEMBER)

# What each member needs beside `events:read`, None: nothing.
NEEDS: Mapping[str, Mapping[str, str | None]] = {
    "achievement.revoked": OF_ACHIEVEMENT,
    "achievement.unlocked": OF_ACHIEVEMENT,
    "guild.created": OF_GUILD,
    "guild.deleted": OF_GUILD,
    "guild.restored": OF_GUILD,
    "guild.updated": OF_GUILD,
    "import.finished": {"id": None} | dict.fromkeys(("source", "dry_run", "status", "counts"), OF_MEMBER),
    "member.left": OF_PERSON,
    "member.level_changed": OF_LEVEL,
    "member.level_up": OF_LEVEL | {"role_rewards": OF_MEMBER, "announce": OF_MEMBER},
    "module.updated": {"module": None, "version": "settings:read"},
    "settings.updated": {"module": None, "revision": None, "values": "settings:read"},
    "webhook.disabled": {"id": None, "url": "webhooks:write"},
}
OF_PEOPLE = {kind for kind in TYPES if kind.partition(".")[0] in ("member", "achievement")}
NEEDED = {Scope(need) for needs in NEEDS.values() for need in needs.values() if need is not None}


def test_every_type_has_a_row() -> None:
    assert set(TYPES) == NEEDS.keys() == RIGHTS.keys(), "say what its data needs: the scope of the route that tells it"


async def everything(bot: httpx2.AsyncClient, app: Litestar, user_id: int = BO) -> None:
    """Every type of event, once or more, about Harbour."""
    member = f"{GUILD}/members/{user_id}"
    await bot.delete(GUILD)
    await bot.post(f"{GUILD}/restore")
    await bot.patch(GUILD, json={"locale": "de"})
    await bot.patch(f"{GUILD}/settings/leveling", json={"cooldown_seconds": 5})
    await bot.put("/v1/modules/welcome", json={"schema": {"type": "object", "properties": {}}})
    await define(bot, draft(gte=1000))
    await bot.put(f"{member}/achievements/chatterbox")
    await bot.delete(f"{member}/achievements/chatterbox")
    await give(bot, user_id, 700)
    await give(bot, user_id, 0)
    await bot.delete(member)
    await imported(bot, "csv", f"user_id,xp\n{ADA},5\n".encode())
    # Made the first time, and disabled after half a day: what these tell is in tests/events and tests/webhooks.
    async with services_of(app).database.transaction() as connection:
        data: dict[str, object] = {"name": "Harbour", "icon": None, "locale": "de", "timezone": "UTC", "changed": []}
        await publish(connection, [
            OutboxEvent(HARBOUR, "guild.created", data),
            OutboxEvent(HARBOUR, "webhook.disabled", {"id": "7", "url": "https://bot.example/secret-path"}),
        ])  # fmt: skip
    await end(app)


async def until_the_end(opened: Stream) -> list[Message]:
    """What comes until the event of Quarry that stands last."""
    found: list[Message] = []
    while not found or found[-1].data["guild_id"] != str(QUARRY):
        found.append(await opened.next(20))
    return found[:-1]


@asynccontextmanager
async def streams(
    app: Litestar, base_url: str, callers: Sequence[Mapping[str, str]], after: int | None = None
) -> AsyncIterator[list[Stream]]:
    """One for each caller, who is known by these headers. All begin with what happens from now on, or after `after`."""
    await all_is_published(app)
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(httpx2.AsyncClient(base_url=base_url, timeout=20, verify=NO_TLS))
        since = {} if after is None else {"Last-Event-ID": str(after)}
        answers = [
            await stack.enter_async_context(client.stream("GET", "/v1/events", headers={**headers, **since}))
            for headers in callers
        ]
        yield [await stack.enter_async_context(aclosing(Stream(answer))) for answer in answers]


async def read(opened: Sequence[Stream]) -> list[list[Message]]:
    return await asyncio.gather(*map(until_the_end, opened))


async def all_is_published(app: Litestar) -> None:
    """Waits until what has happened is given out: streams that are opened after that begin at one place."""
    broadcaster: Broadcaster = services_of(app).broadcaster
    async with services_of(app).database.connection() as connection:
        newest = await connection.fetchval("SELECT guildhall_number_events(1000)")
    async with asyncio.timeout(10):
        while (broadcaster.position or 0) < newest:  # noqa: ASYNC110 - nothing signals it
            await asyncio.sleep(0.01)


async def end(app: Litestar) -> None:
    """What `until_the_end` waits for."""
    async with services_of(app).database.transaction() as connection:
        await publish(connection, [OutboxEvent(QUARRY, "guild.updated", {"changed": ["end"]})])


async def test_each_type_with_each_scope(
    bot: httpx2.AsyncClient, base_url: str, clients: Clients, litestar_app: Litestar
) -> None:
    """With every scope but one, and with no other one."""
    sets = [ALL - {scope} for scope in sorted(ALL - {Scope.EVENTS_READ})]
    sets += [frozenset({Scope.EVENTS_READ, scope}) for scope in sorted(NEEDED)]
    keys = [{"Authorization": f"Bearer {await clients.key(scopes=scopes)}"} for scopes in sets]
    async with streams(litestar_app, base_url, keys) as opened:
        await everything(bot, litestar_app)
        live = await read(opened)
        began_after = opened[0].began_after
    async with streams(litestar_app, base_url, keys, began_after) as opened:
        assert await read(opened) == live, "caught up it is the same"
    whole = {message.id: message for message in live[sets.index(ALL - {Scope.AUDIT_READ})]}
    assert {message.event for message in whole.values()} == set(TYPES)
    for scopes, messages in zip(sets, live, strict=True):
        assert [message.id for message in messages] == list(whole)
        for message in messages:
            needs = {**ENVELOPE, **NEEDS[message.event]}
            expected = {
                name: value
                for name, value in whole[message.id].data.items()
                if needs[name] is None or needs[name] in scopes
            }
            assert message.data == expected, (message.event, sorted(scopes))


async def test_what_is_of_somebody_hidden(
    bot: httpx2.AsyncClient,
    base_url: str,
    clients: Clients,
    browsers: Browsers,
    discord: Discord,
    litestar_app: Litestar,
) -> None:
    """Live, caught up, and caught up after they show themselves again."""
    discord.members[HARBOUR][BO] = Member(permissions=MANAGE_GUILD)
    who = {
        "the bot": {"Authorization": f"Bearer {await clients.key(guilds=[HARBOUR, QUARRY])}"},
        "a key": {"Authorization": f"Bearer {await clients.key(scopes=ALL - {Scope.MEMBERS_WRITE})}"},
    }
    discord.members[QUARRY] |= {user: Member(permissions=MANAGE_GUILD) for user in (ADA, BO)}
    for name, user in (("a manager", ADA), ("themselves", BO)):
        browser = await browsers.log_in(user)
        who[name] = {"Cookie": f"guildhall-session={browser.cookies['guildhall-session']}"}
    hidden = f"/v1/users/{BO}/privacy"

    def counts(messages: list[list[Message]]) -> dict[str, int]:
        return {
            name: sum(message.event in OF_PEOPLE for message in received)
            for name, received in zip(who, messages, strict=True)
        }

    assert (await bot.put(hidden, json={"visibility": "hidden"})).is_success
    async with streams(litestar_app, base_url, list(who.values())) as opened:
        await everything(bot, litestar_app)
        live = counts(await read(opened))
        after = opened[0].began_after
    received = live["the bot"]
    assert received >= len(OF_PEOPLE)
    assert live == {"the bot": received, "a key": 0, "a manager": 0, "themselves": received}
    async with streams(litestar_app, base_url, list(who.values()), after) as opened:
        assert counts(await read(opened)) == live
    assert (await bot.put(hidden, json={"visibility": "public"})).is_success
    async with streams(litestar_app, base_url, list(who.values()), after) as opened:
        assert counts(await read(opened)) == dict.fromkeys(who, received)
    assert (await bot.put(hidden, json={"visibility": "hidden"})).is_success
    async with streams(litestar_app, base_url, list(who.values()), after) as opened:
        assert counts(await read(opened)) == live, "events from while they were public, too"


async def test_a_person_s_rights_are_those_in_the_event_s_guild(
    bot: httpx2.AsyncClient, base_url: str, browsers: Browsers, discord: Discord, litestar_app: Litestar
) -> None:
    """Ada manages Harbour, and a role lets her read in Quarry."""
    discord.members[QUARRY][ADA] = Member(roles=[700])
    await bot.put(f"/v1/guilds/{QUARRY}/settings/privacy", json={"reader_role_ids": ["700"]})
    browser = await browsers.log_in(ADA)
    headers = {"Cookie": f"guildhall-session={browser.cookies['guildhall-session']}"}
    async with streams(litestar_app, base_url, [headers]) as (opened,):
        async with services_of(litestar_app).database.transaction() as connection:
            data = {"id": "7", "url": "https://bot.example/"}
            await publish(
                connection, [OutboxEvent(guild_id, "webhook.disabled", data) for guild_id in (HARBOUR, QUARRY)]
            )
        got = {message.data["guild_id"]: message.data for message in await opened.take(2)}
    assert got[str(HARBOUR)].get("url") == "https://bot.example/"
    assert "url" not in got[str(QUARRY)]


async def test_a_process_that_is_behind_publishes_nothing_twice(
    bot: httpx2.AsyncClient, base_url: str, litestar_app: Litestar
) -> None:
    """A reader that comes from another process has had more than this one has read."""
    broadcaster: Broadcaster = services_of(litestar_app).broadcaster
    headers = {"Authorization": bot.headers["Authorization"]}
    for locale in ("de", "fr", "it"):
        await bot.patch(GUILD, json={"locale": locale})
    await all_is_published(litestar_app)
    had = broadcaster.position
    assert had is not None
    async with streams(litestar_app, base_url, [headers], had) as (opened,):
        async with asyncio.timeout(5):
            while not any(stream.is_live for stream in broadcaster._streams):  # noqa: ASYNC110 - nothing signals it
                await asyncio.sleep(0.01)
        broadcaster.position = had - 2
        await bot.patch(GUILD, json={"locale": "es"})
        message = await opened.next()
    assert (message.id, message.data["locale"]) == (had + 1, "es")
