"""Every statement of a transaction that records has one plan, made once a connection: it must be good for tables that
are empty and for tables that are full. Asked about is what is really sent, so that a new statement is too."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import timedelta

import asyncpg
import httpx2
import msgspec
import pytest

from api.achievements import queries as achievements
from api.activity import locks, queries
from api.members import ledger_queries
from api.postgres.engine import PlainConnection
from tests.achievements.support import OF_ALL, define, draft
from tests.activity.test_record import Json, message, record
from tests.imports.files import event, imported, lines
from tests.support import cluster
from tests.support.clock import MovableClock
from tests.support.people import ADA, BO, HARBOUR, QUARRY

CY, DEE = 77, 78

_ROWS = {"empty": 0, "emptied": 50, "full": 20_000}

# A row, or as many as there are processes: nothing to look up.
_SMALL = {"erasure_salt", "stream_position"}

# Tables of which one guild alone may have millions of rows, and the columns of which one must be looked up.
_LARGE = {"activity_ids": "id", "members": "user_id|id", "boards": "user_id", "activity_days": "user_id"}

# What the scenario below must at least bring about.
_EXPECTED = {
    queries.DEDUPLICATE, queries.FILL, queries.EARNED, ledger_queries.MAKE, ledger_queries.STORE,
    ledger_queries.STORE_STATS, achievements.DEFINITIONS, achievements.AWARDS, achievements.AWARDED, achievements.AWARD,
    achievements.TOTALS_AND_WINDOWS, achievements.STAT_WINDOWS,
}  # fmt: skip

_FILL = """
    CREATE TEMP TABLE n AS SELECT n::bigint FROM generate_series(1, {rows}) AS n;
    INSERT INTO guilds (id, name) SELECT n, 'G' FROM n;
    INSERT INTO guild_settings (guild_id, module, overrides, revision) SELECT n, 'achievements', '{{}}', 1 FROM n;
    INSERT INTO achievements (guild_id, key, name, condition)
        SELECT n, 'k' || k, 'N', '{{"stat": "messages", "gte": 5}}' FROM n, generate_series(1, 2) AS k;
    INSERT INTO members (guild_id, user_id, xp) SELECT 1, n, n FROM n;
    INSERT INTO achievement_awards (achievement_id, member_id, guild_id, user_id, name)
        SELECT 1, m.id, 1, m.user_id, 'N' FROM members m;
    INSERT INTO custom_stats (guild_id, user_id, stat, value) SELECT 1, n, 'duels', n FROM n;
    INSERT INTO boards (guild_id, stat, value, user_id) SELECT 1, 1, n, n FROM n;
    INSERT INTO xp_counts (guild_id, kept, low, members) SELECT n, 1, 0, 1 FROM n;
    INSERT INTO member_counts (guild_id, members) SELECT n, 1 FROM n;
    INSERT INTO achievement_counts (achievement_id, guild_id, awarded) SELECT n, n, 1 FROM n;
    INSERT INTO privacy_choices (user_id) SELECT n FROM n;
    INSERT INTO erased_people (digest, guild_id, erased_at) SELECT sha256(int8send(n)), 0, now() FROM n;
    SELECT guildhall_create_partition('activity_ids', date_trunc('week', now())::date),
        guildhall_create_partition('activity_days', date_trunc('month', now())::date),
        guildhall_create_partition('activity_hours', date_trunc('month', now())::date),
        guildhall_create_partition('custom_stat_days', date_trunc('month', now())::date);
    INSERT INTO activity_ids (guild_id, week, id) SELECT 1, date_trunc('week', now())::date, md5(n::text)::uuid FROM n;
    INSERT INTO activity_days (guild_id, user_id, day) SELECT 1, n, now()::date FROM n;
    INSERT INTO activity_hours (guild_id, user_id, hour) SELECT 1, n, date_trunc('hour', now()) FROM n;
    INSERT INTO custom_stat_days (guild_id, user_id, stat, day, value) SELECT 1, n, 'duels', now()::date, 1 FROM n;
    ANALYZE;
"""

# As a dry run leaves them, or the purge of the only guild: pages with nothing in them, and statistics that say so. Of
# such a table the planner expects no row, however large it becomes until the next statistics.
_EMPTY = """
    DO $$ DECLARE name text; BEGIN
        FOR name IN SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace LOOP
            EXECUTE format('DELETE FROM %I', name);
        END LOOP;
    END $$;
    ANALYZE;
