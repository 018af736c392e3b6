"""The lines of a guild's export, read and checked one by one."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

import msgspec

from api.imports.decoding import Refused, decoded
from api.imports.lines import VERSION, Header, Line, Read
from api.imports.reading import Broken, Lines, Row
from api.imports.timestamps import to_utc, untimely
from api.imports.work import Numbered
from api.lib.faults import Fault
from api.lib.whole_numbers import decoder

_line: Callable[[bytes], Line] = decoder(Line)

_header: Callable[[bytes], Header] = msgspec.json.Decoder(Header).decode


class Headed:
    """Lines, the first of which says what the file is."""

    def __init__(self) -> None:
        self._lines = Lines()
        self._is_begun = False

    def feed(self, data: bytes) -> Iterable[Row]:
        return self._without_header(self._lines.feed(data))

    def close(self) -> Iterable[Row]:
        yield from self._without_header(self._lines.close())
        if not self._is_begun:
            raise Broken("The file is empty: it has no header.")

    def _without_header(self, rows: Iterable[Row]) -> Iterable[Row]:
        for row in rows:
            if self._is_begun:
                yield row
                continue
            try:
                header = decoded(row[1] if isinstance(row, tuple) else b"", _header)
            except Refused:
                raise Broken(
                    'The file is not an export of a guild: its first line is not `{"guildhall": 1, …}`.'
                ) from None
            if header.guildhall != VERSION:
                raise Broken(f"The export has version {header.guildhall}, but this server reads version {VERSION}.")
            self._is_begun = True


def read_all(batch: Sequence[Numbered], now: datetime) -> list[Read]:
    """Parses lines in a thread: a line may have 4 MiB."""
    return [_read(number, row, now) for number, row in batch]


def _read(number: int, row: Row, now: datetime) -> Read:
    try:
        line = decoded(row[1] if isinstance(row, tuple) else b"", _line)
    except Refused as refused:
        return Read(number, "refused", refused.fault)
    given = [name for name in Line.__struct_fields__ if getattr(line, name) is not None]
    if len(given) != 1:
        return Read(number, "refused", Fault("", "needs exactly one member"))
    item = getattr(line, given[0])
    if (fault := untimely(item, now.date()) or to_utc(item, now)) is not None:
        return Read(number, "refused", Fault(f"/{given[0]}{fault.pointer}", fault.message))
    return Read(number, given[0], item)
