"""How the application connects: what each of its connections must have, and whether a pooler stands in between.

Time-outs and role are defaults of the log-in (`ALTER ROLE … SET`, by `guildhall migrate`), because a pooler refuses or
drops start-up parameters. A log-in that may rewrite the audit log keeps its own defaults: for it, Guildhall sends
start-up parameters, which only PostgreSQL itself accepts. In either case, Guildhall checks a connection before it uses
any."""

import asyncio
from typing import Any, NamedTuple

import asyncpg
from asyncpg.connect_utils import SessionAttribute

from api.config import Settings, variable
from api.postgres.connections import Access, PlainConnection, connect
from api.postgres.failures import UnusableDatabase as UnusableDatabase
from api.postgres.hosts import ANY, READ_WRITE
from api.postgres.provision import APP, ROLE_SETTINGS
from api.postgres.rights import ways_to_rewrite

# What each connection of the application must have, besides the role.
REQUIRED = ROLE_SETTINGS[APP]

# As PostgreSQL and poolers show it. `guildhall restore` counts those of the first name, which end with their process; a
# pooler keeps the others.
NAME, NAME_BEHIND_POOLER = "guildhall", "guildhall, pooled"

# The addresses that must lead to a server that takes writes.
_WRITTEN_TO = frozenset({"database_url", "session_database_url"})

# How long each check holds its connection, so that a pooler gives the checks different ones.
_HELD_SECONDS = 0.1

_INSPECT = f"""
    SELECT current_user::text AS role, session_user::text AS login, pg_backend_pid() AS pid,
           (SELECT pg_has_role(session_user, oid, 'SET') FROM pg_roles WHERE rolname = '{APP}') AS may_take_role,
           {", ".join(f"current_setting('{name}') AS {name}" for name in REQUIRED)}, pg_sleep($1)
"""


class _Seen(NamedTuple):
    login: str
    may_take_role: bool
    lacking: list[str]  # in words
    has_pooler: bool


async def find_access(settings: Settings) -> Access:
    """Checks connections to the addresses of these settings. Raises `UnusableDatabase` if one lacks a setting or the
    role, or if a pooler shares the one for sessions; `OSError` or asyncpg's error if there is no connection."""
    pooled, has_pooler = await _arguments(settings, "database_url")
    if settings.session_database_url is None:
        session, session_has_pooler = pooled, has_pooler
    else:
        session, session_has_pooler = await _arguments(settings, "session_database_url")
    if session_has_pooler:
        if await are_shared(session["dsn"]):
            raise UnusableDatabase(_shared(settings))
        session = {**session, "server_settings": {**session["server_settings"], "application_name": NAME}}
    return Access(pooled, session, has_pooler)


async def find_replica_access(settings: Settings) -> dict[str, Any]:  # Any: asyncpg's own keyword arguments
    """Checks connections to the replica as those to the database: what each must have and, in production, that the
    log-in could not rewrite the audit log if the replica were promoted. Raises as `find_access` does."""
    arguments, has_pooler = await _arguments(settings, "read_database_url")
    if has_pooler and await are_shared(arguments["dsn"], ANY):
        raise UnusableDatabase(_SHARED_REPLICA)
    wanted = {"application_name": NAME} if has_pooler else {"default_transaction_read_only": "on"}
    arguments["server_settings"] = {**arguments["server_settings"], **wanted}
    if settings.production:
        connection = await _connect(arguments)
        try:
            ways = await ways_to_rewrite(connection)
        finally:
            await connection.close()
        if ways is not None:
            raise UnusableDatabase(
                f"The log-in of GUILDHALL_READ_DATABASE_URL may rewrite the audit log: {ways}. Use the log-in of "
                "DATABASE_URL."
            )
    return arguments


async def refuse_stale(access: Access, at_once: int) -> None:
    """Checks `at_once` connections of a pooler. Raises `UnusableDatabase` if one of them is older than its log-in's
    settings."""
    inspected = await asyncio.gather(*(_inspect(access.pooled, hold=_HELD_SECONDS) for _ in range(at_once)))
    for seen in inspected:
        if seen.lacking:
            raise UnusableDatabase(_refusal("DATABASE_URL", seen))


async def are_shared(dsn: str | None, server: SessionAttribute = READ_WRITE) -> bool:
    """Whether the address leads to a pooler that gives a connection to several clients in turn: one transaction here,
    the next there. Two idle clients of PostgreSQL, or of a pooler by sessions, never have one connection."""
    arguments = {"dsn": dsn, "target_session_attrs": server}
    first = await _connect(arguments)
    try:
        second = await _connect(arguments)
        try:
            pids = [await each.fetchval("SELECT pg_backend_pid()") for each in (first, second) * 3]
        finally:
            await second.close()
    finally:
        await first.close()
    return len({*pids[::2]}) > 1 or len({*pids[1::2]}) > 1 or pids[0] == pids[1]


async def has_pooler(connection: PlainConnection) -> bool:
    """Whether a pooler stands in front: it gives its clients process numbers of its own."""
    return bool(await connection.fetchval("SELECT pg_backend_pid()") != connection.get_server_pid())


