"""The command line: what it does, and that it refuses in sentences."""

import json
import re
import socket
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest

from api.lib.private_files import replacing
from api.postgres.embedded.server import EmbeddedPostgres
from api.postgres.migrations import known
from api.postgres.provision import OWNER
from tests.operation.servers import (
    MEMBER,
    environment,
    guildhall,
    guildhall_afresh,
    installation,
    made_key,
    private_folder,
    refusal,
    serving,
)
from tests.support import cluster

GUILD = "81384788765712384"
PERSON = "190320984123768832"
PRODUCTION = {"GUILDHALL_ENV": "production", "GUILDHALL_PUBLIC_URL": "https://guildhall.test"}
NOWHERE = "postgresql://ada:hunter2@127.0.0.1:1/guildhall"


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
    assert "nothing with this number" in refusal(guildhall(folder, "keys", "revoke", "999999"))
    assert "guild_ids" in refusal(guildhall(folder, "keys", "create", "bot", "--guild", "abc"))
    for name in (" ", "a\u202eb", "a\udcffb"):
        refusal(guildhall(folder, "keys", "create", name))


def test_admins(folder: Path) -> None:
    made = guildhall(folder, "admins", "create", "ada")
    assert re.fullmatch(r"ada can log in at /admin/ with the password \S{12,}\n", made.stdout)
    assert "There is already an administrator named ada." in refusal(guildhall(folder, "admins", "create", "ada"))
    asked = guildhall(folder, "admins", "create", "bo", "--ask", stdin="long enough yes\nlong enough yes\n")
    assert asked.returncode == 0
    assert "long enough" not in asked.stdout
    read = guildhall(folder, "admins", "create", "cy", "--stdin", stdin="long enough too\n")
    assert (read.returncode, read.stdout) == (0, "cy can log in at /admin/.\n")
    secret = {"GUILDHALL_SECRET": "s" * 32}
    assert guildhall(folder, "admins", "create", "dora", **PRODUCTION, **secret).returncode == 1  # none is made
    created = guildhall(
        folder, "admins", "create", "dora", "--stdin", stdin="a long enough one\n", **PRODUCTION, **secret
    )
    assert created.returncode == 0, created.stderr
    listed = [line.split(maxsplit=1)[1] for line in guildhall(folder, "admins", "list").stdout.splitlines()]
    assert listed == [f"{name}: superuser; never logged in" for name in ("ada", "admin", "bo", "cy", "dora")]
    reset = guildhall(folder, "admins", "reset", "bo")
    assert re.fullmatch(r"bo has a new password: \S{12,}\nTheir sessions have ended\.\n", reset.stdout)
    assert guildhall(folder, "admins", "reset", "bo", "--stdin", stdin="another long one\n").returncode == 0
    assert guildhall(folder, "admins", "delete", "cy", "--yes").stdout == "cy is no longer an administrator.\n"
    for command in ("reset", "delete"):
        gone = guildhall(folder, "admins", command, "cy", stdin="y\n")
        assert "There is no administrator named cy." in refusal(gone)


@pytest.mark.parametrize(
    ("arguments", "stdin", "sentence"),
    [
        (["dee", "--stdin"], "short\n", "too short"),
        (["dee", "--stdin"], "password1234\n", "common"),
        (["dee", "--stdin"], "", "Standard input is empty"),
        (["dee", "--stdin", "--ask"], "long enough yes\n", "Use either --ask or --stdin."),
        (["x" * 101], "", "A name has 1 to 100 characters"),
        ([" "], "", "A name has 1 to 100 characters"),
        (["a\u202eb"], "", "A name has 1 to 100 characters"),
        (["dee", "--password", "seen by everybody"], "", "No such option"),
        (["dee", "seen by everybody"], "", "unexpected extra argument"),
    ],
)
def test_admins_refuses(folder: Path, arguments: list[str], stdin: str, sentence: str) -> None:
    assert sentence in refusal(guildhall(folder, "admins", "create", *arguments, stdin=stdin))


def test_what_is_written_is_its_owners_alone(folder: Path) -> None:
    key = made_key(guildhall(folder, "keys", "create", "bot").stdout)
    with serving(folder) as server, server.client(key["secret"]) as bot:
        assert bot.put(f"/v1/guilds/{GUILD}", json={"name": "Harbour"}).status_code in (200, 201)
        for name, command in (
            ("export", ["export", GUILD]),
            ("person", ["users", "export", PERSON]),
            ("backup", ["backup"]),
        ):
            for _ in range(2):  # made, and made anew over one that everybody may read
                done = guildhall(folder, *command, str(folder / name))
                assert done.returncode == 0, done.stderr
                assert oct((folder / name).stat().st_mode & 0o777) == "0o600"
                (folder / name).chmod(0o644)
    assert (folder / "data" / "postgres").stat().st_mode & 0o077 == 0


def test_a_file_is_its_owners_alone_from_the_first_byte(tmp_path: Path) -> None:
    target = tmp_path / "export"
    target.write_text("older")
    target.chmod(0o666)

    def write_half() -> None:
        with replacing(target) as path:
            path.write_text("half")
            assert path != target
            assert oct(path.stat().st_mode & 0o777) == "0o600"
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_half()
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("export", "older")]


