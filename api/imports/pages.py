"""Takes JSON apart as it comes, piece by piece: never a whole file in memory. Pure.

It is cut into its rows by its brackets alone, and each batch of rows is decoded by msgspec. Streaming parsers
build what no row needs, and are no match for a stranger's file: docs/decisions/import-files.md."""

import re
from collections.abc import Callable, Iterable, Sequence

import msgspec

from api.imports.reading import BOM, Broken, Row, leniently, named

DEEPEST = 32
LARGEST_ROW = 1024 * 1024  # a text that is not whole is read again with each piece

_WHITE = b" \t\r\n"
_decode_any = leniently(msgspec.json.Decoder(dict[str, object]).decode)
decode_list = leniently(msgspec.json.Decoder(list[msgspec.Raw]).decode, skips_numbers=True)
_decode_map = leniently(msgspec.json.Decoder(dict[str, msgspec.Raw]).decode, skips_numbers=True)

_blanks = re.compile(rb'("[^"\\]*(?:\\.[^"\\]*)*")|[ \t\r\n]{2,}', re.DOTALL)

# A text that is not whole yet ends at the end of the buffer, and is read again with what follows.
_tokens = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)|[\[{]|[\]}]', re.DOTALL)


class Pages:
    """One JSON object, or an array of them: the rows are in one of the members `names` of each."""

    def __init__(self, names: Sequence[str], seen: Callable[[dict[str, object]], None] = lambda _page: None) -> None:
        """`seen` is handed each page without its rows."""
        self._keys = {b'"%s"' % name.encode() for name in names}
        self._names = names
        self._seen = seen
        self._buffer = b""
        self._at = 0  # up to here the buffer has been read
        self._open = b""  # the brackets that are open
        self._last = b""  # the text that came last
        self._within: int | None = None  # so many brackets are open around a row
        self._first = True
        self._rest = bytearray()  # the page without its rows
        self._start = 0  # from here on the buffer belongs to the rest, or to the rows
        self._pages = 0
        self._array = False
        self._started = False

    def feed(self, data: bytes) -> Iterable[Row]:
        self._buffer += data
        if not self._started:
            if len(self._buffer) < len(BOM):
                return
            self._buffer = self._buffer.removeprefix(BOM)
            self._started = True
        cut = None
        for token in _tokens.finditer(self._buffer, self._at):
            start, end = token.span()
            first = self._buffer[start]
            if first == 0x22:
                if self._buffer[end - 1] != 0x22 or end - start == 1 or self._is_unfinished(start, end):
                    break
                self._last = self._buffer[start:end]
                self._at = end
                continue
            self._at = end
            if first in b"[{":
                self._enter(start, first)
                continue
            if self._within == len(self._open):
                yield from self._cut(start)
                cut, self._within = None, None
                self._start = start
            self._leave(first)
            if self._within == len(self._open):
                cut = end
            elif len(self._open) == (1 if self._array else 0) and first == 0x7D:
                self._end_page(end)
            elif not self._open:
                self._end_array(start, end)
        else:
            self._at = len(self._buffer)
        if cut is not None:
            yield from self._cut(cut)
        self._reset()

    def close(self) -> Iterable[Row]:
        if not self._started:  # shorter than the mark that may come first
            self._started = True
            list(self.feed(b""))
        if self._open or (not self._pages and not self._array):
            raise Broken("The file ends before its JSON does." if self._open else "The file is not a JSON object.")
        if (bytes(self._rest) + self._buffer[self._start :]).strip(_WHITE):
            raise Broken("There is data after the end of the JSON.")
        if not self._pages:
            raise Broken("The file is an empty array.")
        return ()

    def _is_unfinished(self, start: int, end: int) -> bool:
        """Whether the quotation mark at the end is an escaped one, at the buffer's end."""
        if end != len(self._buffer):
            return False
        text = self._buffer[start + 1 : end - 1]
        return (len(text) - len(text.rstrip(b"\\"))) % 2 == 1

    def _enter(self, start: int, first: int) -> None:
        if not self._open and first == 0x5B:
            if self._pages or self._array:
                raise Broken("There is data after the end of the JSON.")
            self._separate(start, b"")
            self._array = True
            self._start = start + 1
        elif len(self._open) == (1 if self._array else 0):
            if first != 0x7B:
                raise Broken("A page of the file is not a JSON object.")
            self._separate(start, b"," if self._array and self._pages else b"")
            self._start = start
        elif len(self._open) == (2 if self._array else 1) and self._within is None and self._last in self._keys:
            self._rest += self._buffer[self._start : start + 1]
            self._start = start + 1
            self._within = len(self._open) + 1
            self._first = True
        self._open += b"[" if first == 0x5B else b"{"
        if len(self._open) > DEEPEST:
            raise Broken(f"The file is nested more than {DEEPEST} deep.")

    def _leave(self, first: int) -> None:
        if not self._open or (self._open[-1:] == b"[") != (first == 0x5D):
            raise Broken("The file is not JSON: a closing bracket has no opening one.")
        self._open = self._open[:-1]

    def _separate(self, start: int, expected: bytes) -> None:
        """What lies between two pages is white space, and a comma."""
        between = bytes(self._rest) + self._buffer[self._start : start]
        if between.strip(_WHITE) != expected or (not self._array and self._pages):
            raise Broken("The file is not JSON: there is something else between two objects.")
        self._rest.clear()

    def _cut(self, end: int) -> Iterable[Row]:
        """The rows up to there. They begin behind the last ones, with the comma between."""
        body = self._buffer[self._start : end].strip(_WHITE)
        self._start = end
        if not body:
            return
        if not self._first:
            if not body.startswith(b","):
                raise Broken("The file is not JSON: a comma is missing between two rows.")
            body = body[1:]
            if not body.strip(_WHITE):
                raise Broken("The file is not JSON: a row is missing after a comma.")
        self._first = False
        is_map = self._open[(self._within or 0) - 1 :][:1] == b"{"
        try:
            if is_map:
                for name, raw in _decode_map(b"{" + body + b"}").items():
                    yield name, bytes(raw)
            else:
                for raw in decode_list(b"[" + body + b"]"):
                    yield "", bytes(raw)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Broken(f"The file is not JSON: {_cause(error)}.") from None

    def _end_page(self, end: int) -> None:
        self._rest += self._buffer[self._start : end]
        self._start = end
        try:
            page = _decode_any(bytes(self._rest))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Broken(f"The file is not JSON: {_cause(error)}.") from None
        self._rest.clear()
        if not any(isinstance(page.get(name), dict | list) for name in self._names):
            raise Broken(
                f"The file has no list `{self._names[0]}`: it does not come from this source. Members "
                f"found: {named(page)}."
            )
        self._pages += 1
        self._seen(page)

    def _end_array(self, start: int, end: int) -> None:
        if (bytes(self._rest) + self._buffer[self._start : start]).strip(_WHITE):
            raise Broken("The file is not JSON: there is something else after its last object.")
        self._rest.clear()
        self._start = end

    def _reset(self) -> None:
        """Drops the part of the buffer that has been read."""
        if self._within is None:
            self._rest += self._buffer[self._start : self._at]
            self._start = self._at
        seen, self._buffer = self._buffer[self._start : self._at], self._buffer[self._at :]
        if len(seen) + len(self._buffer) > LARGEST_ROW:
            seen = _without_blanks(seen)
        if len(self._rest) > LARGEST_ROW:
            self._rest = bytearray(_without_blanks(self._rest))
        if len(seen) + len(self._buffer) > LARGEST_ROW or len(self._rest) > LARGEST_ROW:
            raise Broken(f"A part of the file is larger than {LARGEST_ROW // 1024**2} MiB.")
        self._buffer, self._at, self._start = seen + self._buffer, len(seen), 0


def _without_blanks(text: bytes | bytearray) -> bytes:
    """The same JSON with one space where there were many: only a value can be too large."""
    return _blanks.sub(lambda found: found[1] or b" ", bytes(text))


def _cause(error: Exception) -> str:
    return (
        "a byte is not UTF-8"
        if isinstance(error, UnicodeDecodeError)
        else str(error).removeprefix("JSON is malformed: ")
    )
