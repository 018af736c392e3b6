"""Behind PgBouncer: what each connection must have is looked at, and a pooler that drops it is refused in words."""

import asyncio
import re
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import asyncpg
import msgspec
import pytest

import piccolo_conf
from api.cli import doctor
from api.config import Settings
from api.postgres.access import NAME, NAME_BEHIND_POOLER, REQUIRED, UnusableDatabase, find_access
from api.postgres.connections import PlainConnection, connect
from api.postgres.migrations import MigrationFailed, migrate
from api.postgres.preflight import refuse_unusable
from api.postgres.provision import APP, OWNER, unreachable
from tests.operation.servers import MEMBER, Server, guildhall, made_key, refusal, serving, until
from tests.support import cluster
from tests.support.pgbouncer import MISSING, PROGRAM, keeps_statements, pgbouncer

pytestmark = pytest.mark.skipif(PROGRAM is None, reason=MISSING)

# What people tell PgBouncer so that a client that asks for more than it knows can connect. It drops all of that.
IGNORING = ",".join([*REQUIRED, "role"])
OWN = f"pooled_{MEMBER}"
GUILD = "/v1/guilds/81384788765712384"
STRICT = {"env": "production", "public_url": "https://guildhall.test"}
PRODUCTION = {"GUILDHALL_ENV": "production", "GUILDHALL_PUBLIC_URL": "https://guildhall.test"}


@pytest.fixture
async def member(root: PlainConnection) -> AsyncIterator[str]:
    """A log-in that may do nothing yet, and a migrated database of its own."""
    await cluster.clone(OWN)
    await root.execute(f"DROP ROLE IF EXISTS {MEMBER}")
    await root.execute(f"CREATE ROLE {MEMBER} {cluster.login()}")
    yield MEMBER
    await cluster.drop(OWN)
    await root.execute(f"DROP ROLE {MEMBER}")


def through(settings: Settings, pooled: str, session: str | None, **more: object) -> Settings:
    addresses: dict[str, object] = {"database_url": pooled, "session_database_url": session}
    return msgspec.structs.replace(settings, **addresses, **more)


async def migrated(session_url: str) -> None:
    await migrate(piccolo_conf.DB, cluster.url("postgres", OWN), session_url=session_url)


async def shown(connection: PlainConnection) -> dict[str, str]:
    row = await connection.fetchrow(
        f"SELECT current_user::text AS role, {', '.join(f'current_setting({name!r}) AS {name}' for name in REQUIRED)}"
    )
    return dict(row or {})


async def test_log_in_has_its_settings_by_migrating(member: str, settings: Settings) -> None:
    """With nothing asked for at connecting, directly and through a pooler; in this database only."""
    await migrated(cluster.url(member, OWN))
    await migrated(cluster.url(member, OWN))  # the second time changes nothing
    with pgbouncer(member) as pooler:
        access = await find_access(through(settings, pooler.url(member, OWN), cluster.url(member, OWN)))
        assert access.has_pooler
        assert access.pooled["statement_cache_size"] == 0
        assert "statement_cache_size" not in access.session
        for arguments in (access.pooled, access.session):
            assert [*arguments["server_settings"]] == ["application_name"]
            connection = await connect(**arguments)
            assert await shown(connection) == {"role": APP, **REQUIRED}
            await connection.close()
    elsewhere = await asyncpg.connect(cluster.url(member, "postgres"))
    assert (await shown(elsewhere))["role"] == member
    await elsewhere.close()


@pytest.mark.parametrize("ignoring", ["", IGNORING], ids=["refuses", "ignores"])
async def test_log_in_without_them_is_refused(member: str, settings: Settings, ignoring: str) -> None:
    """A pooler that refuses what it does not know, and one that drops it without a word."""
    with pgbouncer(member, ignoring=ignoring) as pooler:
        given = through(settings, pooler.url(member, OWN), cluster.url(member, OWN))
        with pytest.raises(UnusableDatabase, match=r"statement_timeout is 0 instead of 5s.*run `guildhall migrate`"):
            await refuse_unusable(given)
        [finding] = [each for each in await doctor.examine(given) if each.about == "connection"]
        assert "RECONNECT" in str(finding.mend)


