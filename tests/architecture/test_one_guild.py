"""One transaction writes rows of one guild, or of the installation. Who keeps several databases, or one that is
distributed by guild, needs that: a commit in two places at once is slow, and can be half done.

Triggers note the guild of each row that is written, with its transaction and statement, while each route is called in
two guilds with the same people, and the jobs run. `EXCEPTIONS` names the statements that may concern several guilds.
All of these statements are also held to the rules of poolers."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest
from litestar import Litestar

from api.activity import queries as activity
from api.events import queries as events
from api.members import visibility_queries
from api.postgres.engine import PlainConnection
from api.services import Services
from api.settings import queries as settings
from tests.activity.test_record import message, record
from tests.architecture.world import World
from tests.imports.files import event, imported, lines
from tests.support import cluster
from tests.support.clock import MovableClock
from tests.support.people import ADA, BO, HARBOUR, QUARRY
from tests.support.poolers import LONGEST, all_connections, faults, noted, pins
from tests.support.wiring import services_of

# Each with a statement, or a part of one, that a transaction of its kind has. `docs/scaling.md` says what each would be
# with several databases.
EXCEPTIONS = {
    "requests of several guilds that record together": activity.DEDUPLICATE,
    "hiding a person, and showing them again": visibility_queries.RANK_ANEW,
    "numbering the stream's events": events.NUMBER,
    "erasing a person from the stream": """UPDATE stream_events SET data = '{"erased": true}'""",
    "a module's new schema, which resets what it refuses": settings.RESET,
}

# Why RDS Proxy keeps connections of Guildhall for one client. Nothing else may.
PINS = {"SET LOCAL", "set_config for the transaction", "set_config for the session", "a sequence"}

# Rows that none of the requests below writes: sums of large guilds, and what a key sends twice.
UNTRIED = {"activity_checkpoints", "activity_totals", "activity_rewrites", "erased_people", "idempotent_answers"}

_NOTE = """
    CREATE SCHEMA noted;
    CREATE UNLOGGED TABLE noted.writes (xid xid8, guild_id bigint, name text, statement text);
    CREATE FUNCTION noted.note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    DECLARE
        touched jsonb := to_jsonb(CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END);
        guild bigint := coalesce(touched ->> 'guild_id', CASE TG_ARGV[0] WHEN 'guilds' THEN touched ->> 'id' END);
    BEGIN
        IF guild <> 0 THEN  -- 0 and null: the installation
            INSERT INTO noted.writes VALUES (pg_current_xact_id(), guild, TG_ARGV[0], current_query());
        END IF;
        RETURN NULL;
    END $$;
    DO $$ DECLARE name text; BEGIN
        FOR name IN
            SELECT relname FROM pg_class c WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
                AND NOT relispartition AND (relname = 'guilds' OR EXISTS (
                    SELECT FROM pg_attribute WHERE attrelid = c.oid AND attname = 'guild_id' AND NOT attisdropped))
        LOOP
            EXECUTE format('CREATE TRIGGER noted AFTER INSERT OR UPDATE OR DELETE ON %I'
                ' FOR EACH ROW EXECUTE FUNCTION noted.note(%L)', name, name);
        END LOOP;
    END $$;
"""

_SEVERAL = """
    SELECT array_agg(DISTINCT statement) AS statements FROM noted.writes
    GROUP BY xid HAVING count(DISTINCT guild_id) > 1
"""

_UNTRIED = """
    SELECT relname::text FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
    WHERE tgname = 'noted' AND NOT relispartition EXCEPT SELECT name FROM noted.writes
