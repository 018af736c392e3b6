"""Recording what members did."""

from datetime import datetime, timedelta
from typing import Any

import httpx2

from api.postgres.engine import PlainConnection
from tests.support.clock import CLOCK, MovableClock
from tests.support.people import ADA, BO, HARBOUR

PATH = f"/v1/guilds/{HARBOUR}/activity"
UNNAMED = dict.fromkeys(("username", "display_name", "avatar_url"))
Json = dict[str, Any]  # Any: JSON


def message(id_: str, user: int = ADA, at: datetime | None = None, **more: object) -> Json:
    return {
        "id": id_,
        "type": "message",
        "user_id": str(user),
        "occurred_at": (at or CLOCK.now()).isoformat(),
        **more,
    }


async def record(bot: httpx2.AsyncClient, *events: Json, guild_id: int = HARBOUR) -> Json:
    answer = await bot.post(f"/v1/guilds/{guild_id}/activity", json={"events": list(events)})
    assert answer.status_code == 200, answer.text
    body: Json = answer.json()
    return body


async def test_a_message_counts_once(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    first = await record(bot, message("1"))
    assert first == {"accepted": 1, "duplicates": 0, "rejected": [], "level_ups": [], "achievements_unlocked": []}
    again = await record(bot, message("1"), message("1"))
    assert (again["accepted"], again["duplicates"]) == (0, 2)
    row = await owner.fetchrow("SELECT xp, messages, streak_best FROM members")
    assert row is not None
    assert 15 <= row["xp"] <= 25
    assert (row["messages"], row["streak_best"]) == (1, 1)


async def test_no_stored_date_is_an_error(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    """Restored ones of before such dates were refused, of every way to write the end of the calendar."""
    ends = ["9999-12-31 23:59:59.999999Z", "9999-12-31 20:00:00Z", "infinity", "-infinity", "0001-01-01 00:00:00Z"]
    for number, end in enumerate(ends):
        user = 1000 + number
        await record(bot, message(f"{number} a", user))
        await owner.execute(
            "UPDATE members SET last_xp_at = $2::text::timestamptz, first_seen_at = $2::text::timestamptz,"
            " last_active_at = $2::text::timestamptz, streak_from = $2::text::timestamptz::date,"
            " streak_to = $2::text::timestamptz::date WHERE user_id = $1",
            user, end,
        )  # fmt: skip
        event = message(f"{number} b", user)
        explained = await bot.post(f"{PATH}/explain", json={"events": [event]})
        assert explained.status_code == 200, (end, explained.text)
        await record(bot, event, message(f"{number} c", user, CLOCK.now() - timedelta(days=2)))
        for path in (f"members/{user}", f"members/{user}/activity", f"leaderboard?around={user}", "members/1"):
            answer = await bot.get(f"/v1/guilds/{HARBOUR}/{path}")
            assert answer.status_code in (200, 404), (end, path, answer.text)


async def test_level_up(bot: httpx2.AsyncClient) -> None:
    settings = f"/v1/guilds/{HARBOUR}/settings/leveling"
    rewards = [{"level": 2, "role_id": "77"}, {"level": 5, "role_id": "78"}]
    xp = {"min": 1000, "max": 1000}
    await bot.patch(settings, json={"xp_per_message": xp, "cooldown_seconds": 0, "role_rewards": rewards})
    answer = await record(bot, message("1", channel_id="5"), message("2", user=BO))
    assert answer["level_ups"][0] == {
        "user_id": str(ADA), **UNNAMED, "from_level": 0, "to_level": 4, "xp": 1000,
        "role_rewards": {"add": ["77"], "remove": []},
        "announce": {"mode": "current", "channel_id": "5", "text": f"<@{ADA}> is now level 4!"},
    }  # fmt: skip


async def test_late_days_join_a_streak(bot: httpx2.AsyncClient, owner: PlainConnection, clock: MovableClock) -> None:
    now = clock.now()
    for number, days in enumerate((0, 1, 4, 3, 2)):
        await record(bot, message(str(number), at=now - timedelta(days=days)))
    row = await owner.fetchrow("SELECT streak_to - streak_from + 1 AS days, streak_best FROM members")
    assert row is not None
    assert (row["days"], row["streak_best"]) == (5, 5)
