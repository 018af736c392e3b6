"""Keys of event ids: what counts once, in this week, in the last one, and after an import; and ids from before there
were keys."""

from datetime import timedelta

import asyncpg
import httpx2
import pytest

import piccolo_conf
from api.activity.event_keys import id_of, key_of, spans
from api.postgres.migrations import migrate, roll_back
from api.postgres.provision import OWNER
from tests.activity.test_record import Json, message, record
from tests.imports.files import event, imported, lines
from tests.operation.servers import PROCESS
from tests.support import cluster
from tests.support.clock import MovableClock
from tests.support.people import HARBOUR, QUARRY

SNOWFLAKES = ["1", "42", "1175928847299117063", str(2**63 - 1)]
TEXTS = ["0", "007", str(2**63), "9" * 19, "1" * 20, "-1", "1.0", "٣", "r-1175-👍", "Ω" * 64, "a", "A"]

BEFORE = "2026-11-30T20:20:00:000000"


def test_a_snowflake_is_its_own_key() -> None:
    assert [id_of(key_of(id_)) for id_ in SNOWFLAKES] == SNOWFLAKES
    assert [id_of(key_of(id_)) for id_ in TEXTS] == [None] * len(TEXTS)
    assert len({key_of(id_) for id_ in SNOWFLAKES + TEXTS}) == len(SNOWFLAKES + TEXTS)


def test_snowflakes_sort_by_number_and_before_texts() -> None:
    ordered = sorted(key_of(id_) for id_ in SNOWFLAKES + TEXTS)
    assert ordered[:4] == [key_of(id_) for id_ in SNOWFLAKES]
    numbers, texts = spans(ordered)
    assert (numbers.size, numbers.first, texts.size, texts.first) == (4, ordered[0], len(TEXTS), ordered[4])
    assert all(numbers.first <= key <= numbers.last for key in ordered[:4])
    assert all(texts.first <= key <= texts.last for key in ordered[4:])
    assert [span.size for span in spans(ordered[:4])] == [4]
    assert [span.size for span in spans(ordered[4:])] == [len(TEXTS)]
    assert spans([]) == []


def _sent(answer: Json) -> tuple[int, int]:
    return answer["accepted"], answer["duplicates"]


@pytest.mark.parametrize("days", [0, 1, 3, 6])
async def test_an_id_counts_once_for_a_week(bot: httpx2.AsyncClient, clock: MovableClock, days: int) -> None:
    """Whichever time the second one claims, and whether greater ones are known or not."""
    clock.put(clock.start - timedelta(days=clock.start.weekday() + 1))  # a Sunday
    first = ["50", "70", "x", "y", str(2**63 - 1)]
    assert _sent(await record(bot, *(message(id_) for id_ in first))) == (5, 0)
    clock.move(days=days)
    assert _sent(await record(bot, *(message(id_) for id_ in first))) == (0, 5)
    new = ["49", "51", "71", "z", "007"]
    assert _sent(await record(bot, *(message(id_) for id_ in first + new))) == (5, 5)
    answers = [_sent(await record(bot, message(id_))) for id_ in first + new]
    assert answers == [(0, 1)] * 10
    assert _sent(await record(bot, message("50"), guild_id=QUARRY)) == (1, 0)


async def test_imported_ids_are_known(bot: httpx2.AsyncClient) -> None:
    old = "2020-01-01T00:00:00Z"
    file = lines(*({**event(1, old), "id": id_} for id_ in ("50", "70", "x")))
    await imported(bot, "events", file)
    assert _sent(await record(bot, *(message(id_) for id_ in ("49", "50", "60", "70", "71", "x", "y")))) == (4, 3)
    assert (await imported(bot, "events", file))["counts"]["unchanged"] == 3
    assert _sent(await record(bot, message("50"), guild_id=QUARRY)) == (1, 0)


async def test_an_export_keeps_what_counted(bot: httpx2.AsyncClient) -> None:
    """Hashes and snowflakes of now, and texts of exports from before there were hashes."""
    await record(bot, *(message(id_) for id_ in ("50", "x", "007")))
    await imported(bot, "guildhall", (await bot.get(f"/v1/guilds/{HARBOUR}/export")).content, QUARRY)
    assert _sent(await record(bot, *(message(id_) for id_ in ("50", "x", "007", "7")), guild_id=QUARRY)) == (1, 3)
    old = {"event_ids": {"week": "9999-12-27", "ids": ["60", "old-1"]}}
    assert (await imported(bot, "guildhall", lines({"guildhall": 1}, old), QUARRY))["counts"]["imported"] == 1
    assert _sent(await record(bot, *(message(id_) for id_ in ("60", "old-1", "old-2")), guild_id=QUARRY)) == (1, 2)


@pytest.mark.parametrize("wrong", ["", "g" * 32, "7" + "f" * 31, "f" * 31, "F" * 32, "f" * 32 + "\n"])
async def test_what_is_no_digest_is_refused(bot: httpx2.AsyncClient, wrong: str) -> None:
    file = lines({"guildhall": 1}, {"event_ids": {"week": "2020-01-06", "digests": ["f" * 32, wrong]}})
    (refused,) = (await imported(bot, "guildhall", file))["refused"]
    assert refused["pointer"] == "/event_ids/digests/1"


async def test_ids_from_before_are_known_after_the_migration() -> None:
    name = f"keyed_{PROCESS}"
    await cluster.clone(name, template=None)
    url = cluster.url(OWNER, name)
    try:
        await migrate(piccolo_conf.DB, url)
        await roll_back(piccolo_conf.DB, url, BEFORE)
        connection = await asyncpg.connect(url)
        await connection.execute("SELECT guildhall_make_part('activity_ids', '2026-11-30')")
        await connection.execute(
            "INSERT INTO activity_ids SELECT 1, id, week FROM unnest($1::text[]) AS id,"
            " unnest('{2026-11-30, 9999-12-27}'::date[]) AS week",
            SNOWFLAKES + TEXTS,
        )
        await migrate(piccolo_conf.DB, url)
        rows = await connection.fetch("SELECT id, count(*) FROM activity_ids GROUP BY id")
        assert {row[0].hex: row[1] for row in rows} == {key_of(id_): 2 for id_ in SNOWFLAKES + TEXTS}
        await roll_back(piccolo_conf.DB, url, BEFORE)
        left = {row[0] for row in await connection.fetch("SELECT id FROM activity_ids")}
        assert left == {*SNOWFLAKES, *map(key_of, TEXTS)}
        await connection.close()
    finally:
        await cluster.drop(name)
