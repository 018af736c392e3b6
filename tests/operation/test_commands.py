"""The command line: what it does, and that it refuses in sentences."""

import re
import socket
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timedelta, tzinfo
from pathlib import Path

import asyncpg
import pytest

import piccolo_conf
from api import doctor
from api.backup import without_password
from api.config import Settings
from api.embedded import EmbeddedPostgres
from api.migrations import known, roll_back
from api.provision import APP, OWNER
from tests.operation.servers import environment, guildhall, private_folder, refusal, serving
from tests.support import cluster

GUILD = "81384788765712384"
PRODUCTION = {"GUILDHALL_ENV": "production", "GUILDHALL_PUBLIC_URL": "https://guildhall.test"}
NAME = "commanded"
MEMBER = "plain_log_in"
NOWHERE = "postgresql://ada:hunter2@127.0.0.1:1/guildhall"


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """An installation with the embedded database, not running."""
    with private_folder() as made:
        assert guildhall(made, "migrate").returncode == 0
        yield made


@pytest.fixture
async def own() -> AsyncIterator[str]:
    """A migrated database of one's own, with a log-in that is a member of the application's role."""
    await cluster.clone(NAME)
    connection = await asyncpg.connect(cluster.url("postgres", "postgres"))
    await connection.execute(f"DROP ROLE IF EXISTS {MEMBER}")
    await connection.execute(f"CREATE ROLE {MEMBER} LOGIN")
    await connection.execute(f"GRANT {APP} TO {MEMBER}")
    yield NAME
    await cluster.drop(NAME)
    await connection.execute(f"DROP ROLE {MEMBER}")
    await connection.close()


def made_key(output: str) -> dict[str, str]:
    return dict(line.split(maxsplit=1) for line in output.splitlines()[:3])


def test_keys(folder: Path) -> None:
    made = made_key(guildhall(folder, "keys", "create", "bot", "--scope", "settings:read", "--guild", GUILD).stdout)
    listed = guildhall(folder, "keys", "list").stdout
    assert "bot: settings:read; 1 guild(s); never used" in listed
    assert made["secret"] not in listed
    rotated = made_key(guildhall(folder, "keys", "rotate", made["id"], "--grace-seconds", "0").stdout)
    assert rotated["secret"] != made["secret"]
    assert guildhall(folder, "keys", "revoke", rotated["id"]).returncode == 0
    assert f"{rotated['id']:>6}  " not in guildhall(folder, "keys", "list").stdout
    assert f"{rotated['id']:>6}  " in guildhall(folder, "keys", "list", "--revoked").stdout
    assert "no such thing" in refusal(guildhall(folder, "keys", "revoke", "999999"))
    assert "guild_ids" in refusal(guildhall(folder, "keys", "create", "bot", "--guild", "abc"))


def test_admins(folder: Path) -> None:
    made = guildhall(folder, "admins", "create", "ada")
    assert re.fullmatch(r"ada may log in at /admin/ with the password \S{12,}\n", made.stdout)
    assert "There is an admin named ada already." in refusal(guildhall(folder, "admins", "create", "ada"))
    asked = guildhall(folder, "admins", "create", "bo", "--password", "-", stdin="long enough\nlong enough\n")
    assert asked.returncode == 0
    assert "long enough" not in asked.stdout
    assert "too short" in refusal(guildhall(folder, "admins", "create", "cy", "--password", "x"))


def test_migrate(folder: Path) -> None:
    with private_folder() as other:
        planned = guildhall(other, "migrate", "--sql").stdout
        assert planned.count("CREATE TABLE") >= 10
        assert guildhall(other, "migrate").stdout.splitlines() == [f"ran {id_}" for id_ in known()]
    assert guildhall(folder, "migrate").stdout == "Nothing to do: the database is up to date.\n"
    assert guildhall(folder, "migrate", "--sql").stdout.strip() == ""


def test_doctor_is_content(folder: Path) -> None:
    done = guildhall(folder, "doctor")
    assert done.returncode == 0, done.stdout
    assert {line.split()[0] for line in done.stdout.splitlines()} == {"ok"}
    assert f"migrations: {len(known())} of {len(known())}" in done.stdout


async def test_doctor_says_how_to_mend(folder: Path, own: str) -> None:
    assert "Is DATABASE_URL right" in refusal(guildhall(folder, "doctor", DATABASE_URL=NOWHERE))
    as_owner = guildhall(folder, "doctor", DATABASE_URL=cluster.url(OWNER, own), GUILDHALL_POOL_SIZE="100")
    assert "This log-in may rewrite it." in refusal(as_owner)
    crowded = guildhall(folder, "doctor", DATABASE_URL=cluster.url(MEMBER, own), GUILDHALL_WORKERS="64")
    assert "Lower GUILDHALL_WORKERS" in refusal(crowded)
    await roll_back(piccolo_conf.DB, cluster.url(OWNER, own), known()[-1])
    behind = guildhall(folder, "doctor", DATABASE_URL=cluster.url(MEMBER, own))
    assert "Run `guildhall migrate`." in refusal(behind)
    for line in (as_owner.stdout + behind.stdout).splitlines():
        assert line.startswith(("ok ", "BAD ", "    "))


