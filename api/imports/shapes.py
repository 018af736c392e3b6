"""Files as people have them: by its first bytes, where the rows of a file lie. Pure."""

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Literal

import msgspec

from api.imports.pages import LARGEST_ROW, Pages, decode_list
from api.imports.reading import BOM, Broken, Reader, Row, Table

Shape = Literal["pages", "rows", "lists", "table"]

_WHITE = b" \t\r\n"
_IDS = {"id", "user_id", "userId", "user"}  # one of these has a row, and no page

# Numbers may be of any length: they are not read.
_first = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str).raw_decode


class Shaped:
    """JSON pages whose rows lie in a list of each; or the rows alone, `[{…}, …]`; or lists of them, `[[{…}, …], …]`;
    or, where there is a `header`, CSV."""

    def __init__(
        self,
        names: Sequence[str],
        seen: Callable[[dict[str, object]], None],
        header: Callable[[list[str]], list[str]] | None = None,
    ) -> None:
        """`names`: what the list of rows of a page may be called; `seen` is handed each page without its rows."""
        self._names = names
        self._seen = seen
        self._header = header
        self._head = b""
        self._shape: Shape | None = None
        self._reader: Reader = Pages(names, seen)

    def feed(self, data: bytes) -> Iterable[Row]:
        return self._fed(data, whole=False)

    def close(self) -> Iterable[Row]:
        yield from self._fed(b"", whole=True)
        if self._shape in ("rows", "lists"):
            yield from self._rows(self._reader.feed(b"}"))
        yield from self._rows(self._reader.close())

    def _fed(self, data: bytes, *, whole: bool) -> Iterable[Row]:
        if self._shape is None:
            self._head += data
            if (text := self._head.removeprefix(BOM).strip(_WHITE)) in (b"", b"["):
                self._head = text  # blanks are no value, however many
            self._shape = self._detected(whole=whole)
            if self._shape is None:
                return
            data = self._head
            if self._shape == "table" and self._header is not None:
                self._reader = Table(self._header)
            elif self._shape in ("rows", "lists"):  # as the list of one page
                data = b'{"%s":' % self._names[0].encode() + data.removeprefix(BOM)
        yield from self._rows(self._reader.feed(data))

    def _detected(self, *, whole: bool) -> Shape | None:
        """What the beginning says; None while it says nothing yet."""
        text = self._head.removeprefix(BOM).lstrip(_WHITE)
        is_decided = whole or len(self._head) > LARGEST_ROW
        if len(self._head) < len(BOM) + 1 or not text:
            return "pages" if is_decided else None
        if text[:1] not in b"[{" and self._header is not None:
            return "table"
        rest = text[1:].lstrip(_WHITE)
        if text[:1] != b"[" or (rest and rest[:1] not in b"[{"):
            return "pages"
        if rest[:1] == b"[":
            return "lists"
        try:
            found, _ = _first(rest.decode("utf-8", "ignore"))
        except ValueError:
            return "pages" if is_decided else None  # it is not whole yet
        except RecursionError:
            return "pages"
        return "rows" if _IDS & found.keys() and not found.keys() & set(self._names) else "pages"

    def _rows(self, rows: Iterable[Row]) -> Iterable[Row]:
        if self._shape != "lists":
            yield from rows
            return
        for row in rows:
            try:
                inner = decode_list(row[1]) if isinstance(row, tuple) else []
            except msgspec.DecodeError:
                raise Broken("The file is a list of lists, but one of its items is not a list.") from None
            for raw in inner:
                yield "", bytes(raw)
