"""What poolers by transactions refuse, or keep a connection for, in the statements of pooled connections.

Supavisor (from 2.10 on) refuses what leaves something in the session, if it is told to (`txn_mode_leak_action`): SET
without LOCAL, LISTEN, advisory locks of a session, temporary tables. Otherwise these are lost with the transaction, as
behind PgBouncer. Named prepared statements exist only in its session mode.

Amazon RDS Proxy keeps a connection for one client ("pins" it) after any of these, and after SET and set_config of any
kind, PREPARE, cursors, nextval and setval in a statement's text, and a text of more than 16 KB."""

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager

from asyncpg.connection import LoggedQuery

from api.postgres.database import Database
from api.postgres.engine import PlainConnection

LONGEST = 16 * 1024

# What is lost or refused by transactions. Comments and texts are taken out before.
_OF_SESSION = {
    "SET without LOCAL": r"^(?:SET (?!LOCAL |TRANSACTION )|RESET )",
    "set_config for the session": r"set_config\([^()]*\bfalse\)",
    "LISTEN": r"^(?:UN)?LISTEN\b",
    "an advisory lock of the session": r"pg_(?:try_)?advisory_(?:un)?lock",
    "a temporary table": r"\bTEMP(?:ORARY)?\b",
    "a prepared statement by its name": r"^(?:PREPARE|EXECUTE|DEALLOCATE|DISCARD)\b",
    "a cursor": r"^DECLARE\b",
    "a library": r"^LOAD\b",
}

# What only RDS Proxy pins.
_PINNED = {
    "SET LOCAL": r"^SET LOCAL ",
    "set_config for the transaction": r"set_config\([^()]*\btrue\)",
    "a sequence": r"\b(?:next|set)val\(",
}

# Of asyncpg, before it looks up a type that it has not met on a connection. Here it changes nothing: each connection of
# the application has jit = off.
_OF_ASYNCPG = "set_config('jit', 'off', false)"


def faults(statement: str) -> set[str]:
    """What makes a statement unfit for a pooler by transactions."""
    return set() if _OF_ASYNCPG in statement else _found(_OF_SESSION, statement) | _length(statement)


def pins(statement: str) -> set[str]:
    """Why RDS Proxy keeps the connection after it."""
    return _found(_OF_SESSION | _PINNED, statement) | _length(statement)


def _length(statement: str) -> set[str]:
    return {"a text above 16 KB"} if len(statement.encode()) > LONGEST else set()


def _found(rules: dict[str, str], statement: str) -> set[str]:
    bare = re.sub(r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'", lambda each: "''" if each[0][0] == "'" else "", statement)
    parts = [part.strip() for part in bare.split(";")]
    return {name for name, rule in rules.items() for part in parts if re.search(rule, part, re.IGNORECASE)}


@contextmanager
def noted(connections: list[PlainConnection], statements: set[str]) -> Iterator[None]:
    """Adds the statements of these connections to the set."""

    def note(logged: LoggedQuery) -> None:
        statements.add(logged.query)

    for each in connections:
        each.add_query_logger(note)
    try:
        yield
    finally:
        for each in connections:
            each.remove_query_logger(note)


async def all_connections(database: Database) -> list[PlainConnection]:
    """Every connection of the pool, each of them open."""
    pool = database.engine.pool
    assert pool is not None
    lent = [await pool.acquire() for _ in range(database.pool_size)]
    opened: list[PlainConnection | None] = [each._con for each in lent]  # type: ignore[attr-defined] # not in the stubs
    await asyncio.gather(*(pool.release(each) for each in lent))
    return [each for each in opened if each is not None]