async def configure_login(owner: PlainConnection, dsn: str) -> None:
    """Gives the log-in of `dsn` the application's role, time-outs and settings, in this database only; `owner` grants
    it the role. Does nothing if it has them, or if it may rewrite the audit log: such a log-in has other work, too.
    Call it while no other migrator runs."""
    if not (await _inspect(_plain(dsn))).lacking:
        return
    connection = await _connect(_plain(dsn))
    try:
        if await ways_to_rewrite(connection) is not None:
            return
        login, database = await connection.fetchrow("SELECT session_user::text, current_database()::text") or ("", "")
        values = dict(REQUIRED)
        if login != APP and await owner.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", APP):
            await _grant(owner, login)
            values["role"] = APP
        # Everybody may set defaults of their own, but only as themselves.
        async with connection.transaction():
            await connection.execute("SET LOCAL ROLE NONE")
            for name, value in values.items():
                statement = "ALTER ROLE {} IN DATABASE {} SET {} = '{}'"
                await connection.execute(statement.format(_quoted(login), _quoted(database), name, value))
    finally:
        await connection.close()


async def _grant(owner: PlainConnection, login: str) -> None:
    if await owner.fetchval("SELECT pg_has_role($1, $2, 'SET')", login, APP):
        return
    try:
        await owner.execute(f"GRANT {APP} TO {_quoted(login)}")
    except asyncpg.InsufficientPrivilegeError:
        raise UnusableDatabase(
            f"This owner may not make {login} a member of {APP}. As a superuser, run `GRANT {APP} TO {login}`, then "
            "`guildhall migrate` again."
        ) from None


async def _arguments(settings: Settings, field: str) -> tuple[dict[str, Any], bool]:  # Any: keyword arguments
    """What connections to this address are opened with, and whether a pooler lends them."""
    arguments = _plain(getattr(settings, field))
    arguments["target_session_attrs"] = READ_WRITE if field in _WRITTEN_TO else ANY
    seen = await _inspect(arguments)
    if seen.has_pooler:
        arguments["server_settings"] = {"application_name": NAME_BEHIND_POOLER}
    elif seen.lacking:
        role = {"role": APP} if seen.may_take_role else {}
        arguments["server_settings"] = {"application_name": NAME, **REQUIRED, **role}
        seen = await _inspect(arguments)
    if seen.lacking:
        raise UnusableDatabase(_refusal(variable(field), seen))
    prepares = settings.prepared_statements
    if prepares or (prepares is None and not seen.has_pooler):
        del arguments["statement_cache_size"]  # asyncpg's own size
    return arguments, seen.has_pooler


def _plain(dsn: str | None) -> dict[str, Any]:  # Any: asyncpg's own keyword arguments
    return {"dsn": dsn, "server_settings": {"application_name": NAME}, "statement_cache_size": 0}


async def _connect(arguments: dict[str, Any]) -> PlainConnection:  # Any: the same
    # No start-up parameters, which a pooler may refuse, and no named statements, which need the same connection.
    return await connect(**{"server_settings": {}, "statement_cache_size": 0, **arguments}, timeout=5)


async def _inspect(arguments: dict[str, Any], *, hold: float = 0.0) -> _Seen:  # Any: the same
    connection = await _connect(arguments)
    try:
        row = await connection.fetchrow(_INSPECT, hold)
        assert row is not None
        may_take_role = bool(row["may_take_role"])
        lacking = [
            f"{name} is {row[name]} instead of {value}" for name, value in REQUIRED.items() if row[name] != value
        ]
        if may_take_role and row["role"] != APP:
            lacking.append(f"the role is {row['role']} instead of {APP}")
        return _Seen(row["login"], may_take_role, lacking, row["pid"] != connection.get_server_pid())
    finally:
        await connection.close()


def _refusal(name: str, seen: _Seen) -> str:
    lacking = "; ".join(seen.lacking)
    if not seen.has_pooler:
        return f"The connections of {name} ignore what Guildhall asks for at connecting: {lacking}."
    return (
        f"{name} leads through a pooler, and its connections lack what must be the log-in's own: {lacking}. Use a "
        f"log-in that neither owns the database nor is a superuser (now it is {seen.login}), run `guildhall migrate`, "
        "and let the pooler connect anew: restart it, or run RECONNECT on PgBouncer's console."
    )


def _shared(settings: Settings) -> str:
    if settings.session_database_url is None:
        return (
            "DATABASE_URL leads to a pooler that gives each transaction another connection. The change watcher, the "
            "event poller and upkeep need connections that stay theirs: set GUILDHALL_SESSION_DATABASE_URL to the "
            "address of PostgreSQL itself, or of a pooler by sessions, with the same log-in."
        )
    return (
        "GUILDHALL_SESSION_DATABASE_URL leads to a pooler that gives each transaction another connection. Set it to "
        "the address of PostgreSQL itself, or of a pooler by sessions."
    )


_SHARED_REPLICA = (
    "GUILDHALL_READ_DATABASE_URL leads to a pooler that gives each transaction another connection. A read and the "
    "check before it need the same server: set it to the address of the replica itself, or of a pooler by sessions."
)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
