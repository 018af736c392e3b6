"""The registry names every column that may hold who somebody is; a purged guild leaves nothing but its log."""

from datetime import timedelta

import httpx2
from litestar import Litestar

from api.guilds.purging import Purging
from api.postgres.engine import PlainConnection
from api.privacy.registry import REGISTRY
from tests.privacy.people import live, tables
from tests.support.clock import MovableClock
from tests.support.people import HARBOUR, QUARRY
from tests.support.wiring import services_of

# By name or by type: ids, who did it and why, from where; JSON and bytes may hold anything.
_SUSPECT = """
    SELECT c.relname, a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
    WHERE c.relname = ANY($1) AND a.attnum > 0 AND NOT a.attisdropped AND (
        a.attname ~ '(user|owner|actor|author|person)s?_ids?$|_by$'
        OR a.attname ~ '^(target|reason|ip|email|username|display_name|avatar|user_agent)$'
        OR a.atttypid IN ('jsonb'::regtype, 'json'::regtype, 'bytea'::regtype)
    ) ORDER BY 1, 2
"""

# Piccolo's own accounts of those who run the server.
_OF_ADMINS = {("admin_users", "email"), ("admin_users", "username")}


async def test_every_column_is_in_it(owner: PlainConnection) -> None:
    rows = await owner.fetch(_SUSPECT, await tables(owner))
    suspect = {(row[0], row[1]) for row in rows} - _OF_ADMINS
    named = {(place.table, column) for place in REGISTRY for column in place.columns}
    assert suspect - named == set(), "say in api/privacy/registry.py what becomes of it"
    assert named - suspect == set(), "there is no such column"


def test_what_is_exported_or_erased_says_how() -> None:
    for place in REGISTRY:
        assert place.why.endswith("."), place.table
        if place.rule == "anonymise" or (place.rule == "erase" and place.step != "guild"):
            assert place.erase is not None, place.table
        if place.rule == "keep":
            assert place.erase is None, place.table


async def test_a_purged_guild_leaves_only_its_log(
    bot: httpx2.AsyncClient, litestar_app: Litestar, owner: PlainConnection, clock: MovableClock
) -> None:
    """Whatever tables there are by now."""
    await live(bot)
    for guild_id in (HARBOUR, QUARRY):
        await bot.put(f"/v1/guilds/{guild_id}/roles", json={"items": [{"id": "5", "name": "x"}]})
        await bot.delete(f"/v1/guilds/{guild_id}")
    clock.move(days=31)
    services = services_of(litestar_app)
    purging = Purging(services.database, services.watcher, clock, timedelta(days=30))
    assert await purging.purge_all() == 2
    left = set()
    for table in await tables(owner):
        columns = await owner.fetchval(
            "SELECT array_agg(attname::text) FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0", table
        )
        if "guild_id" in columns and await owner.fetchval(f"SELECT count(*) FROM {table} WHERE guild_id > 0"):
            left.add(table)
    assert left <= {"audit_log", "outbox", "stream_events"}, "the log outlives the guild, the stream tells of its end"
