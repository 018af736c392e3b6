"""The running application, asked as the model is."""

import os
from collections.abc import AsyncIterator, Iterable
from datetime import date, datetime
from itertools import count
from typing import Any

import httpx2
from hypothesis import HealthCheck, Phase
from hypothesis import settings as hypothesis_settings

from tests.properties.model import Answer, Guild, ranking
from tests.support.clock import MovableClock

Json = dict[str, Any]  # Any: what JSON holds

_ids = count(700_000_000_000_000_000)
_MORE = os.environ.get("LAWS")  # for whoever hunts


def law(examples: int) -> hypothesis_settings:
    """The same few examples each time. `LAWS=20` tries twenty times as many, others each time, and
    makes what fails small; that takes minutes, and a `--timeout` to match."""
    return hypothesis_settings(
        max_examples=examples * int(_MORE or 1),
        derandomize=_MORE is None,
        phases=[Phase.generate, Phase.shrink] if _MORE else [Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


def set_time(clock: MovableClock, now: datetime) -> None:
    """Makes it that moment; the seconds that pass from there do not matter."""
    clock.put(now)


class Served:
    """One guild of the running application."""

    def __init__(self, client: httpx2.AsyncClient, guild_id: int) -> None:
        self.path = f"/v1/guilds/{guild_id}"
        self._client = client

    @classmethod
    async def new(cls, client: httpx2.AsyncClient, settings: Json | None = None, zone: str = "UTC") -> "Served":
        """A guild that nobody has seen before."""
        guild = cls(client, next(_ids))
        await guild.ask("PUT", "", json={"name": "Law", "timezone": zone})
        if settings:
            await guild.ask("PATCH", "/settings/leveling", json=settings)
        return guild

    async def ask(self, method: str, path: str, **more: Any) -> Json:  # Any: httpx2's own arguments
        answer = await self._client.request(method, self.path + path, **more)
        assert answer.is_success, f"{method} {path} {more}: {answer.status_code} {answer.text}"
        body: Json = answer.json()
        return body

    async def text(self, path: str) -> str:
        answer = await self._client.get(self.path + path)
        assert answer.is_success, f"{path}: {answer.status_code} {answer.text}"
        return answer.text

    async def send(self, events: list[Json]) -> Answer:
        """One request; level-ups by member."""
        body = await self.ask("POST", "/activity", json={"events": events})
        ups = [(int(up["user_id"]), (up["from_level"], up["to_level"], up["xp"])) for up in body["level_ups"]]
        assert len(dict(ups)) == len(ups), f"a member twice: {ups}"
        return Answer(body["accepted"], body["duplicates"], body["rejected"], dict(ups))

    async def send_all(self, requests: Iterable[list[Json]]) -> list[Answer]:
        """One after the other."""
        return [await self.send(request) for request in requests]

    async def standings(self, users: Iterable[int]) -> dict[int, Json]:
        """The profiles, without what is the guild's own."""
        found = {}
        for user in users:
            profile = await self.ask("GET", f"/members/{user}")
            found[user] = {name: value for name, value in profile.items() if name not in _NOT_COMPARED}
        return found

    async def board(self, **query: object) -> list[tuple[int, int, int]]:
        """(rank, user, value), all pages; who has 0 is left out."""
        rows = [(item["rank"], int(item["user_id"]), item["value"]) async for item in self.items(**query)]
        return [row for row in rows if row[2]]

    async def items(self, **query: object) -> AsyncIterator[Json]:
        """What the pages hold."""
        asked = {name.rstrip("_"): str(value) for name, value in query.items()}
        while True:
            page = await self.ask("GET", "/leaderboard", params=asked)
            for item in page["items"]:
                yield item
            if page["next_cursor"] is None:
                return
            asked["cursor"] = page["next_cursor"]


_NOT_COMPARED = ("guild_id", "first_seen_at")


def expected(guild: Guild, now: datetime) -> dict[int, Json]:
    """The same, of the model."""
    ranks = {user: rank for rank, user, _ in ranking({user: member.xp for user, member in guild.members.items()})}
    return {user: _profile(guild, user, ranks, now) for user in guild.members}


def _profile(guild: Guild, user: int, ranks: dict[int, int], now: datetime) -> Json:
    member = guild.members[user]
    level = guild.level(member.xp)
    totals = [0, *guild.thresholds]
    return {
        "user_id": str(user),
        "username": None,
        "display_name": None,
        "avatar_url": None,
        "xp": member.xp,
        "level": level,
        "level_xp": totals[level],
        "next_level_xp": totals[level + 1] if level + 1 < len(totals) else None,
        "rank": ranks[user],
        "member_count": len(guild.members),
        "stats": {name: member.totals[name] for name in ("messages", "voice_seconds", "reactions", "commands")},
        "custom_stats": {
            name.removeprefix("stat:"): value for name, value in member.totals.items() if name.startswith("stat:")
        },
        "streak": guild.streak(user, now),
        "last_active_at": None if member.last_active is None else _utc(member.last_active.isoformat()),
    }


def _utc(text: str) -> str:
    return text.replace("+00:00", "Z")


def stat_name(stat: str) -> str:
    """A board's name for what the model calls so."""
    return stat.removeprefix("stat:")


def each_day(first: date, last: date) -> list[date]:
    """Both included."""
    return [date.fromordinal(day) for day in range(first.toordinal(), last.toordinal() + 1)]
