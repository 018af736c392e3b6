"""Migrations in SQL: runs a file of this folder, statement by statement."""

import re
from collections.abc import Iterator
from pathlib import Path

from piccolo.engine import engine_finder

_TABLE = re.compile(r"CREATE (?:UNLOGGED )?TABLE (\w+) \($")
_COLUMN = re.compile(r" {4}([a-z]\w*) ")


async def run(*statements: str) -> None:
    """Runs statements in the transaction of the migration."""
    engine = engine_finder()
    assert engine is not None
    for statement in statements:
        await engine.run_ddl(statement)


def statements(name: str) -> list[str]:
    """The file's statements, then the comments that the database keeps of its tables."""
    text = _read(name)
    return [*_split(text), *_comments(text)]


def tables(name: str) -> list[str]:
    """The tables that the file makes."""
    return [match[1] for match in map(_TABLE.match, _read(name).splitlines()) if match]


def functions(name: str) -> list[str]:
    """The functions that the file makes."""
    return re.findall(r"^CREATE FUNCTION (\w+)", _read(name), re.M)


def _read(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def _split(text: str) -> Iterator[str]:
    """A statement ends with a semicolon at the end of a line, outside the body of a function."""
    lines: list[str] = []
    in_body = False
    for line in text.splitlines():
        if not lines and (not line or line.startswith(("--", "/*", "   "))):
            continue  # what stands between statements is for the reader of the file
        lines.append(line)
        in_body ^= line.count("$$") % 2 == 1
        if line.endswith(";") and not in_body:
            yield "\n".join(lines).removesuffix(";")
            lines.clear()


def _comments(text: str) -> Iterator[str]:
    """What a line of `--` says above a table, and above or behind a column."""
    table, above = "", ""
    for line in text.splitlines():
        if line.startswith(("-- ", "    -- ")):
            above = line.partition("-- ")[2]
            continue
        if begins := _TABLE.match(line):
            table = begins[1]
            yield _comment(f"TABLE {table}", above)
        elif line.startswith(")"):
            table = ""
        elif table and (column := _COLUMN.match(line)) and (words := line.partition(" -- ")[2] or above):
            yield _comment(f"COLUMN {table}.{column[1]}", words)
        above = ""


def _comment(what: str, words: str) -> str:
    quoted = words.replace("'", "''")
    return f"COMMENT ON {what} IS '{quoted}'"
