"""Migrations: run once, by one at a time, back and forth; and what they leave is what the tables say."""

import asyncio
import re
import subprocess
from collections.abc import AsyncIterator

import asyncpg
import pytest
from piccolo.columns import Column, ForeignKey
from piccolo.constraints import Check, Unique
from piccolo.table import Table

import piccolo_conf
from api.postgres.embedded.server import ENVIRONMENT, EmbeddedPostgres
from api.postgres.engine import PlainConnection
from api.postgres.migrations import SECRET, MigrationFailed, known, migrate, roll_back
from api.postgres.provision import APP, OWNER, READ_ONLY, TIMEOUTS
from tables.piccolo_app import APP_CONFIG
from tests.operation.servers import PROCESS, guildhall_afresh, installation, private_folder
from tests.support import cluster

NAME = f"migrated_{PROCESS}"
# A primary key that is a reference too, which is said by the migration alone.
_BY_SQL = {"admin_second_factors_user_id_fkey"}

ACTIONS = {"c": "CASCADE", "a": "NO ACTION", "r": "RESTRICT", "n": "SET NULL", "d": "SET DEFAULT"}
TABLES = {table._meta.tablename: table for table in APP_CONFIG.table_classes}


@pytest.fixture
async def empty() -> AsyncIterator[str]:
    """A database with nothing in it; its address as the owner."""
    await cluster.clone(NAME, template=None)
    yield cluster.url(OWNER, NAME)
    await cluster.drop(NAME)


def dump(url: str) -> str:
    """The whole schema, without what differs by chance: rights come from `grant`, in whatever order."""
    command = [str(cluster.server().binary("pg_dump")), "--schema-only", "--no-privileges", url]
    text = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=True).stdout
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
            *(asyncio.to_thread(guildhall_afresh, folder, "migrate", DATABASE_URL=empty) for _ in range(2))
        )
    assert [done.returncode for done in both] == [0, 0], [done.stderr for done in both]
    assert sorted("Nothing to do" in done.stdout for done in both) == [False, True]


async def test_back_and_forth_gives_the_same(empty: str) -> None:
    """From each of the newest, from the first, and so of all, and from some between: released ones do not change."""
    await migrate(piccolo_conf.DB, empty)
    first = dump(empty)
    ids = known()
    for id_ in [ids[0], *ids[1:-8:8], *ids[-8:]]:
        await roll_back(piccolo_conf.DB, empty, id_)
        if id_ == known()[0]:
            connection = await asyncpg.connect(empty)
            left = await connection.fetch("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace")
            functions = await connection.fetchval(
                "SELECT count(*) FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
            )
            await connection.close()
            assert {row["relname"] for row in left} <= {"migration", "migration_pkey", "migration_id_seq"}
            assert functions == 0
        await migrate(piccolo_conf.DB, empty)
        assert dump(empty) == first


async def test_rolling_back_what_never_ran_is_refused(empty: str) -> None:
    await migrate(piccolo_conf.DB, empty)
    with pytest.raises(MigrationFailed, match="Unrecognized"):
        await roll_back(piccolo_conf.DB, empty, "2020-01-01T00:00:00:000000")


def test_ids_are_in_line() -> None:
    ids = known()
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d:\d{6}", id_) for id_ in ids)


async def _columns(connection: PlainConnection, table: str) -> dict[str, asyncpg.Record]:
    rows = await connection.fetch(
        "SELECT attname, format_type(atttypid, atttypmod) AS type, attnotnull,"
        " col_description(attrelid, attnum) AS words,"
        " pg_get_expr(adbin, adrelid) AS fallback"
        " FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum"
        " WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped",
        table,
    )
    return {row["attname"]: row for row in rows}


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
async def test_catalog_is_what_the_table_says(owner: PlainConnection, table: type[Table]) -> None:
    name = table._meta.tablename
    columns = await _columns(owner, name)
    assert set(columns) == {column._meta.db_column_name for column in table._meta.columns}
    assert await owner.fetchval("SELECT obj_description($1::regclass)", name) == table._meta.help_text
    for column in table._meta.columns:
        found = columns[column._meta.db_column_name]
        assert _shape(found) == _shape(await _as_piccolo_makes_it(owner, column)), column
        assert found["attnotnull"] == (not column._meta.null), column
        assert found["words"] == (column._meta.help_text or None), column