def test_a_file_that_cannot_be_written_is_reported(folder: Path) -> None:
    assert "cannot be written" in refusal(guildhall(folder, "users", "export", PERSON, "/proc/nowhere"))


def test_users(folder: Path) -> None:
    exported = json.loads(guildhall(folder, "users", "export", PERSON).stdout)
    assert (exported["user_id"], exported["stored"]["members"]) == (PERSON, [])
    erased = guildhall(folder, "users", "erase", PERSON, "--opt-out", "--yes")
    assert re.fullmatch(r"receipt [0-9a-f]{32}: 0 rows in 0 guild\(s\)\n", erased.stdout), erased.stderr


def test_migrate(folder: Path) -> None:
    with private_folder() as other:
        planned = guildhall(other, "migrate", "--sql").stdout
        assert planned.count("CREATE TABLE") >= 10
        assert guildhall(other, "migrate").stdout.splitlines() == [f"ran {id_}" for id_ in known()]
    assert guildhall(folder, "migrate").stdout == "Nothing to do: the database is up to date.\n"
    assert guildhall(folder, "migrate", "--sql").stdout.strip() == ""


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"GUILDHALL_PORT": "eighty"}, "GUILDHALL_PORT: Expected `int`"),
        ({**PRODUCTION, "GUILDHALL_SECRET": ""}, "GUILDHALL_SECRET is not set"),
        ({**PRODUCTION, "GUILDHALL_PUBLIC_URL": "http://guildhall.test"}, "is not an https:// address"),
        ({"DATABASE_URL": NOWHERE}, "Is DATABASE_URL right"),
        ({"DATABASE_URL": NOWHERE, **PRODUCTION}, "Is DATABASE_URL right"),
        ({"DATABASE_URL": "mysql://ada:hunter2@x/y", **PRODUCTION}, "is no address of a database"),
        (
            {"DATABASE_URL": "postgresql://ada:hunter2@db.example.org/guildhall", **PRODUCTION},
            "DATABASE_URL leads to another machine, and the connection may be unencrypted. Add `?sslmode=verify-full`",
        ),
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


@pytest.mark.parametrize(
    ("who", "granted", "way"),
    [
        (OWNER, None, f"{OWNER} is or can become {OWNER}"),
        ("postgres", None, "postgres is a superuser"),
        (MEMBER, OWNER, f"{MEMBER} is or can become {OWNER}, {MEMBER}"),
        (MEMBER, "pg_write_all_data", f"{MEMBER} is or can become pg_write_all_data, {MEMBER}"),
        (MEMBER, f"{OWNER} WITH INHERIT FALSE, SET FALSE, ADMIN TRUE", f"{MEMBER} is or can become {OWNER}"),
    ],
    ids=["owner", "superuser", "member of the owner", "writes everything", "may make itself one"],
)
async def test_log_in_that_may_rewrite_the_audit_log_is_refused_in_production(
    folder: Path, own: str, who: str, granted: str | None, way: str
) -> None:
    """It works as `guildhall_app`, but `SET ROLE NONE` undoes that."""
    if granted is not None:
        role, _, options = granted.partition(" ")
        await _as_superuser(f"GRANT {role} TO {MEMBER} {options}")
    done = guildhall(folder, "serve", DATABASE_URL=cluster.url(who, own), GUILDHALL_PORT="0", **PRODUCTION)
    assert f"The log-in of DATABASE_URL may rewrite the audit log: {way}." in refusal(done)


async def _as_superuser(statement: str) -> None:
    connection = await asyncpg.connect(cluster.url("postgres", "postgres"))
    await connection.execute(statement)
    await connection.close()


@pytest.mark.parametrize(
    ("who", "owner", "values"),
    [(MEMBER, OWNER, {}), (MEMBER, OWNER, PRODUCTION), ("postgres", None, {}), (OWNER, None, {})],
    ids=["member, with an owner to migrate", "member, in production", "superuser", "owner"],
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


def test_first_secrets_are_shown_though_the_start_fails() -> None:
    """Made, and then the server does not start: they were on the terminal before it tried."""
    with private_folder() as place:
        broken = place / "sitecustomize.py"
        broken.write_text(
            "import api.runtime.server\ndef fail(*_):\n    raise SystemExit('no')\napi.runtime.server.serve = fail\n"
        )
        done = guildhall_afresh(place, "serve", PYTHONPATH=str(place), GUILDHALL_PORT="0")
        assert done.returncode == 1
        assert re.search(r"First admin +admin, password \S{12,}\n +First key +gh_\w{30,}\n", done.stdout), done.stderr
        with serving(place) as server:
            assert "First" not in server.said
            assert "Guildhall is ready" in server.said


def test_piccolos_own_command_line_starts_the_database() -> None:
    with installation() as folder:
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


def test_the_wrong_folder_gets_no_database_of_its_own(tmp_path: Path) -> None:
    done = guildhall_afresh(tmp_path, "keys", "list")
    assert "There is no database in" in refusal(done)
    assert not list(tmp_path.glob("**/postgres"))
