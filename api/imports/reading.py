"""Takes files of lines apart as they come, piece by piece: never a whole file in memory. Pure."""

import codecs
import csv
import io
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol, TypeVar

import msgspec

from api.lib.bounds import LONGEST_NUMBER, has_endless_number
from api.lib.text import without_halves

LARGEST_ROW = 4 * 1024 * 1024

BOM = b"\xef\xbb\xbf"
# A row: the bytes of its JSON, with the name that it has in its object ("" in an array), or the cells of a line.
Row = tuple[str, bytes] | Mapping[str, str]


T = TypeVar("T")


def mended(raw: bytes) -> bytes:
    """JSON without what no text may hold: bytes that are not UTF-8, and halves of a surrogate pair."""
    return without_halves(raw.decode("utf-8", "ignore").encode())


def leniently(decoder: Callable[[bytes], T], *, skips_numbers: bool = False) -> Callable[[bytes], T]:
    """The same decoder, which reads again what no text may hold without it. A number without end is refused, unless
    the decoder `skips_numbers` anyway."""

    def decode(raw: bytes) -> T:
        if not skips_numbers and has_endless_number(raw):
            raise msgspec.DecodeError(f"a number has more than {LONGEST_NUMBER} digits")
        try:
            return decoder(raw)
        except (msgspec.DecodeError, UnicodeDecodeError):
            again = mended(raw)
            if again == raw:
                raise
            return decoder(again)

    return decode


def named(names: Iterable[str]) -> str:
    """The first few names, as a sentence has them."""
    found = [f"`{name[:64]}`" for name in names]
    return ", ".join(found[:10]) + (", …" if len(found) > 10 else "") or "none"


class Broken(Exception):
    """The file as a whole cannot be read on; the sentence says why."""


class Reader(Protocol):
    """Reads one file. Raises `Broken`."""

    def feed(self, data: bytes) -> Iterable[Row]:
        """The rows that are whole with these bytes."""

    def close(self) -> Iterable[Row]:
        """The rows that were left when the file ended."""


class Lines:
    """A JSON text in each line."""

    def __init__(self) -> None:
        self._left = b""
        self._started = False

    def feed(self, data: bytes) -> Iterable[Row]:
        lines = (self._left + data).split(b"\n")
        if not self._started and len(lines) > 1:
            lines[0] = lines[0].removeprefix(BOM)
            self._started = True
        self._left = lines.pop()
        if len(self._left) > LARGEST_ROW:
            self._left = self._left.strip()  # blanks are no row
        if len(self._left) > LARGEST_ROW:
            raise Broken(f"A line of the file is larger than {LARGEST_ROW // 1024**2} MiB.")
        return [("", line) for line in lines if line.strip()]

    def close(self) -> Iterable[Row]:
        left = self._left if self._started else self._left.removeprefix(BOM)
        return [("", left)] if left.strip() else []


# The one member of a row that has more cells than the header: what is wrong with it. No header has such a name.
SURPLUS = "\0"
csv.field_size_limit(LARGEST_ROW)  # 128 KiB by default; one cell above that would refuse the whole file
_DELIMITERS = (",", ";", "\t")
_separator = re.compile(r'"?sep=([,;|\t])"?\r?(?:\n|\Z)', re.IGNORECASE).match


class Table:
    """CSV with a header: each row by the header's names. Cells are parted by what parts the names."""

    def __init__(self, header: Callable[[list[str]], list[str]]) -> None:
        """`header`: what the names of a header mean; raises `Broken`."""
        self._header = header
        self._text: codecs.IncrementalDecoder | None = None
        self._first = b""
        self._delimiter: str | None = None
        self._left = ""
        self._names: list[str] | None = None

    def feed(self, data: bytes) -> Iterable[Row]:
        text = self._left + self._decoded(data)
        end = self._whole(text)
        self._left = text[end:]
        if len(self._left) > LARGEST_ROW:
            raise Broken("A quotation mark is never closed, or a line is larger than 4 MiB.")
        return self._rows(text[:end])

    def close(self) -> Iterable[Row]:
        text = self._left + self._decoded(b"", final=True)
        if text.count('"') % 2:
            raise Broken("A quotation mark is never closed.")
        found = list(self._rows(text))
        if self._names is None:
            raise Broken("The file is empty: it has no header.")
        return found

    def _decoded(self, data: bytes, *, final: bool = False) -> str:
        """Decodes UTF-8 or UTF-16, by the first bytes. Bytes that are no text are replaced: they may be part of a name,
        and at most their own row is refused."""
        if self._text is None:
            self._first += data
            if len(self._first) < 2 and not final:
                return ""
            data, kind = self._first, "utf-8-sig"
            if data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
                kind = "utf-16"
            elif 0 in data[:2]:
                kind = "utf-16-be" if data[0] == 0 else "utf-16-le"
            self._text = codecs.getincrementaldecoder(kind)("replace")
        return self._text.decode(data, final)

    @staticmethod
    def _whole(text: str) -> int:
        """Where the last line ends that is no part of a quoted text."""
        end = text.rfind("\n") + 1
        marks = text.count('"', 0, end)
        while end and marks % 2:  # no line ends outside between the last mark and here
            before = text.rfind("\n", 0, text.rfind('"', 0, end)) + 1
            marks -= text.count('"', before, end)
            end = before
        return end

    def _rows(self, text: str) -> Iterable[Row]:
        if self._names is None:
            text = self._begun(text)
        try:
            for cells in csv.reader(io.StringIO(text, newline=""), delimiter=self._delimiter or ",", strict=True):
                if not any(cells):
                    continue
                if self._names is None:
                    self._names = self._header([cell.strip().lower() for cell in cells])
                elif len(cells) > len(self._names):
                    yield {SURPLUS: f"has {len(cells)} cells, and the header has {len(self._names)}"}
                else:
                    yield dict(zip(self._names, (cell.strip() for cell in cells), strict=False))
        except csv.Error as error:
            raise Broken(f"The file is not CSV: {error}.") from None

    def _begun(self, text: str) -> str:
        """Finds out what parts the cells: `sep=;` may say so, else what parts the names most. Gives the rest."""
        text = text.lstrip(" \r\n")
        if (declared := _separator(text)) is not None:
            self._delimiter = declared[1]
            return text[declared.end() :].lstrip(" \r\n")
        if self._delimiter is None and text:
            self._delimiter = max(_DELIMITERS, key=text.partition("\n")[0].count)
        return text
