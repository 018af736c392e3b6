"""Migrations: run once, by one at a time, back and forth; and what they leave is what the tables say."""

import asyncio
import re
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from piccolo.table import Table

import piccolo_conf
from api.postgres.embedded.server import ENVIRONMENT, EmbeddedPostgres
from api.postgres.engine import PlainConnection
from api.postgres.migrations import SECRET, MigrationFailed, known, migrate, roll_back
from api.postgres.old_chain import START
from api.postgres.provision import APP, OWNER, READ_ONLY, ROLE_SETTINGS
from tables.declared import TABLES
from tests.operation.servers import PROCESS, guildhall, installation, private_folder
from tests.support import cluster, declarations
from tests.support.check_migrations import lint, strict_config

NAME = f"migrated_{PROCESS}"

BY_NAME = {table._meta.tablename: table for table in TABLES}


@pytest.fixture
async def empty() -> AsyncIterator[str]:
    """A database with nothing in it; its address as the owner."""
    await cluster.clone(NAME, template=None)
    yield cluster.url(OWNER, NAME)
    await cluster.drop(NAME)


@pytest.fixture
async def migrated() -> AsyncIterator[str]:
    """A database that all migrations have built; its address as the owner."""
    await cluster.clone(NAME)
    yield cluster.url(OWNER, NAME)
    await cluster.drop(NAME)


def dump(url: str) -> str:
    """The whole schema, without what differs by chance: rights come from `grant`, in whatever order."""
    command = [str(cluster.server().binary("pg_dump")), "--schema-only", "--no-privileges", url]
    text = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=True).stdout
    # PostgreSQL 17.12 keeps a version for each column, which an earlier pg_dump takes for an option.
    text = re.sub(r"ALTER TABLE ONLY \S+ ALTER COLUMN \S+ SET \(pg_attver=\d+\);\n", "", text)
    return re.sub(r"\\(un)?restrict \w+", "", text)


async def test_second_run_does_nothing(empty: str) -> None:
    assert await migrate(piccolo_conf.DB, empty) == known()
    first = dump(empty)
    assert await migrate(piccolo_conf.DB, empty) == []
    assert dump(empty) == first


async def test_dry_run_prints_and_changes_nothing(empty: str) -> None:
    before = dump(empty)
    statements = await migrate(piccolo_conf.DB, empty, dry_run=True)
    assert any("CREATE TABLE" in statement for statement in statements)
    assert any("audit_log_guild_id_idx" in statement for statement in statements)
    assert dump(empty) == before


async def test_two_migrators_at_once(empty: str) -> None:
    with private_folder() as folder:
        both = await asyncio.gather(
            *(asyncio.to_thread(guildhall, folder, "migrate", DATABASE_URL=empty) for _ in range(2))
        )
    assert [done.returncode for done in both] == [0, 0], [done.stderr for done in both]
    assert sorted("Nothing to do" in done.stdout for done in both) == [False, True]


@pytest.mark.parametrize("id_", known())
async def test_back_and_forth_gives_the_same(migrated: str, id_: str) -> None:
    first = dump(migrated)
    await roll_back(piccolo_conf.DB, migrated, id_)
    if id_ == known()[0]:
        connection = await asyncpg.connect(migrated)
        left = await connection.fetch("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace")
        functions = await connection.fetchval(
            "SELECT count(*) FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
        )
        await connection.close()
        assert {row["relname"] for row in left} <= {"migration", "migration_pkey", "migration_id_seq"}
        assert functions == 0
    await migrate(piccolo_conf.DB, migrated)
    assert dump(migrated) == first


@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        ("CREATE INDEX members_xp_idx ON members (xp)", "require-concurrent-index-creation"),
        ("ALTER TABLE members DROP COLUMN xp", "ban-drop-column"),
        ("ALTER TABLE members RENAME COLUMN xp TO points", "renaming-column"),
        ("ALTER TABLE members ALTER COLUMN xp TYPE numeric", "changing-column-type"),
        ("ALTER TABLE members ADD COLUMN karma bigint", None),
    ],
)
def test_what_servers_of_the_last_release_could_not_bear_is_found(
    tmp_path: Path, statement: str, rule: str | None
) -> None:
    found = "".join(lint([f"{statement};"], tmp_path, strict_config(tmp_path)))
    assert found == "" if rule is None else rule in found


