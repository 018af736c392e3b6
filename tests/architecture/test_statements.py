"""Where statements are built, and on which connection they run."""

import ast
from collections.abc import Iterator
from pathlib import Path

SOURCES = Path(__file__).parents[2]
TABLES = {
    node.name
    for path in (SOURCES / "tables").glob("*.py")
    for node in ast.walk(ast.parse(path.read_text()))
    if isinstance(node, ast.ClassDef)
}


def modules() -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted((SOURCES / "api").rglob("*.py")):
        yield path.relative_to(SOURCES), ast.parse(path.read_text())


def called(node: ast.AST) -> Iterator[str]:
    """The names of the functions that a block calls; for a method, its last part."""
    for each in ast.walk(node):
        if isinstance(each, ast.Call):
            if isinstance(each.func, ast.Name):
                yield each.func.id
            elif isinstance(each.func, ast.Attribute):
                yield each.func.attr


def tables_of(module: ast.Module) -> set[str]:
    """The names of tables in a module."""
    return {
        alias.asname or alias.name
        for node in ast.walk(module)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tables.")
        for alias in node.names
        if alias.name in TABLES
    }


def asks_piccolo(node: ast.AST, tables: set[str]) -> bool:
    """Whether a block has a query of Piccolo's, or calls a method of a table."""
    return any(
        isinstance(each, ast.Call)
        and isinstance(each.func, ast.Attribute)
        and isinstance(each.func.value, ast.Name)
        and each.func.value.id in tables
        for each in ast.walk(node)
    )


def test_nobody_holds_one_connection_and_waits_for_another() -> None:
    """Piccolo's queries run on the transaction's connection, or otherwise on one of their own. Within `async with
    database.connection()` that would be a second one: a full pool of such callers would block for ever."""
    found = []
    for path, module in modules():
        tables = tables_of(module)
        functions = (ast.FunctionDef, ast.AsyncFunctionDef)
        asking = {node.name for node in ast.walk(module) if isinstance(node, functions) and asks_piccolo(node, tables)}
        for node in ast.walk(module):
            if not isinstance(node, ast.AsyncWith):
                continue
            if "connection" not in {name for item in node.items for name in called(item.context_expr)}:
                continue
            found += [
                f"{path}:{each.lineno}"
                for each in node.body
                if asks_piccolo(each, tables) or asking & set(called(each))
            ]
    assert found == []
