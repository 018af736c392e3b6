"""Takes files of lines apart as they come, piece by piece: never a whole file in memory. Pure."""

import codecs
import csv
import io
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

LARGEST_ROW = 4 * 1024 * 1024

BOM = b"\xef\xbb\xbf"
# A row: the bytes of its JSON, with the name that it has in its object ("" in an array), or the cells of a line.
Row = tuple[str, bytes] | Mapping[str, str]


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
            raise Broken(f"A line of the file is larger than {LARGEST_ROW // 1024**2} MiB.")
        return [("", line) for line in lines if line.strip()]

    def close(self) -> Iterable[Row]:
        left = self._left if self._started else self._left.removeprefix(BOM)
        return [("", left)] if left.strip() else []


class Table:
    """CSV with a header: each row by the header's names."""

    def __init__(self, check: Callable[[list[str]], str | None]) -> None:
        """`check`: what is wrong with a header, None if nothing is."""
        self._check = check
        self._text = codecs.getincrementaldecoder("utf-8-sig")()
        self._left = ""
        self._names: list[str] | None = None

    def feed(self, data: bytes) -> Iterable[Row]:
        try:
            text = self._left + self._text.decode(data)
        except UnicodeDecodeError:
            raise Broken("The file is not UTF-8.") from None
        end = self._whole(text)
        self._left = text[end:]
        if len(self._left) > LARGEST_ROW:
            raise Broken("A quotation mark is never closed, or a line is larger than 4 MiB.")
        return self._rows(text[:end])

    def close(self) -> Iterable[Row]:
        try:
            text = self._left + self._text.decode(b"", final=True)
        except UnicodeDecodeError:
            raise Broken("The file is not UTF-8.") from None
        if text.count('"') % 2:
            raise Broken("A quotation mark is never closed.")
        found = list(self._rows(text))
        if self._names is None:
            raise Broken("The file is empty: it has no header.")
        return found

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
        try:
            for cells in csv.reader(io.StringIO(text, newline=""), strict=True):
                if not any(cells):
                    continue
                if self._names is None:
                    self._names = [cell.strip().lower() for cell in cells]
                    if (fault := self._check(self._names)) is not None:
                        raise Broken(fault)
                    continue
                yield dict(zip(self._names, (cell.strip() for cell in cells), strict=False))
        except csv.Error as error:
            raise Broken(f"The file is not CSV: {error}.") from None
