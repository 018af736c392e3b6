"""No row of a file holds the event loop for long, whatever stands in it: a line may have 4 MiB."""

import json
import threading
from collections.abc import Callable

import httpx2
import pytest

from api.imports import decoding
from api.imports.decoding import MOST_VALUES
from api.imports.reading import leniently
from tests.imports.files import counts, event, imported, lines, mee6_page, mee6_player
from tests.support.people import ADA

HEAD = {"guildhall": 1}
WIDE = {
    "/roles/items": {"roles": {"items": [{"id": str(n + 1), "name": "r"} for n in range(MOST_VALUES)]}},
    "/member": {"member": {"user_id": "1", "xp": 1, "custom_stats": {f"stat_{n}": n for n in range(MOST_VALUES)}}},
    "/event_ids/ids": {"event_ids": {"week": "2026-11-02", "ids": [str(n) for n in range(MOST_VALUES)]}},
    "/settings": {"settings": {"module": "leveling", "overrides": {f"m{n}": n for n in range(MOST_VALUES)}}},
}


async def test_a_row_has_so_many_values(bot: httpx2.AsyncClient) -> None:
    """Counted before it is decoded; what is beside it is taken."""
    week = {"event_ids": {"week": "2026-11-02", "ids": [str(n) for n in range(10_000)]}}
    found = await imported(bot, "guildhall", lines(HEAD, *WIDE.values(), week))
    assert (found["status"], found["counts"]) == ("finished", counts(5, 1, 0, 4))
    assert [row["pointer"] for row in found["refused"]] == list(WIDE)
    assert {row["message"] for row in found["refused"]} == {"holds more than 20,000 values, with the rest of its row"}
    wide = event(1, "2026-11-01T00:00:00Z", role_ids=["1"] * MOST_VALUES)
    found = await imported(bot, "events", lines(wide, event(2, "2026-11-01T00:00:00Z")))
    assert (found["counts"], found["refused"][0]["pointer"]) == (counts(2, 1, 0, 1), "/role_ids")


@pytest.mark.parametrize(
    ("source", "file"),
    [
        ("guildhall", lines(HEAD, {"member": {"user_id": str(ADA), "xp": 1}})),
        ("events", lines(event(1, "2026-11-01T00:00:00Z"))),
        ("mee6", json.dumps(mee6_page(mee6_player())).encode()),
    ],
)
async def test_rows_are_read_beside_the_loop(
    bot: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch, source: str, file: bytes
) -> None:
    here, readers = threading.get_ident(), set[bool]()

    def note(decoder: Callable[[bytes], object]) -> Callable[[bytes], object]:
        def decode(raw: bytes) -> object:
            if b"guildhall" not in raw:  # the first line says what the file is
                readers.add(threading.get_ident() == here)
            return leniently(decoder)(raw)

        return decode

    monkeypatch.setattr(decoding, "leniently", note)
    assert (await imported(bot, source, file))["counts"] == counts(1, 1)
    assert readers == {False}