def _shape(column: asyncpg.Record) -> tuple[str, str | None]:
    """Its type and its default; a serial's default is its own sequence, by whatever name."""
    fallback = column["fallback"]
    return column["type"], "nextval" if fallback and fallback.startswith("nextval") else fallback


async def _as_piccolo_makes_it(connection: PlainConnection, column: Column) -> asyncpg.Record:
    transaction = connection.transaction()
    await transaction.start()
    try:
        # A temporary table cannot refer to one that stays.
        await connection.execute(f"CREATE TEMPORARY TABLE pattern ({column.ddl.partition(' REFERENCES ')[0]})")
        return (await _columns(connection, "pattern"))[column._meta.db_column_name]
    finally:
        await transaction.rollback()


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
async def test_constraints_are_what_the_table_says(owner: PlainConnection, table: type[Table]) -> None:
    rows = await owner.fetch(
        "SELECT conname, contype::text, pg_get_constraintdef(oid) AS def, confdeltype::text, confupdtype::text,"
        " (SELECT array_agg(attname::text ORDER BY attname) FROM pg_attribute"
        " WHERE attrelid = conrelid AND attnum = ANY(conkey)) AS on"
        " FROM pg_constraint WHERE conrelid = $1::regclass AND contype <> 'n'",
        table._meta.tablename,
    )
    found = {row["conname"]: row for row in rows}
    primary = [row for row in rows if row["contype"] == "p"]
    assert [row["on"] for row in primary] == [[table._meta.primary_key._meta.db_column_name]]
    wanted = {row["conname"] for row in primary}
    for constraint in table._meta.constraints:
        wanted.add(constraint._meta.name)
        row = found[constraint._meta.name]
        if isinstance(constraint, Check):
            assert row["contype"] == "c"
            assert await _normal(owner, table, str(constraint.condition)) == row["def"]
        elif isinstance(constraint, Unique):
            assert row["contype"] == "u"
            assert row["on"] == sorted(
                column if isinstance(column, str) else column._meta.name for column in constraint.columns
            )
    for column in table._meta.columns:
        mine = [row for row in rows if row["on"] == [column._meta.db_column_name]]
        if column._meta.unique:
            wanted.update(row["conname"] for row in mine if row["contype"] == "u")
            assert any(row["contype"] == "u" for row in mine), column
        if isinstance(column, ForeignKey):
            row = next(row for row in mine if row["contype"] == "f")
            wanted.add(row["conname"])
            meta = column._foreign_key_meta
            assert f"REFERENCES {meta.resolved_references._meta.tablename}(" in row["def"]
            assert ACTIONS[row["confdeltype"]] == meta.on_delete.value
            assert ACTIONS[row["confupdtype"]] == meta.on_update.value
    assert set(found) - _BY_SQL == wanted


async def _normal(connection: PlainConnection, table: type[Table], condition: str) -> str:
    """The condition as PostgreSQL would print it."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        await connection.execute(f"CREATE TEMPORARY TABLE pattern (LIKE {table._meta.tablename})")
        await connection.execute(f"ALTER TABLE pattern ADD CONSTRAINT pattern_check CHECK ({condition})")
        return str(
            await connection.fetchval(
                "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'pattern_check'"
            )
        )
    finally:
        await transaction.rollback()


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
    expected = {(APP, table): {"SELECT", "INSERT", "UPDATE", "DELETE"} for table in TABLES}
    expected |= {(APP, "audit_log"): append_only, (APP, "guild_settings_revisions"): append_only}
    expected |= {(APP, "migration"): {"SELECT"}}
    expected |= {(READ_ONLY, table): {"SELECT"} for table in (*TABLES, "migration")}
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
        assert dict(entry.split("=") for entry in row["rolconfig"]) == TIMEOUTS[row["rolname"]]
        assert not row["rolsuper"]
        assert not row["rolcreaterole"]
