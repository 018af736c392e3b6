"""Backup and restore: PostgreSQL's own tools, one file."""

import os
import re
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from piccolo.engine.postgres import PostgresEngine

from api.lib.private_files import replacing
from api.postgres.connections import SESSION, connect
from api.postgres.embedded.binaries import find_binaries
from api.postgres.embedded.server import ENVIRONMENT
from api.postgres.migrations import migrate
from api.postgres.provision import Located

# Removes everything in the schema that no extension brought, including objects that are newer than the backup.
_EMPTY = """
DO $$
DECLARE
    tables text := (
        SELECT string_agg(oid::regclass::text, ', ') FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
          AND oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_class'::regclass AND deptype = 'e'));
    routines text := (
        SELECT string_agg(oid::regprocedure::text, ', ') FROM pg_proc
        WHERE pronamespace = 'public'::regnamespace
          AND oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_proc'::regclass AND deptype = 'e'));
BEGIN
    EXECUTE coalesce('DROP TABLE ' || tables || ' CASCADE', '');
    EXECUTE coalesce('DROP ROUTINE ' || routines || ' CASCADE', '');
END $$
"""

_DATA = re.compile(rb"^COPY ", re.M)
_NEWER = re.compile(
    rb"^(?:SET transaction_timeout = 0|ALTER TABLE ONLY \S+ ALTER COLUMN \S+ SET \(pg_attver=\d+\));\n", re.M
)


class BackupFailed(Exception):
    """A PostgreSQL tool failed; the message is its own."""


def backup(found: Located, file: Path) -> None:
    """Writes a consistent copy of the whole database, which only its owner can read. The new file replaces an existing
    one when it is complete. Raises `BackupFailed`."""
    dump = ("pg_dump", "--format=custom", "--no-owner", "--no-privileges")
    try:
        with replacing(file) as path:
            _run(*dump, f"--file={path}", url=found.owner_url)
    except OSError as error:
        raise BackupFailed(f"{file} cannot be written: {error.strerror}.") from None


async def restore(engine: PostgresEngine, found: Located, file: Path) -> None:
    """Replaces the whole database with the file, all or nothing, then migrates. Raises `BackupFailed`."""
    connection = await connect(found.owner_url, timeout=5)
    try:
        users = await connection.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'guildhall'"
            " AND datname = current_database()"
        )
    finally:
        await connection.close()
    if users:
        raise BackupFailed("A server is using this database. Stop it first, then restore.")
    with tempfile.NamedTemporaryFile(prefix="guildhall-restore-") as script:
        # Read to its end before any change, because psql commits what a broken pipe has delivered.
        _run("pg_restore", "--no-owner", "--no-privileges", f"--file={script.name}", str(file))
        spare_older_servers(Path(script.name))
        _run(
            *("psql", "--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1"),
            *(f"--command={_EMPTY}", f"--file={script.name}"),
            url=found.owner_url,
        )
    await migrate(engine, found.owner_url, session_url=found.session_url)


def spare_older_servers(script: Path) -> None:
    """Removes what older servers refuse from the head of the script, before any data: a setting that is new in
    PostgreSQL 17 and only repeats the default, and the version that 17.12 keeps for each column. Each server that
    keeps such versions makes them itself."""
    text = script.read_bytes()
    data = _DATA.search(text)
    head = text[: len(text) if data is None else data.start()]
    if (spared := _NEWER.sub(b"", head)) != head:
        script.write_bytes(spared + text[len(head) :])


def _run(program: str, *arguments: str, url: str | None = None) -> None:
    """Runs a tool. Its environment has the password, so no list of processes shows it."""
    environment = {**ENVIRONMENT, "HOME": os.environ.get("HOME", "/")}
    environment |= {name: value for name, value in os.environ.items() if name.startswith("PG")}
    if url is not None:
        address, password = without_password(with_session(url, environment.pop("PGOPTIONS", "")))
        arguments = (f"--dbname={address}", *arguments)
        environment |= {"PGPASSWORD": password} if password is not None else {}
    done = subprocess.run(  # noqa: S603 - constant arguments, and an address from the configuration
        [find_binaries() / program, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BackupFailed(f"{program} failed: {done.stderr.strip()[-2000:]}")


def with_session(url: str, options: str) -> str:
    """A connection URI with the options of our own connections. They stand after the URI's own options, or otherwise
    after `options`, those of the environment."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    ours = " ".join(f"-c {name}={value}" for name, value in SESSION.items())
    query["options"] = f"{query.get('options', options)} {ours}".strip()
    return parts._replace(query=urlencode(query, quote_via=quote)).geturl()


def without_password(url: str) -> tuple[str, str | None]:
    """A connection URI and its password, which can be in two places."""
    parts = urlsplit(url)
    query = parse_qsl(parts.query, keep_blank_values=True)
    password = dict(query).get("password")
    who, at, where = parts.netloc.rpartition("@")
    user, colon, before = who.partition(":")
    if colon:
        password = unquote(before)
    rest = urlencode([(name, value) for name, value in query if name != "password"], quote_via=quote)
    return parts._replace(netloc=f"{user}{at}{where}", query=rest).geturl(), password
