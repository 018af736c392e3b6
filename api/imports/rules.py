"""What a row of each source says. Pure."""

import math
import re
from collections.abc import Callable, Mapping
from typing import TypeVar

import msgspec

from api.imports.dtos import Mode, Source
from api.imports.pages import Pages
from api.imports.reading import Lines, Reader, Row, Table
from api.lib import snowflakes
from api.lib.faults import Fault, pointer
from api.lib.json import JsonValue
from api.lib.snowflakes import Snowflake

MAX_XP = 2**53

JSON, CSV, NDJSON = "application/json", "text/csv", "application/x-ndjson"

MEDIA_TYPES: Mapping[Source, str] = {
    "mee6": JSON,
    "amari": JSON,
    "tatsu": JSON,
    "lurkr": JSON,
    "polaris": JSON,
    "csv": CSV,
    "guildhall": NDJSON,
    "events": NDJSON,
}

T = TypeVar("T")

Number = int | float
_number = re.compile(r"[0-9]{1,40}(\.[0-9]{1,40})?", re.ASCII).fullmatch


class Refused(Exception):
    """A row that cannot be taken, and why."""

    def __init__(self, pointer: str, message: str) -> None:
        super().__init__(message)
        self.fault = Fault(pointer, message)


class Told(msgspec.Struct, frozen=True):
    """What a row says of a member; None is left alone."""

    user_id: int
    xp: int | None = None
    level: int | None = None
    messages: int | None = None
    hidden: bool = False


class Mee6Player(msgspec.Struct, frozen=True):
    id: Snowflake
    xp: Number | None = None
    level: Number | None = None
    message_count: Number | None = None
    detailed_xp: JsonValue = None  # XP within the level, cost of the next, total: looked at only without `xp`


class AmariMember(msgspec.Struct, frozen=True):
    id: Snowflake
    exp: Number | None = None
    level: Number | None = None


class TatsuRanking(msgspec.Struct, frozen=True):
    user_id: Snowflake
    score: Number | None = None


class LurkrUser(msgspec.Struct, frozen=True):
    id: Snowflake


class LurkrLevel(msgspec.Struct, frozen=True, rename="camel"):
    user_id: Snowflake | None = None
    user: LurkrUser | None = None
    xp: Number | None = None
    level: Number | None = None
    message_count: Number | None = None


class PolarisUser(msgspec.Struct, frozen=True):
    xp: Number | None = None
    hidden: bool | None = None


def decoded(raw: bytes, decoder: Callable[[bytes], T]) -> T:
    """A row as its struct. Raises `Refused`."""
    try:
        return decoder(raw)
    except msgspec.ValidationError as error:
        raise Refused(*_fault(str(error))) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        said = str(error).removeprefix("JSON is malformed: ") if isinstance(error, msgspec.DecodeError) else "bad text"
        raise Refused("", f"is not readable JSON: {said}") from None


_named = re.compile(r"(?:unknown|required) field `(.*)`")
_place = re.compile(r"\[(\d+|\.\.\.)\]")


def _fault(message: str) -> tuple[str, str]:
    """msgspec's own message: `Expected …, got … - at `$.items[0].id``."""
    text, _, where = message.partition(" - at `")
    path = _place.sub(r".\1", where.rstrip("`").removeprefix("$").removeprefix("key in $")).replace(".", "/")
    if (name := _named.search(text)) is not None:
        path += pointer([name[1]])
        text = "is required" if "required" in text else "is not known here"
    return path, text[:1].lower() + text[1:]


def _decoder(kind: type[T]) -> Callable[[bytes], T]:
    return msgspec.json.Decoder(kind, dec_hook=snowflakes.decode).decode


_mee6, _amari, _tatsu = _decoder(Mee6Player), _decoder(AmariMember), _decoder(TatsuRanking)
_lurkr, _polaris = _decoder(LurkrLevel), _decoder(PolarisUser)


def mee6(raw: bytes) -> Told:
    player = decoded(raw, _mee6)
    xp, where = player.xp, "/xp"
    if xp is None and isinstance(player.detailed_xp, list) and len(player.detailed_xp) > 2:
        total, where = player.detailed_xp[2], "/detailed_xp/2"
        if isinstance(total, bool) or not isinstance(total, int | float):
            raise Refused(where, "is not a number")
        xp = total
    return Told(
        int(player.id), whole(xp, where), whole(player.level, "/level"), whole(player.message_count, "/message_count")
    )


def amari(raw: bytes) -> Told:
    member = decoded(raw, _amari)
    return Told(int(member.id), whole(member.exp, "/exp"), whole(member.level, "/level"))


def tatsu(raw: bytes) -> Told:
    ranking = decoded(raw, _tatsu)
    return Told(int(ranking.user_id), whole(ranking.score, "/score"))


def lurkr(raw: bytes) -> Told:
    level = decoded(raw, _lurkr)
    user_id = level.user_id or (level.user.id if level.user is not None else None)
    if user_id is None:
        raise Refused("/userId", "is required, or `user` with its `id`")
    return Told(
        int(user_id), whole(level.xp, "/xp"), whole(level.level, "/level"), whole(level.message_count, "/messageCount")
    )


def polaris(name: str, raw: bytes) -> Told:
    user = decoded(raw, _polaris)
    user_id = snowflakes.parse(name)
    if user_id is None:
        raise Refused("", f"`{name[:64]}` {snowflakes.MESSAGE}")
    return Told(user_id, whole(user.xp, "/xp"), hidden=bool(user.hidden))


def cells(row: Mapping[str, str]) -> Told:
    """A line of CSV. An empty cell says nothing."""
    user_id = snowflakes.parse(row.get("user_id", ""))
    if user_id is None:
        raise Refused("/user_id", snowflakes.MESSAGE)
    numbers = {name: whole(_parsed(row.get(name, ""), name), f"/{name}") for name in ("xp", "level", "messages")}
    return Told(user_id, numbers["xp"], numbers["level"], numbers["messages"])


def header_fault(names: list[str]) -> str | None:
    """What is wrong with the header of a CSV file."""
    if "user_id" not in names:
        return "The header of the file has no `user_id`. It looks like `user_id,xp,level,messages`."
    if not {"xp", "level", "messages"} & set(names):
        return "The header of the file has neither `xp` nor `level` nor `messages`."
    repeated = next((name for name in names if name and names.count(name) > 1), None)
    return None if repeated is None else f"The header of the file names `{repeated[:64]}` twice."


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
_ROWS: Mapping[Source, tuple[str, Callable[[bytes], Told]]] = {
    "mee6": ("players", mee6),
    "amari": ("data", amari),
    "tatsu": ("rankings", tatsu),
    "lurkr": ("levels", lurkr),
}


def reader_of(source: Source, seen: Callable[[dict[str, object]], None] = lambda _page: None) -> Reader:
    """What takes apart a file of this source; `seen` is handed each JSON page, without its rows."""
    if source == "csv":
        return Table(header_fault)
    if source in ("events", "guildhall"):
        return Lines()
    return Pages("users" if source == "polaris" else _ROWS[source][0], seen)


def told(source: Source, row: Row) -> Told:
    """What a row says. Raises `Refused`."""
    if not isinstance(row, tuple):
        return cells(row)
    name, raw = row
    return polaris(name, raw) if source == "polaris" else _ROWS[source][1](raw)


def merged(mode: Mode, before: int, given: int) -> int:
    """What becomes of a number that is there."""
    match mode:
        case "set":
            return given
        case "add":
            return min(before + given, MAX_XP)
        case "max":
            return max(before, given)
