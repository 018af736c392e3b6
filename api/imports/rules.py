"""What a row of each source says. Pure."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import msgspec

from api.imports.decoding import Refused, decoded
from api.imports.dtos import Mode, Source
from api.imports.reading import SURPLUS, Broken, Lines, Reader, Row, Table, named
from api.imports.rows import (
    AmariMember,
    ImportedMember,
    LurkrLevel,
    Mee6Player,
    Number,
    PolarisUser,
    TatsuRanking,
    names_in_file,
)
from api.imports.shapes import Shaped
from api.lib import snowflakes
from api.lib.faults import pointer
from api.members.names import GivenNames
from api.settings.curves import MAX_XP

JSON, CSV, NDJSON = "application/json", "text/csv", "application/x-ndjson"

MEDIA_TYPES: Mapping[Source, tuple[str, ...]] = {
    "mee6": (JSON,),
    "amari": (JSON,),
    "tatsu": (JSON,),
    "lurkr": (JSON,),
    "polaris": (JSON, CSV),
    "csv": (CSV,),
    "guildhall": (NDJSON,),
    "events": (NDJSON,),
}

T = TypeVar("T")

_number = re.compile(r"[0-9]{1,40}(\.[0-9]{1,40})?", re.ASCII).fullmatch


def _decoder(kind: type[T]) -> Callable[[bytes], T]:
    return msgspec.json.Decoder(kind, dec_hook=snowflakes.decode).decode


_mee6, _amari, _tatsu = _decoder(Mee6Player), _decoder(AmariMember), _decoder(TatsuRanking)
_lurkr, _polaris = _decoder(LurkrLevel), _decoder(PolarisUser)


def mee6(raw: bytes) -> ImportedMember:
    player = decoded(raw, _mee6)
    xp, where = player.xp, "/xp"
    if xp is None and isinstance(player.detailed_xp, list) and len(player.detailed_xp) > 2:
        total, where = player.detailed_xp[2], "/detailed_xp/2"
        if isinstance(total, bool) or not isinstance(total, int | float):
            raise Refused(where, "is not a number")
        xp = total
    return ImportedMember(
        int(player.id),
        whole(xp, where),
        whole(player.level, "/level"),
        whole(player.message_count, "/message_count"),
        names=names_in_file(player.username, avatar=player.avatar),
    )


def amari(raw: bytes) -> ImportedMember:
    member = decoded(raw, _amari)
    xp, level = whole(member.exp, "/exp"), whole(member.level, "/level")
    return ImportedMember(int(member.id), xp, level, names=names_in_file(member.username))


def tatsu(raw: bytes) -> ImportedMember:
    ranking = decoded(raw, _tatsu)
    return ImportedMember(int(ranking.user_id), whole(ranking.score, "/score"))


def lurkr(raw: bytes) -> ImportedMember:
    level = decoded(raw, _lurkr)
    user = level.user
    user_id = level.user_id or (None if user is None else user.id)
    if user_id is None:
        raise Refused("/userId", "is required, or `user` with its `id`")
    return ImportedMember(
        int(user_id),
        whole(level.xp, "/xp"),
        whole(level.level, "/level"),
        whole(level.message_count, "/messageCount"),
        names=GivenNames() if user is None else names_in_file(user.username, user.global_name, user.avatar),
    )


def polaris(name: str, raw: bytes) -> ImportedMember:
    user = decoded(raw, _polaris)
    user_id = snowflakes.parse(name) if name or user.id is None else int(user.id)
    if user_id is None:
        raise Refused(pointer([name[:64] or "id"]), snowflakes.MESSAGE if name else "is required")
    names = names_in_file(user.username, user.display_name)
    return ImportedMember(user_id, whole(user.xp, "/xp"), hidden=bool(user.hidden), names=names)


def cells(row: Mapping[str, str]) -> ImportedMember:
    """A line of CSV. An empty cell says nothing."""
    if SURPLUS in row:
        raise Refused("", row[SURPLUS])
    user_id = snowflakes.parse(row.get("user_id", ""))
    if user_id is None:
        raise Refused("/user_id", snowflakes.MESSAGE)
    numbers = {name: whole(_parsed(row.get(name, ""), name), f"/{name}") for name in ("xp", "level", "messages")}
    names = names_in_file(row.get("username"), row.get("display_name"), row.get("avatar"))
    return ImportedMember(user_id, numbers["xp"], numbers["level"], numbers["messages"], names=names)


# What other bots call a column.
_COLUMNS: Mapping[str, str] = {
    "userid": "user_id",
    "user id": "user_id",
    "id": "user_id",
    "total xp": "xp",
    "name": "username",
    "display name": "display_name",
}


def header(names: list[str]) -> list[str]:
    """The columns of a CSV file, by our names. Raises `Broken`."""
    known = [_COLUMNS[name] if name in _COLUMNS and _COLUMNS[name] not in names else name for name in names]
    if "user_id" not in known:
        raise Broken(
            "The header of the file has no `user_id`. It looks like `user_id,xp,level,messages`; columns found:"
            f" {named(names)}."
        )
    if not {"xp", "level", "messages"} & set(known):
        raise Broken(
            f"The header of the file has neither `xp` nor `level` nor `messages`; columns found: {named(names)}."
        )
    repeated = next((name for name in known if name and known.count(name) > 1), None)
    if repeated is not None:
        raise Broken(f"The header of the file names `{repeated[:64]}` twice.")
    return known


def _parsed(text: str, name: str) -> Number | None:
    if not text:
        return None
    if _number(text.removeprefix("-")) is None:
        raise Refused(f"/{name}", "is not a number")
    return float(text) if "." in text else int(text)


def whole(number: Number | None, where: str) -> int | None:
    """The number without its fraction. Raises `Refused` for one below 0 or above 2^53."""
    if number is None:
        return None
    if number < 0:
        raise Refused(where, "is less than 0")
    if number > MAX_XP:
        raise Refused(where, "is more than 2^53")
    return math.floor(number)


# By source: what reads the file, and what reads a row of it.
_ROWS: Mapping[Source, tuple[Sequence[str], Callable[[bytes], ImportedMember]]] = {
    "mee6": (["players"], mee6),
    "amari": (["data", "members"], amari),
    "tatsu": (["rankings"], tatsu),
    "lurkr": (["levels"], lurkr),
}


def reader_of(source: Source, seen: Callable[[dict[str, object]], None] = lambda _page: None) -> Reader:
    """What takes apart a file of this source; `seen` is handed each JSON page, without its rows."""
    if source == "csv":
        return Table(header)
    if source in ("events", "guildhall"):
        return Lines()
    return Shaped(["users"], seen, header) if source == "polaris" else Shaped(_ROWS[source][0], seen)


def parse(source: Source, row: Row) -> ImportedMember:
    """What a row says. Raises `Refused`."""
    if not isinstance(row, tuple):
        return cells(row)
    name, raw = row
    return polaris(name, raw) if source == "polaris" else _ROWS[source][1](raw)


def merged(mode: Mode, before: int, given: int) -> int:
    """The number that replaces `before`."""
    match mode:
        case "set":
            return given
        case "add":
            return min(before + given, MAX_XP)
        case "max":
            return max(before, given)