"""


class Node(msgspec.Struct, rename=lambda name: name.replace("_", " ").title()):
    """A step of a plan, as EXPLAIN tells it."""

    node_type: str
    relation_name: str | None = None
    index_cond: str | None = None
    filter: str | None = None
    parent_relationship: str | None = None
    plans: list["Node"] = []

    def all(self) -> Iterator["Node"]:
        """Itself and all below it, but for what a LIMIT or an EXISTS ends after a row."""
        yield self
        for each in self.plans:
            is_bounded = self.node_type == "Limit" or each.parent_relationship == "InitPlan"
            if not (is_bounded and each.filter is None):
                yield from each.all()


class Explained(msgspec.Struct, rename="pascal"):
    plan: Node


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> dict[str, None]:
    """The statements with parameters that were sent within transactions that record, once each."""
    found: dict[str, None] = {}
    recording: set[int] = set()

    def note(name: str) -> None:
        original: Callable[..., Awaitable[object]] = getattr(asyncpg.Connection, name)

        async def noted(self: PlainConnection, query: str, *args: object, **more: object) -> object:
            if query.startswith(("BEGIN", "COMMIT", "ROLLBACK")):
                recording.discard(id(self))
            if locks._SETTINGS in query:
                recording.add(id(self))
            elif id(self) in recording and args:
                found[query] = None
            return await original(self, query, *args, **more)

        monkeypatch.setattr(asyncpg.Connection, name, noted)

    for name in ("execute", "fetch", "fetchrow", "fetchval"):
        note(name)
    return found


@pytest.fixture(params=_ROWS)
async def filled(request: pytest.FixtureRequest) -> AsyncIterator[PlainConnection]:
    """A new database, or one whose tables are full and know it."""
    name = f"{request.param}_tables"
    await cluster.clone(name)
    connection = await asyncpg.connect(
        cluster.url("postgres", name), server_settings={"session_replication_role": "replica"}
    )
    try:
        if rows := _ROWS[request.param]:
            await connection.execute(_FILL.format(rows=rows))
        if request.param == "emptied":
            await connection.execute(_EMPTY)
        yield connection
    finally:
        await connection.close()
        await cluster.drop(name)


async def test_each_row_is_looked_up(
    bot: httpx2.AsyncClient,
    clock: MovableClock,
    filled: PlainConnection,
    sent: dict[str, None],
) -> None:
    await _all_that_can_happen(bot, clock)
    assert sent.keys() >= _EXPECTED, _EXPECTED - sent.keys()
    wrong = []
    await filled.execute(f"BEGIN; {locks.share([HARBOUR])}")
    for statement in sent:
        plan = await _plan(filled, statement)
        wrong += [f"{fault} in {statement}" for node in plan.all() if (fault := _fault(node))]
    assert not wrong, "\n".join(wrong)


async def _plan(connection: PlainConnection, statement: str) -> Node:
    """The plan that is kept for any values."""
    values = ", ".join(["NULL"] * max(int(number) for number in re.findall(r"\$(\d+)", statement)))
    await connection.execute(f"PREPARE planned AS {statement}")
    encoded = await connection.fetchval(f"EXPLAIN (FORMAT JSON) EXECUTE planned ({values})")
    await connection.execute("DEALLOCATE planned")
    return msgspec.json.decode(encoded, type=list[Explained])[0].plan


def _fault(node: Node) -> str | None:
    """What makes this step read more rows than are asked for."""
    table = re.sub(r"_\d.*$|_imported$", "", node.relation_name or "")
    if not table or table in _SMALL or "Scan" not in node.node_type:
        return None
    if node.index_cond is None:
        return f"{node.node_type} of all of {node.relation_name}"
    if table in _LARGE and not re.search(rf"\b({_LARGE[table]}) = ", node.index_cond):
        return f"{node.node_type} of a guild's {node.relation_name} by {node.index_cond}"
    return None


async def _all_that_can_happen(bot: httpx2.AsyncClient, clock: MovableClock) -> None:
    """Recording by all its ways: for the first time, late, capped, with stats and windows and trees of achievements and
    rewards, for those who left, who are hidden, who were erased."""
    leveling = {"cooldown_seconds": 0, "daily_xp_cap": 5000, "on_leave": "hide"}
    await bot.patch(f"/v1/guilds/{HARBOUR}/settings/leveling", json=leveling)
    await define(bot, draft("one", gte=1, rewards={"xp": 500}), draft("two", "duels", 2, prerequisites=["one"]))
    week = [{"stat": "messages", "gte": 3, "within": "7d"}, {"stat": "duels", "gte": 2, "within": "7d"}]
    await define(bot, draft("week", condition={"all": week}), draft("level", "level", 2), at=OF_ALL)
    now = clock.now()
    duel: Json = {**message("d1"), "type": "stat", "stat": "duels", "amount": 3}
    await record(bot, message("1"), message("2", user=BO), message("3", user=CY))
    await record(bot, duel, *(message(f"late{days}", at=now - timedelta(days=days)) for days in (1, 4, 3, 2)))
    await record(bot, *(message(f"m{number}") for number in range(4)), {**duel, "id": "d2"})
    hidden = {"visibility": "hidden", "opt_out": False}
    assert (await bot.put(f"/v1/users/{BO}/privacy", json=hidden)).status_code == 200
    await bot.delete(f"/v1/guilds/{HARBOUR}/members/{ADA}")
    assert (await bot.delete(f"/v1/users/{CY}")).status_code == 200
    late = message("old", user=CY, at=now - timedelta(hours=1))
    await record(bot, message("back"), message("5", user=BO), late)
    await define(bot, draft("first", gte=1), at=f"/v1/guilds/{QUARRY}/achievements")
    await record(bot, message("first"), guild_id=QUARRY)
    await asyncio.gather(*(record(bot, message(f"g{number}", user=CY)) for number in range(5)))
    named = {"username": "ada", "display_name": "Ada"}
    await record(bot, {**message("named"), "user": named})
    await record(bot, {**message("renamed"), "user": {**named, "display_name": None}})
    await imported(bot, "csv", f"user_id,xp,username\n{ADA},50,ada\n{DEE},60,dee\n".encode())
    await imported(
        bot,
        "events",
        lines(*(event(number, (now - timedelta(days=30 + number)).isoformat(), DEE) for number in range(3))),
    )
    await imported(bot, "guildhall", (await bot.get(f"/v1/guilds/{HARBOUR}/export")).content, QUARRY)