async def test_rolling_back_what_never_ran_is_refused(migrated: str) -> None:
    with pytest.raises(MigrationFailed, match="Unrecognized"):
        await roll_back(piccolo_conf.DB, migrated, "2020-01-01T00:00:00:000000")


def test_ids_are_in_line() -> None:
    ids = known()
    assert tuple(ids[:2]) == START
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d:\d{6}", id_) for id_ in ids)


@pytest.mark.parametrize("table", TABLES, ids=BY_NAME)
async def test_database_is_what_the_table_says(owner: PlainConnection, table: type[Table]) -> None:
    assert await declarations.differences(owner, table) == []


async def test_hand_written_indexes_and_triggers_are_there(owner: PlainConnection) -> None:
    indexes = {
        row["indexname"] for row in await owner.fetch("SELECT indexname FROM pg_indexes WHERE schemaname = 'public'")
    }
    triggers = {row["tgname"] for row in await owner.fetch("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal")}
    assert indexes >= {
        "guilds_changed_xid_idx", "guild_settings_changed_xid_idx", "modules_changed_xid_idx",
        "api_keys_changed_xid_idx", "guild_settings_module_guild_idx", "guilds_deleted_at_idx",
        "audit_log_guild_id_idx", "audit_log_guild_actor_idx", "audit_log_guild_action_idx", "admin_sessions_token_key",
        "sessions_changed_xid_idx", "sessions_user_idx", "sessions_ended_at_idx", "logins_expires_at_idx",
    }  # fmt: skip
    cached = ("guilds", "guild_settings", "modules", "api_keys")
    audited = (*cached, "admin_users")
    assert triggers >= {
        "guilds_revise",
        *(f"{table}_stamp" for table in cached),
        *(f"{table}_wake" for table in cached),
    }
    assert triggers >= {f"{table}_audit" for table in audited} | {"sessions_stamp", "sessions_wake"}
    assert await owner.fetchval("SELECT count(*) FROM pg_index WHERE NOT indisvalid") == 0


async def test_every_foreign_key_has_an_index_that_begins_with_it(owner: PlainConnection) -> None:
    bare = await owner.fetch(
        "SELECT conname FROM pg_constraint c WHERE contype = 'f' AND NOT EXISTS"
        " (SELECT FROM pg_index i WHERE i.indrelid = c.conrelid AND i.indkey[0] = c.conkey[1])"
    )
    assert bare == []


async def test_rights(owner: PlainConnection) -> None:
    rights = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")
    append_only = {"SELECT", "INSERT"}
    expected = {(APP, table): {"SELECT", "INSERT", "UPDATE", "DELETE"} for table in BY_NAME}
    expected |= {(APP, "audit_log"): append_only, (APP, "guild_settings_revisions"): append_only}
    expected |= {(APP, "migration"): {"SELECT"}}
    expected |= {(READ_ONLY, table): {"SELECT"} for table in (*BY_NAME, "migration")}
    expected |= {(APP, "erasure_salt"): {"SELECT"}}
    expected |= {(READ_ONLY, table): set() for table in SECRET}
    for (role, table), wanted in expected.items():
        has = {
            right
            for right in rights
            if await owner.fetchval("SELECT has_table_privilege($1, $2, $3)", role, table, right)
        }
        assert has == wanted, (role, table)
    for role in (APP, READ_ONLY, "public"):
        assert not await owner.fetchval("SELECT has_schema_privilege($1, 'public', 'CREATE')", role), role


async def test_roles_are_bounded_in_the_embedded_server() -> None:
    with installation() as folder:
        server = EmbeddedPostgres(folder / "data" / "postgres")
        server.start()
        try:
            connection = await asyncpg.connect(server.url("postgres", "postgres"))
            rows = await connection.fetch(
                "SELECT rolname, rolconfig, rolsuper, rolcreaterole FROM pg_roles WHERE rolname LIKE 'guildhall%'"
            )
            await connection.close()
        finally:
            server.stop()
    assert {row["rolname"] for row in rows} == {OWNER, APP, READ_ONLY}
    for row in rows:
        assert dict(entry.split("=") for entry in row["rolconfig"]) == ROLE_SETTINGS[row["rolname"]]
        assert not row["rolsuper"]
        assert not row["rolcreaterole"]