async def test_log_in_that_may_do_all_is_refused(settings: Settings, member: str) -> None:
    with pgbouncer("postgres", ignoring=IGNORING) as pooler:
        given = through(settings, pooler.url("postgres", OWN), cluster.url("postgres", OWN))
        await migrated(cluster.url("postgres", OWN))
        with pytest.raises(
            UnusableDatabase, match=r"the role is postgres instead of guildhall_app.*nor is a superuser"
        ):
            await refuse_unusable(given)


async def test_session_that_is_none_is_refused(settings: Settings, database_name: str) -> None:
    with pgbouncer(APP) as pooler:
        pooled = pooler.url(APP, database_name)
        for session, words in ((None, "set GUILDHALL_SESSION_DATABASE_URL to the"), (pooled, "Set it to the address")):
            with pytest.raises(UnusableDatabase, match=words):
                await refuse_unusable(through(settings, pooled, session))


async def test_pooler_by_sessions_gives_sessions(settings: Settings, database_name: str) -> None:
    with pgbouncer(APP, mode="session") as pooler:
        access = await find_access(through(settings, pooler.url(APP, database_name), None))
        assert access.session["server_settings"]["application_name"] == NAME
        assert access.pooled["server_settings"]["application_name"] == NAME_BEHIND_POOLER


async def test_connections_from_before_migrating_are_refused(member: str, settings: Settings) -> None:
    """The pooler opened them, and lends them still: one of several is found, too."""
    with pgbouncer(member) as pooler:
        old = await asyncpg.connect(pooler.url(member, OWN), statement_cache_size=0)
        async with old.transaction():
            await old.fetchval("SELECT 1")
            await migrated(cluster.url(member, OWN))
            given = through(settings, pooler.url(member, OWN), cluster.url(member, OWN))
            await refuse_unusable(given)
        with pytest.raises(UnusableDatabase, match="let the pooler connect anew"):
            await refuse_unusable(given)
        await old.close()


async def test_log_in_may_have_another_name_at_the_pooler(member: str, settings: Settings) -> None:
    """As at Supavisor, which finds the database by the end of the name: `guildhall.tenant`."""
    name = f"{member}.tenant"
    with pgbouncer(name, mode="session", login=member) as pooler:
        await migrated(pooler.url(name, OWN))
    with pgbouncer(name, login=member) as pooler, pgbouncer(name, mode="session", login=member) as by_session:
        given = through(settings, pooler.url(name, OWN), by_session.url(name, OWN), **STRICT)
        await refuse_unusable(given)
        connection = await connect(**(await find_access(given)).pooled)
        assert await shown(connection) == {"role": APP, **REQUIRED}
        assert await connection.fetchval("SELECT session_user::text") == member
        await connection.close()


async def test_pooled_connections_are_the_poolers_to_bound(settings: Settings, database_name: str) -> None:
    with pgbouncer(APP) as pooler:
        pooled, session = pooler.url(APP, database_name), cluster.url(APP, database_name)
        await refuse_unusable(through(settings, pooled, session, workers=64, pool_size=20))
        findings = {each.about for each in await doctor.examine(through(settings, pooled, session, workers=2))}
        assert "connection through a pooler" in findings
        assert any(re.fullmatch(r"connections: 6 needed, \d+ available", about) for about in findings)


async def test_prepared_statements_are_a_choice(settings: Settings, database_name: str) -> None:
    with pgbouncer(APP) as pooler:
        given = through(settings, pooler.url(APP, database_name), cluster.url(APP, database_name))
        kept = msgspec.structs.replace(given, prepared_statements=True)
        assert "statement_cache_size" not in (await find_access(kept)).pooled
    without = await find_access(msgspec.structs.replace(settings, prepared_statements=False))
    assert without.pooled["statement_cache_size"] == 0


