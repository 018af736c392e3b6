"""A backup and a restore: one command each, all or nothing."""

import stat
from pathlib import Path

import asyncpg
import pytest

import piccolo_conf
from api.postgres.backup import BackupFailed, _run, spare_older_servers, without_password
from api.postgres.migrations import known, roll_back
from api.postgres.provision import APP, OWNER
from tests.operation.servers import guildhall, made_key, private_folder, refusal, serving
from tests.support import cluster

GUILD = "81384788765712384"
VERSIONED = b"ALTER TABLE ONLY public.members ALTER COLUMN xp SET (pg_attver=28007456);\n"
NOWHERE = "postgresql://ada:hunter2@127.0.0.1:1/guildhall"


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


@pytest.mark.parametrize(
    ("script", "left"),
    [
        (b"SET a = 0;\nSET transaction_timeout = 0;\nCOPY t FROM stdin;\n", b"SET a = 0;\nCOPY t FROM stdin;\n"),
        (b"COPY t FROM stdin;\nSET transaction_timeout = 0;\n", b"COPY t FROM stdin;\nSET transaction_timeout = 0;\n"),
        (b"SET a = 0;\n", b"SET a = 0;\n"),
        (VERSIONED + b"SET a = 0;\nCOPY t FROM stdin;\n" + VERSIONED, b"SET a = 0;\nCOPY t FROM stdin;\n" + VERSIONED),
    ],
)
def test_a_script_for_older_servers_sets_only_what_they_know(tmp_path: Path, script: bytes, left: bytes) -> None:
    file = tmp_path / "script"
    file.write_bytes(script)
    spare_older_servers(file)
    assert file.read_bytes() == left


@pytest.mark.parametrize("asked", ["", "?options=-c%20work_mem%3D7MB", "?options=-c%20jit%3Don&connect_timeout=5"])
@pytest.mark.parametrize("around", [None, "-c work_mem=7MB"])
async def test_the_tools_compile_no_statements(
    own: str, monkeypatch: pytest.MonkeyPatch, asked: str, around: str | None
) -> None:
    """Nor do they lose what the address or the environment asks for."""
    url = cluster.url(OWNER, own)
    asked = asked.replace("?", "&") if "?" in url else asked
    if around is not None:
        monkeypatch.setenv("PGOPTIONS", around)
    memory = "7MB" if "work_mem" in asked or (around and not asked) else "4MB"
    check = "DO $$ BEGIN ASSERT current_setting('{}') = '{}'; END $$"
    for name, value in (("jit", "off"), ("work_mem", memory)):
        _run("psql", "--no-psqlrc", f"--command={check.format(name, value)}", url=url + asked)
    with pytest.raises(BackupFailed):
        _run("psql", "--no-psqlrc", "--set=ON_ERROR_STOP=1", f"--command={check.format('jit', 'on')}", url=url + asked)
