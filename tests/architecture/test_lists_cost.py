"""The cost of a list's page depends on the page, not on the number of guilds. The tests call every route with pages,
and explain the statements that it sends to PostgreSQL, with 50,000 guilds and both kinds of plans."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextvars import ContextVar
from datetime import datetime

import asyncpg
import httpx2
import pytest

from api.events import queries as event_queries
from api.postgres.engine import PlainConnection
from tests.architecture.described import Description
from tests.architecture.world import World, is_of_people
from tests.support import cluster
from tests.support.clients import Clients
from tests.support.people import ADA, HARBOUR, QUARRY

NAME = "many_guilds"
GUILDS = 50_000
LIMIT = 10

# The shortest scan of a whole index of 50,000 rows reads 137 pages; one of a table reads more than 200.
MOST_PAGES = 100

QUERIES = {
    "deleted": "true",
    "parent_id": "{key_id}",
    "actor": "7",
    "action": "settings.updated",
    "from": "2026-01-01",
    "to": "2099-01-01",
}

# The requested guild comes after all others, and its rows are older than theirs.
FILL = f"""
    CREATE TEMP TABLE n AS SELECT n::bigint FROM generate_series(1, {GUILDS}) AS n;
    CREATE TEMP TABLE own AS
        SELECT id, k FROM unnest(ARRAY[{HARBOUR}, {QUARRY}]::bigint[]) AS id, generate_series(1, 30) AS k;
    INSERT INTO guilds (id, name) SELECT n, 'G' FROM n UNION ALL SELECT DISTINCT id, 'Harbour' FROM own;
    UPDATE guilds SET deleted_at = now() WHERE id BETWEEN {GUILDS} - 5 AND {GUILDS};
    INSERT INTO modules (name, schema) SELECT 'm' || n, '{{}}' FROM n WHERE n <= 200;
    INSERT INTO guild_settings_revisions (guild_id, module, revision, actor_kind)
        SELECT id, 'leveling', k, 'key' FROM own UNION ALL SELECT n, 'leveling', 1, 'key' FROM n;
    INSERT INTO custom_stat_names (guild_id, stat) SELECT id, 's' || k FROM own UNION ALL SELECT n, 's' FROM n;
    INSERT INTO achievements (guild_id, key, name, condition)
        SELECT nullif(g, 0), 'k' || k, 'N', '{{"stat": "messages", "gte": 5}}'
        FROM (SELECT 0 AS g, k FROM own UNION SELECT id, k FROM own UNION ALL SELECT n, 1 FROM n) AS each;
    INSERT INTO achievement_counts (achievement_id, guild_id, awarded)
        SELECT a.id, n, 1 FROM achievements a, n WHERE a.guild_id IS NULL AND a.key IN ('k1', 'k2', 'k3');
    INSERT INTO member_counts (guild_id, members) SELECT n, 1 FROM n;
    INSERT INTO api_keys (name, prefix, hash, scopes, guild_ids, revoked_at, parent_id)
        SELECT 'K', 'gh_', sha256(int8send(id) || int8send(k)), '{{guilds:read}}', ARRAY[id],
            CASE WHEN k % 2 = 0 THEN now() END, CASE WHEN k % 3 = 0 THEN 1 END FROM own;
    INSERT INTO api_keys (name, prefix, hash, scopes, guild_ids, revoked_at)
        SELECT 'K', 'gh_', sha256(int8send(-n)), '{{guilds:read}}', ARRAY[n], CASE WHEN n % 2 = 0 THEN now() END FROM n;
    INSERT INTO audit_log (guild_id, actor_kind, actor_id, action)
        SELECT id, 'key', '7', 'settings.updated' FROM own
        UNION ALL SELECT n, 'key', '7', 'settings.updated' FROM n;
    INSERT INTO imports (guild_id, source, status, actor_kind)
        SELECT id, 'csv', 'finished', 'key' FROM own UNION ALL SELECT n, 'csv', 'finished', 'key' FROM n;
    INSERT INTO webhooks (guild_id, url, secret)
        SELECT id, 'https://example.org', ''::bytea FROM own
        UNION ALL SELECT n, 'https://example.org', ''::bytea FROM n;
    INSERT INTO webhook_deliveries (webhook_id, type, at)
        SELECT 1, 'guild.updated', now() FROM own UNION ALL SELECT n, 'guild.updated', now() FROM n;
    INSERT INTO sessions (hash, user_id, username, token_expires_at, expires_at)
        SELECT sha256(int8send(k)), {ADA}, 'A', now(), now() + interval '9 days' FROM own WHERE id = {HARBOUR}
        UNION ALL SELECT sha256(int8send(-n)), n, 'A', now(), now() + interval '9 days' FROM n;
    SELECT guildhall_create_partition('stream_events', current_date);
    INSERT INTO stream_events (position, day, guild_id, type, data, at)
        SELECT n, current_date, n, 'guild.updated', '{{}}', now() FROM n;
    SET default_statistics_target = 20;
    ANALYZE;