async def test_statements_that_are_prepared_live_on_every_connection(settings: Settings, database_name: str) -> None:
    """A newer PgBouncer prepares them on whichever connection it lends."""
    if not keeps_statements():
        pytest.skip("This PgBouncer is older than 1.21. PGBOUNCER=/path names another.")
    with pgbouncer(APP) as pooler:
        given = through(settings, pooler.url(APP, database_name), cluster.url(APP, database_name))
        access = await find_access(msgspec.structs.replace(given, prepared_statements=True))
        first, second = await connect(**access.pooled), await connect(**access.pooled)
        statement = await first.prepare("SELECT pg_backend_pid(), $1::int")
        before = await statement.fetchrow(1)
        async with second.transaction():
            own = await second.fetchval("SELECT pg_backend_pid()")
            after = await statement.fetchrow(2)
        assert before is not None
        assert after is not None
        assert (own, after[1]) == (before[0], 2)
        assert after[0] != own, "the first had to go on elsewhere"
        await first.close()
        await second.close()


@pytest.mark.parametrize(
    ("ignoring", "words"),
    [("", "A pooler stands in front"), ("jit", "A pooler that gives each transaction")],
)
async def test_migrations_need_a_session(database_name: str, ignoring: str, words: str) -> None:
    with (
        pgbouncer(OWNER, ignoring=ignoring) as pooler,
        pytest.raises((MigrationFailed, asyncpg.PostgresError)) as raised,
    ):
        await migrate(piccolo_conf.DB, pooler.url(OWNER, database_name))
    error = raised.value
    said = str(error) if isinstance(error, MigrationFailed) else unreachable(error)
    assert said.startswith(words)
    assert "GUILDHALL_OWNER_DATABASE_URL" in said


def test_two_workers_behind_a_pooler(tmp_path: Path, member: str) -> None:
    """As an operator sets it up, with fewer connections than requests at once: all is counted, once."""
    owner, session = cluster.url(OWNER, OWN), cluster.url(member, OWN)
    with pgbouncer(member, size=4) as pooler:
        addresses = {"DATABASE_URL": pooler.url(member, OWN), "GUILDHALL_SESSION_DATABASE_URL": session}
        migrating = {"GUILDHALL_OWNER_DATABASE_URL": owner, **addresses}
        done = guildhall(tmp_path, "migrate", **migrating)  # this owner may make no members
        assert f"As a superuser, run `GRANT guildhall_app TO {member}`, then" in refusal(done)
        as_superuser(f"GRANT {APP} TO {member}")
        assert guildhall(tmp_path, "migrate", **migrating).returncode == 0
        made = made_key(guildhall(tmp_path, "keys", "create", "bot", **addresses, **PRODUCTION).stdout)
        more = {"GUILDHALL_ACQUIRE_TIMEOUT_MS": "20000"}
        with (
            serving(tmp_path, "--workers", "2", **addresses, **PRODUCTION, **more) as server,
            server.client(made["secret"]) as bot,
        ):
            assert bot.put(GUILD, json={"name": "Harbour"}).status_code == 201
            assert bot.patch(f"{GUILD}/settings/leveling", json={"cooldown_seconds": 0}).status_code == 200
            with ThreadPoolExecutor(16) as threads:
                answers = [*threads.map(lambda n: _record(server, made["secret"], n), range(200))]
            assert answers == [1] * 200
            board = bot.get(f"{GUILD}/leaderboard", params={"stat": "messages"}).json()
            assert sum(int(entry["value"]) for entry in board["items"]) == 200
            for name in ("Quarry", "Harbour") * 5:
                assert bot.patch(GUILD, json={"name": name}).status_code == 200
                until(partial(_both_say, server, made["secret"], name), 10)
            assert server.stop() == 0


def as_superuser(statement: str) -> None:
    async def run() -> None:
        connection = await asyncpg.connect(cluster.url("postgres", "postgres"))
        await connection.execute(statement)
        await connection.close()

    asyncio.run(run())


def _record(server: Server, key: str, number: int) -> int:
    event = {
        "id": str(number),
        "type": "message",
        "user_id": str(1000 + number % 20),
        "channel_id": "1",
        "occurred_at": datetime.now(UTC).isoformat(),
    }
    with server.client(key) as client:
        answer = client.post(f"{GUILD}/activity", json={"events": [event]})
    assert answer.status_code == 200, answer.text
    return int(answer.json()["accepted"])


def _both_say(server: Server, key: str, name: str) -> bool:
    """Whether several connections, and so both workers, know the name."""
    for _ in range(6):
        with server.client(key) as client:
            if client.get(GUILD).json()["name"] != name:
                return False
    return True
