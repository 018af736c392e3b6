"""`guildhall doctor` sees a schema that is not the one that the migrations build."""

from collections.abc import AsyncIterator

import asyncpg
import msgspec
import pytest

from api.cli import doctor
from api.config import Settings
from api.postgres import catalog
from api.postgres.engine import PlainConnection
from api.postgres.provision import APP, OWNER
from tests.support import cluster

STALE = "The migrations build another schema than `guildhall doctor` expects: make catalog"


@pytest.fixture(scope="module")
async def own(database_name: str) -> AsyncIterator[str]:
    name = f"{database_name}_catalog"
    await cluster.clone(name)
    yield name
    await cluster.drop(name)


@pytest.fixture
async def connection(own: str) -> AsyncIterator[PlainConnection]:
    found = await asyncpg.connect(cluster.url(OWNER, own))
    yield found
    await found.close()


async def finding(settings: Settings, own: str) -> doctor.Finding:
    settings = msgspec.structs.replace(settings, database_url=cluster.url(APP, own))
    (found,) = [each for each in await doctor.examine(settings) if each.about.startswith("schema")]
    return found


async def test_it_is_what_the_migrations_build(connection: PlainConnection) -> None:
    assert await catalog.read(connection) == catalog.expected(), STALE


DRIFTS = [
    ("ALTER TABLE members RENAME COLUMN xp TO points",
     ["column members.xp is missing", "constraint members.members_xp_check is another",
      "column members.points was added"]),
    ("ALTER TABLE members ALTER COLUMN user_id DROP NOT NULL", ["column members.user_id is another"]),
    ("ALTER TABLE guilds ALTER COLUMN name TYPE varchar(7)", ["column guilds.name is another"]),
    ("DROP TABLE webhook_deliveries", ["table webhook_deliveries is missing"]),
    ("ALTER TABLE members ADD CONSTRAINT odd CHECK (xp <> 7)", ["constraint members.odd was added"]),
    ("DROP INDEX api_keys_origin_idx", ["index api_keys.api_keys_origin_idx is missing"]),
    ("ALTER TABLE guilds DISABLE TRIGGER guilds_publish", ["trigger guilds.guilds_publish is another"]),
    ("DROP TRIGGER guilds_publish ON guilds", ["trigger guilds.guilds_publish is missing"]),
    ("DROP FUNCTION guildhall_drop_partition(text, date)",
     ["function guildhall_drop_partition(parent text, before date) is missing"]),
    (
        "CREATE OR REPLACE FUNCTION guildhall_create_deliveries(most integer) RETURNS boolean"
        " LANGUAGE sql AS 'SELECT true'",
        ["function guildhall_create_deliveries(most integer) is another"],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("drift", "expected"), DRIFTS, ids=[drift for drift, _ in DRIFTS])
async def test_drift_is_reported(connection: PlainConnection, drift: str, expected: list[str]) -> None:
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute(drift)
    found = catalog.differences(await catalog.read(connection), catalog.expected())
    await transaction.rollback()
    assert [each for each in found if not each.startswith("index webhook")] == expected


async def test_doctor_reports_drift_and_how_to_fix_it(
    settings: Settings, own: str, connection: PlainConnection
) -> None:
    assert (await finding(settings, own)).mend is None
    await connection.execute("CREATE TABLE of_somebody_else (id int)")
    assert (await finding(settings, own)).mend is None
    for number in range(9):
        await connection.execute(f"ALTER TABLE members ADD COLUMN odd_{number} int")
    mend = (await finding(settings, own)).mend
    assert mend is not None
    assert "column members.odd_0 was added" in mend
    assert "and 4 more" in mend