"""

Sent = dict[tuple[str, tuple[object, ...]], None]

_of_a_route: ContextVar[bool] = ContextVar("of_a_route", default=False)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Sent:
    """The statements that were sent while a route was called, with their arguments, each once."""
    found: Sent = {}

    def note(name: str) -> None:
        original: Callable[..., Awaitable[object]] = getattr(asyncpg.Connection, name)

        async def noted(self: PlainConnection, query: str, *args: object, **more: object) -> object:
            if _of_a_route.get() and query.lstrip().startswith(("SELECT", "WITH")):
                found[query, tuple(tuple(each) if isinstance(each, list) else each for each in args)] = None
            return await original(self, query, *args, **more)

        monkeypatch.setattr(asyncpg.Connection, name, noted)

    for name in ("fetch", "fetchrow", "fetchval"):
        note(name)
    return found


@pytest.fixture(scope="module")
async def many() -> AsyncIterator[PlainConnection]:
    await cluster.clone(NAME)
    connection = await asyncpg.connect(
        cluster.url("postgres", NAME), server_settings={"session_replication_role": "replica"}
    )
    try:
        await connection.execute(FILL)
        yield connection
    finally:
        await connection.close()
        await cluster.drop(NAME)


def literal(value: object) -> str:
    """The value as an SQL literal of any required type."""
    match value:
        case None:
            return "NULL"
        case tuple() | list():
            text = (
                "{" + ",".join(rf'"\\x{each.hex()}"' if isinstance(each, bytes) else str(each) for each in value) + "}"
            )
        case datetime():
            text = value.isoformat()
        case bytes():
            text = f"\\x{value.hex()}"
        case _:
            text = str(value)
    return "'" + text.replace("'", "''") + "'"


async def pages(connection: PlainConnection, statement: str, arguments: Sequence[object], mode: str) -> int:
    """The number of pages that a statement reads, with a plan of this kind."""
    await connection.execute(f"SET plan_cache_mode = {mode}")
    await connection.execute(f"PREPARE asked AS {statement}")
    try:
        given = f"({', '.join(map(literal, arguments))})" if arguments else ""
        explained = await connection.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE asked{given}")
    finally:
        await connection.execute("DEALLOCATE asked")
    plan = json.loads(explained)[0]["Plan"]
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


async def ask(client: httpx2.AsyncClient, url: str) -> None:
    """Requests a page, and the one after it."""
    answer = await client.get(url)
    assert answer.is_success, (url, answer.text)
    if (cursor := answer.json()["next_cursor"]) is not None:
        assert (await client.get(url, params={**httpx2.URL(url).params, "cursor": cursor})).is_success


async def test_a_page_costs_what_it_shows(
    world: World, clients: Clients, description: Description, many: PlainConnection, sent: Sent
) -> None:
    await world.restore()
    harbours = await clients.bot(guilds=[HARBOUR])
    asked = set()
    _of_a_route.set(True)
    for path, method, operation in description.operations():
        names = [description.resolved(each)["name"] for each in operation.get("parameters", [])]
        if method != "GET" or "cursor" not in names or not path.startswith("/v1"):
            continue
        asked.add(path)
        url = f"{path.format(**world.parts(path))}?limit={LIMIT}"
        filters = [""]
        if not path.endswith("/leaderboard"):  # a window is a sum over the guild's own days
            filters += [f"&{name}={QUERIES[name].format(key_id=world.key_id)}" for name in names if name in QUERIES]
        for client in [world.browser] if is_of_people(operation) else [world.bot, harbours]:
            for each in filters:
                await ask(client, url + each)
    _of_a_route.set(False)
    assert asked >= {"/v1/guilds", "/v1/achievements", "/v1/keys", "/v1/modules", "/v1/me/guilds"}
    sent[event_queries.BOUNDS, ()] = None
    costly = {}
    for statement, arguments in sent:
        for mode in ("force_custom_plan", "force_generic_plan"):
            found = await pages(many, statement, arguments, mode)
            if found > MOST_PAGES:
                costly[f"{mode} {arguments}: {statement}"] = found
    assert costly == {}
