"""The levels of a curve that nobody has saved yet."""

import httpx2

from tests.support.people import HARBOUR

PREVIEW = f"/v1/guilds/{HARBOUR}/level-curve/preview"


async def test_the_levels_of_a_draft(bot: httpx2.AsyncClient) -> None:
    preset = (await bot.post(PREVIEW, json={"curve": {"kind": "preset", "preset": "mee6"}})).json()["thresholds"]
    assert len(preset) == 1000
    assert (preset[0], preset[9]) == (100, 4675)
    table = await bot.post(PREVIEW, json={"curve": {"kind": "table", "thresholds": [5, 9, 20]}, "max_level": 2})
    assert table.json() == {"thresholds": [5, 9]}
    assert (await bot.get(f"/v1/guilds/{HARBOUR}/settings/leveling")).json()["revision"] == 0


async def test_a_curve_that_does_not_rise_is_refused_at_its_place(bot: httpx2.AsyncClient) -> None:
    answer = await bot.post(PREVIEW, json={"curve": {"kind": "table", "thresholds": [5, 5]}})
    assert answer.status_code == 422
    assert answer.json()["errors"] == [
        {"pointer": "/curve/thresholds/1", "message": "is not above the threshold before it"}
    ]