async def test_doctor_looks_at_the_clock(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    class Late(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> "Late":
            return super().now(tz) - timedelta(seconds=30)

    before = {finding.mend for finding in await doctor.examine(settings)}
    monkeypatch.setattr(doctor, "datetime", Late)
    after = {finding.mend for finding in await doctor.examine(settings)}
    assert after - before == {"Let both machines keep their time by NTP."}


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"GUILDHALL_PORT": "eighty"}, "GUILDHALL_PORT: Expected `int`"),
        ({"GUILDHALL_ENV": "prod"}, "GUILDHALL_ENV: Invalid"),
        ({"GUILDHALL_SECRET": "short"}, "GUILDHALL_SECRET is shorter than 32 characters"),
        ({**PRODUCTION, "GUILDHALL_SECRET": ""}, "GUILDHALL_SECRET is not set"),
        ({**PRODUCTION, "GUILDHALL_PUBLIC_URL": "http://guildhall.test"}, "is not an https:// address"),
        ({"DATABASE_URL": NOWHERE}, "Is DATABASE_URL right"),
        ({"DATABASE_URL": NOWHERE, **PRODUCTION}, "Is DATABASE_URL right"),
        ({"DATABASE_URL": "mysql://ada:hunter2@x/y", **PRODUCTION}, "is no address of a database"),
        ({"GUILDHALL_POOL_SIZE": "100"}, "Lower GUILDHALL_WORKERS or GUILDHALL_POOL_SIZE"),
        ({"GUILDHALL_DATA_DIR": "/proc/nowhere"}, "data folder cannot be used"),
    ],
)
def test_serve_refuses_in_a_sentence(folder: Path, values: dict[str, str], sentence: str) -> None:
    done = guildhall(folder, "serve", **{"GUILDHALL_PORT": "0", **values})
    assert sentence in refusal(done)
    assert "hunter2" not in done.stdout + done.stderr