"""


@pytest.fixture
async def noting(litestar_app: Litestar, database_name: str) -> AsyncIterator[PlainConnection]:
    """Notes writes while the test runs."""
    superuser = await asyncpg.connect(cluster.url("postgres", database_name))
    await superuser.execute(_NOTE)
    yield superuser
    await superuser.execute("DROP SCHEMA noted CASCADE")
    await superuser.close()


async def fill_both(world: World) -> None:
    """The same people are members of both guilds, with what they earned in each; both greet who joins."""
    bot = world.bot
    draft = {"key": "talker", "name": "Talker", "condition": {"stat": "messages", "gte": 1}}
    await bot.post("/v1/achievements", json=draft)
    for guild in (HARBOUR, QUARRY):
        await bot.post(f"/v1/guilds/{guild}/achievements", json={**draft, "key": "local"})
        answer = await bot.patch(f"/v1/guilds/{guild}/settings/welcome", json={"enabled": True})
        assert answer.is_success, answer.text
        for user in (ADA, BO):
            duel = message(f"duel {guild} {user}", user) | {"type": "stat", "stat": "duels", "amount": 1}
            await record(bot, message(f"{guild} {user}", user), duel, guild_id=guild)


async def call_everything(world: World) -> None:
    """Each route that changes something."""
    for path, method, operation in world.description.operations():
        if method != "GET":
            await world.restore()
            await fill_both(world)
            await world.bot.send(world.request(path, method, operation))


async def do_together(world: World) -> None:
    """What concerns both guilds at once."""
    await fill_both(world)
    module = {"title": "Welcome", "schema": {"type": "object", "properties": {}, "additionalProperties": False}}
    answer = await world.bot.put("/v1/modules/welcome?on_conflict=reset", json=module)
    assert answer.is_success, answer.text
    sent = [message(f"together {n}") for n in range(40)]
    await asyncio.gather(*(record(world.bot, each, guild_id=(HARBOUR, QUARRY)[n % 2]) for n, each in enumerate(sent)))
    for visibility in ("hidden", "public"):
        answer = await world.bot.put(f"/v1/users/{ADA}/privacy", json={"visibility": visibility})
        assert answer.is_success, answer.text
    for source in (HARBOUR, QUARRY):
        done = await imported(world.bot, "events", lines(event(1, "2026-01-05T10:00:00Z")), source)
        assert done["status"] == "finished", done
    assert (await world.bot.delete(f"/v1/users/{ADA}")).is_success


async def run_jobs(services: Services) -> None:
    for job in (
        services.upkeep.run, services.folding.run, services.purging.purge_all, services.settings.delete_old_revisions,
        services.deliverer.sweep, services.idempotency.sweep, services.import_job.sweep_strays,
        services.keyring.note_uses,
    ):  # fmt: skip
        await job()


@pytest.mark.timeout(600)  # hundreds of requests, on a busy machine
async def test_a_transaction_writes_rows_of_one_guild(
    world: World, litestar_app: Litestar, noting: PlainConnection, clock: MovableClock
) -> None:
    services = services_of(litestar_app)
    statements: set[str] = set()
    with noted(await all_connections(services.database), statements):
        await call_everything(world)
        await do_together(world)
        for guild in (HARBOUR, QUARRY):
            await world.bot.delete(f"/v1/guilds/{guild}")
        clock.move(days=40)
        await run_jobs(services)

    untried = {row[0] for row in await noting.fetch(_UNTRIED)}
    assert untried <= UNTRIED, "a table whose rows nothing here writes"
    seen, others = set(), []
    for row in await noting.fetch(_SEVERAL):
        kinds = {kind for kind, part in EXCEPTIONS.items() if any(part in each for each in row["statements"])}
        seen |= kinds
        others += [] if kinds else [row["statements"]]
    assert others == [], "transactions that wrote rows of two guilds"
    assert seen == set(EXCEPTIONS), "an exception that is none any more"

    # What a pooler by transactions lends is used for nothing longer: docs/decisions/poolers.md.
    assert len(statements) > 200
    assert [(statement, found) for statement in statements if (found := faults(statement))] == []
    assert set().union(*map(pins, statements)) == PINS


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("SET jit = off", "SET without LOCAL"),
        ("BEGIN; SET LOCAL lock_timeout = '1s'; RESET ROLE", "SET without LOCAL"),
        ("SELECT set_config('role', 'guildhall_app', false)", "set_config for the session"),
        ("LISTEN changes", "LISTEN"),
        ("SELECT pg_try_advisory_lock_shared(1)", "an advisory lock of the session"),
        ("CREATE TEMP TABLE named (id bigint)", "a temporary table"),
        ("PREPARE one AS SELECT 1", "a prepared statement by its name"),
        ("DECLARE each CURSOR FOR SELECT 1", "a cursor"),
        ("LOAD 'auto_explain'", "a library"),
        (f"SELECT 1 AS {'a' * LONGEST}", "a text above 16 KB"),
        ("BEGIN; SET LOCAL lock_timeout = '1s'; SELECT pg_advisory_xact_lock(1), 'LISTEN' -- DECLARE", None),
    ],
)
def test_statement_unfit_for_a_pooler_is_found(statement: str, fault: str | None) -> None:
    assert faults(statement) == (set() if fault is None else {fault})
