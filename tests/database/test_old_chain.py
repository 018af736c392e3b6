"""Databases of before the first release: one at the end of the old chain is taken over, others are told what to do."""

import re
import subprocess
from collections.abc import AsyncIterator, Iterable

import asyncpg
import pytest

import piccolo_conf
from api.postgres.embedded.server import ENVIRONMENT
from api.postgres.engine import PlainConnection
from api.postgres.migrations import MigrationFailed, applied, known, migrate, roll_back
from api.postgres.old_chain import CHAIN, LAST_COMMIT, START
from api.postgres.provision import OWNER
from tests.operation.servers import PROCESS, guildhall, private_folder, refusal
from tests.support import cluster

NAME = f"old_chain_{PROCESS}"
LATER = [id_ for id_ in known() if id_ not in START]
IN_THE_MIDDLE = sorted(CHAIN)[:20]
UNKNOWN = "2026-11-27T12:00:00:000000"


@pytest.fixture(scope="module")
async def template() -> AsyncIterator[str]:
    """The name of a database at the end of the old chain, with data in it."""
    name = f"{NAME}_template"
    await cluster.clone(name, template=None)
    url = cluster.url(OWNER, name)
    await migrate(piccolo_conf.DB, url)
    await roll_back(piccolo_conf.DB, url, LATER[0])
    connection = await asyncpg.connect(url)
    await connection.execute("INSERT INTO guilds (id, name) VALUES (1, 'Harbour'), (2, 'Quarry')")
    await connection.execute("INSERT INTO members (guild_id, user_id, xp) VALUES (1, 7, 4675), (2, 7, 100)")
    await connection.execute("SELECT guildhall_make_part('activity_days', '2026-11-30')")
    await connection.execute("INSERT INTO activity_days (guild_id, day, user_id, xp) VALUES (1, '2026-11-30', 7, 25)")
    await connection.execute("INSERT INTO jobs (kind, subject) VALUES ('awarding', 7)")
    await has(connection, CHAIN)
    await connection.close()
    yield name
    await cluster.drop(name)


@pytest.fixture
async def old(template: str) -> AsyncIterator[str]:
    """A copy of it; its address as the owner."""
    await cluster.clone(NAME, template=template)
    yield cluster.url(OWNER, NAME)
    await cluster.drop(NAME)


async def has(connection: PlainConnection, ids: Iterable[str]) -> None:
    """Makes it the database that has these migrations."""
    await connection.execute("DELETE FROM migration")
    rows = [(id_,) for id_ in sorted(ids)]
    await connection.executemany("INSERT INTO migration (name, app_name) VALUES ($1, 'guildhall')", rows)


def dump(url: str) -> str:
    """Schema, rights and data, without the number of the last migration: no rollback brings that back."""
    command = [str(cluster.server().binary("pg_dump")), "--restrict-key=none", "--inserts", url]
    text = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=True).stdout
    return re.sub(r"setval\('public.migration_id_seq', \d+", "", text)


async def test_last_state_is_taken_over_without_touching_data(old: str) -> None:
    assert await migrate(piccolo_conf.DB, old) == LATER
    connection = await asyncpg.connect(old)
    assert await applied(connection) == set(known())
    members = await connection.fetch("SELECT guild_id, user_id, xp FROM members ORDER BY guild_id")
    assert list(map(tuple, members)) == [(1, 7, 4675), (2, 7, 100)]
    assert await connection.fetchval("SELECT xp FROM activity_days") == 25
    assert await connection.fetchval("SELECT kind FROM jobs") == "backfill"
    await connection.close()
    assert await migrate(piccolo_conf.DB, old) == []


async def test_dry_run_says_so_and_changes_nothing(old: str) -> None:
    before = dump(old)
    statements = await migrate(piccolo_conf.DB, old, dry_run=True)
    assert [each for each in statements if "migration" in each][:2] == [
        "DELETE FROM migration WHERE app_name = 'guildhall';",
        f"INSERT INTO migration (name, app_name) VALUES ('{START[0]}', 'guildhall'), ('{START[1]}', 'guildhall');",
    ]
    assert dump(old) == before


@pytest.mark.parametrize(
    ("ids", "sentence"),
    [
        (
            IN_THE_MIDDLE,
            f"has 20 of the {len(CHAIN)} .* commit {LAST_COMMIT} of Guildhall and run `guildhall migrate` there",
        ),
        (sorted(CHAIN)[1:], f"has {len(CHAIN) - 1} of the {len(CHAIN)} .* commit {LAST_COMMIT}"),
        ([*CHAIN, UNKNOWN], f"that this version does not know, {UNKNOWN}: use the version"),
        ([*IN_THE_MIDDLE, UNKNOWN], f"that this version does not know, {UNKNOWN}: use the version"),
        ([UNKNOWN], f"that this version does not know, {UNKNOWN}: use the version"),
    ],
    ids=["in the middle", "all but the first", "one more", "in the middle, and one more", "unknown"],
)
async def test_any_other_state_gets_an_error_that_says_what_to_do(old: str, ids: list[str], sentence: str) -> None:
    connection = await asyncpg.connect(old)
    await has(connection, ids)
    await connection.close()
    before = dump(old)
    for dry_run in (True, False):
        with pytest.raises(MigrationFailed, match=sentence):
            await migrate(piccolo_conf.DB, old, dry_run=dry_run)
    assert dump(old) == before


async def test_another_schema_is_not_taken_over(old: str) -> None:
    connection = await asyncpg.connect(old)
    await connection.execute("ALTER TABLE members ADD COLUMN karma int")
    before = dump(old)
    with pytest.raises(MigrationFailed, match=r"column members\.karma was added\. It was changed by hand"):
        await migrate(piccolo_conf.DB, old)
    assert dump(old) == before
    await connection.execute("ALTER TABLE members DROP COLUMN karma")
    await connection.close()
    assert await migrate(piccolo_conf.DB, old) == LATER


async def test_the_command_refuses_it_in_a_sentence(old: str) -> None:
    connection = await asyncpg.connect(old)
    await has(connection, IN_THE_MIDDLE)
    with private_folder() as folder:
        assert refusal(guildhall(folder, "migrate", DATABASE_URL=old)).count(". ") == 0
        await has(connection, CHAIN)
        done = guildhall(folder, "migrate", DATABASE_URL=old)
        assert done.returncode == 0, done.stderr
    await connection.close()


async def test_a_newer_database_is_left_alone(old: str) -> None:
    """Whoever goes back to this version for a while may migrate: the schema has only grown."""
    await migrate(piccolo_conf.DB, old)
    connection = await asyncpg.connect(old)
    await has(connection, [*known(), "2099-01-01T00:00:00:000000"])
    await connection.close()
    assert await migrate(piccolo_conf.DB, old) == []