def test_port_in_use(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert "Address already in use" in refusal(guildhall(folder, "serve", GUILDHALL_PORT=port))


@pytest.mark.parametrize("command", [("keys", "list"), ("migrate",), ("admins", "create", "x"), ("backup", "copy")])
def test_every_command_refuses_a_wrong_address(folder: Path, command: tuple[str, ...]) -> None:
    done = guildhall(folder, *command, DATABASE_URL=NOWHERE)
    assert "hunter2" not in refusal(done)


async def test_log_in_that_may_rewrite_the_audit_log_is_refused_in_production(folder: Path, own: str) -> None:
    done = guildhall(folder, "serve", DATABASE_URL=cluster.url(OWNER, own), GUILDHALL_PORT="0", **PRODUCTION)
    assert "may rewrite the audit log" in refusal(done)


@pytest.mark.parametrize(
    ("who", "owner", "values"),
    [(MEMBER, OWNER, PRODUCTION), (MEMBER, OWNER, {}), ("postgres", None, PRODUCTION), (OWNER, None, {})],
    ids=["member", "member with an owner to migrate", "superuser", "owner"],
)
async def test_log_ins_that_work(own: str, who: str, owner: str | None, values: dict[str, str]) -> None:
    """Whoever may take on the application's role works as it."""
    addresses = {"DATABASE_URL": cluster.url(who, own)}
    if owner is not None:
        addresses["GUILDHALL_OWNER_DATABASE_URL"] = cluster.url(owner, own)
    with private_folder() as place:
        made = made_key(guildhall(place, "keys", "create", "bot", **addresses).stdout)
        with serving(place, **addresses, **values) as server, server.client(made["secret"]) as client:
            assert client.put(f"/v1/guilds/{GUILD}", json={"name": "Harbour"}).status_code == 201
            assert client.get(f"/v1/guilds/{GUILD}").json()["name"] == "Harbour"
            assert server.stop() == 0


def test_backup_and_restore_into_another_installation(folder: Path) -> None:
    file = folder / "copy"
    with serving(folder) as server:
        key = made_key(guildhall(folder, "keys", "create", "bot").stdout)["secret"]
        with server.client(key) as client:
            assert client.put(f"/v1/guilds/{GUILD}", json={"name": "Harbour"}).status_code in (200, 201)
            address = f"/v1/guilds/{GUILD}/settings/leveling"
            assert client.patch(address, json={"cooldown_seconds": 42}).status_code == 200
            revisions = client.get(f"{address}/revisions").json()
        assert guildhall(folder, "backup", str(file)).returncode == 0
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert "Stop it first" in refusal(guildhall(folder, "restore", str(file), stdin="y\n"))
    with private_folder() as other:
        restored = guildhall(other, "restore", str(file), stdin="y\n")
        assert restored.returncode == 0, restored.stderr
        with serving(other) as server, server.client(key) as client:
            assert client.get(address).json()["values"]["cooldown_seconds"] == 42
            assert client.get(f"{address}/revisions").json()["items"] == revisions["items"]
            assert client.patch(address, json={"cooldown_seconds": 43}).status_code == 200
            assert server.stop() == 0
        assert guildhall(other, "doctor").returncode == 0


async def test_older_backup_replaces_all_and_is_migrated(own: str) -> None:
    """Also what is newer than the backup goes: tables that it never knew."""
    url = cluster.url(OWNER, own)
    owner = await asyncpg.connect(url)
    await owner.execute("INSERT INTO guilds (id, name) VALUES (1, 'kept')")
    await owner.execute("ALTER TABLE guilds DISABLE TRIGGER guilds_stamp")
    await owner.execute("UPDATE guilds SET changed_xid = 9000000000")
    await owner.execute("ALTER TABLE guilds ENABLE TRIGGER guilds_stamp")
    await roll_back(piccolo_conf.DB, url, known()[-1])
    with private_folder() as place:
        addresses = {"DATABASE_URL": url}
        assert guildhall(place, "backup", str(place / "copy"), **addresses).returncode == 0
        await owner.execute("CREATE TABLE newer AS SELECT 2 AS id")
        await owner.execute("INSERT INTO guilds (id, name) VALUES (3, 'gone')")
        await owner.close()
        done = guildhall(place, "restore", str(place / "copy"), stdin="y\n", **addresses)
        assert done.returncode == 0, done.stderr
        owner = await asyncpg.connect(url)
        assert await owner.fetchval("SELECT to_regclass('newer')") is None
        assert [tuple(row) for row in await owner.fetch("SELECT id, name FROM guilds")] == [(1, "kept")]
        assert await owner.fetchval("SELECT max(changed_xid) < pg_current_xact_id()::text::bigint FROM guilds")
        assert await owner.fetchval("SELECT count(*) FROM migration") == len(known())
        assert await owner.fetchval(f"SELECT has_table_privilege('{APP}', 'guilds', 'UPDATE')")
        assert not await owner.fetchval(f"SELECT has_table_privilege('{APP}', 'audit_log', 'UPDATE')")
    await owner.close()


async def test_restore_that_fails_changes_nothing(own: str) -> None:
    url = cluster.url(OWNER, own)
    owner = await asyncpg.connect(url)
    await owner.execute("INSERT INTO guilds (id, name) VALUES (1, 'kept')")
    await owner.close()
    with private_folder() as place:
        (place / "copy").write_bytes(b"not a backup")
        assert "pg_restore failed" in refusal(
            guildhall(place, "restore", str(place / "copy"), stdin="y\n", DATABASE_URL=url)
        )
    owner = await asyncpg.connect(url)
    assert await owner.fetchval("SELECT count(*) FROM guilds") == 1
    await owner.close()


def test_failed_backup_keeps_the_older_one(folder: Path) -> None:
    (folder / "older").write_text("precious")
    refusal(guildhall(folder, "backup", str(folder / "older"), DATABASE_URL=NOWHERE))
    assert (folder / "older").read_text() == "precious"
    assert "cannot be written" in refusal(guildhall(folder, "backup", "/proc/copy"))
    assert [path.name for path in folder.glob(".older*")] == []


@pytest.mark.parametrize(
    ("url", "address", "password"),
    [
        (
            "postgresql://ada:p%40ss@host:5432/db?sslmode=require",
            "postgresql://ada@host:5432/db?sslmode=require",
            "p@ss",
        ),
        ("postgresql://ada@/db?host=%2Frun&password=x%26y", "postgresql://ada@/db?host=%2Frun", "x&y"),
        ("postgresql://host/db", "postgresql://host/db", None),
    ],
)
def test_password_stands_in_no_process_list(url: str, address: str, password: str | None) -> None:
    assert without_password(url) == (address, password)


def test_first_secrets_are_told_though_the_start_fails() -> None:
    """Made, and then the server does not start: they were on the terminal before it tried."""
    with private_folder() as place:
        broken = place / "sitecustomize.py"
        broken.write_text("import api.server\ndef fail(*_):\n    raise SystemExit('no')\napi.server.serve = fail\n")
        done = guildhall(place, "serve", PYTHONPATH=str(place), GUILDHALL_PORT="0")
        assert done.returncode == 1
        assert re.search(r"First admin +admin, password \S{12,}\n +First key +gh_\w{30,}\n", done.stdout), done.stderr
        with serving(place) as server:
            assert "First" not in server.said
            assert "Guildhall is ready" in server.said


def test_piccolos_own_command_line_starts_the_database(folder: Path) -> None:
    for arguments in (["check"], ["backwards", "guildhall", "1", "--auto_agree"], ["forwards", "guildhall"]):
        done = subprocess.run(
            [sys.executable, "-m", "piccolo.main", "migrations", *arguments],
            env={**environment(folder), "PICCOLO_CONF": "piccolo_conf"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert not EmbeddedPostgres(folder / "data" / "postgres").running
    assert guildhall(folder, "migrate").stdout.startswith("Nothing to do")
