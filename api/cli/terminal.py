"""The base of every command: the location of the database, and refusals as sentences."""

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TypeVar

import asyncpg
import click
import msgspec

from api.config import Settings, UnsafeConfiguration, load
from api.errors import GuildhallError, NotFound
from api.lib import snowflakes
from api.lib.private_files import replacing
from api.postgres.access import UnusableDatabase
from api.postgres.embedded.server import EmbeddedPostgresError
from api.postgres.failures import UNREACHABLE
from api.postgres.migrations import MigrationFailed
from api.postgres.provision import Located, locate, unreachable

T = TypeVar("T")


class Refused(click.ClickException):
    """An error that the person at the terminal can fix."""


class SnowflakeType(click.ParamType[int]):
    def __init__(self, name: str) -> None:
        """`name`: shown in the help of an option."""
        self.name = name

    def convert(self, value: str | int, param: click.Parameter | None, ctx: click.Context | None) -> int:
        found = snowflakes.parse(str(value))
        if found is None:
            self.fail(f"{value!r} {snowflakes.MESSAGE}", param, ctx)
        return found


def located(*, founding: bool = False) -> tuple[Settings, Located]:
    """The settings, with the database's address, and the location of the database. Only a `founding` command creates
    an embedded database if there is none: any other command may have been typed in the wrong folder."""
    try:
        settings = load()
        if settings.database_url is None and not founding and not (settings.data_path / "postgres").is_dir():
            raise Refused(
                f"There is no database in {settings.data_path}. Change to the folder in which Guildhall runs, "
                "or set GUILDHALL_DATA_DIR or DATABASE_URL."
            )
        found = locate(settings)
    except (UnsafeConfiguration, EmbeddedPostgresError) as error:
        raise Refused(str(error)) from None
    except OSError as error:
        raise Refused(f"The data folder cannot be used: {error}. Choose another with GUILDHALL_DATA_DIR.") from None
    return msgspec.structs.replace(settings, database_url=found.app_url, owner_database_url=found.owner_url), found


@contextmanager
def written(file: Path) -> Iterator[BinaryIO]:
    """A stream into a file that only its owner may read. The file appears when it is complete."""
    try:
        with replacing(file) as path, path.open("wb") as stream:
            yield stream
    except OSError as error:
        raise Refused(f"{file} cannot be written: {error.strerror}.") from None


def run(work: Coroutine[object, object, T]) -> T:
    """Runs a coroutine. Refusals of the database or of a service become `Refused` with a sentence."""
    try:
        return asyncio.run(work)
    except asyncpg.UndefinedTableError:
        raise Refused("The database lacks a table. Run `guildhall migrate` first.") from None
    except UNREACHABLE as error:
        raise Refused(unreachable(error)) from None
    except NotFound as error:
        has_detail = error.detail != NotFound.detail
        raise Refused(error.detail if has_detail else "There is nothing with this number.") from None
    except (GuildhallError, MigrationFailed, UnusableDatabase, ValueError) as error:
        raise Refused(str(error)) from None
