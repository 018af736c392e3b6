"""Pictures: rank cards, leaderboards and activity."""

from datetime import datetime

import httpx2
import msgspec

from guildhall_client.errors import problem
from guildhall_client.requests import Id, Query, Requests


class CardLink(msgspec.Struct, frozen=True):
    """An address that shows a card to everybody until then."""

    url: str
    expires_at: datetime


class MemberCard(msgspec.Struct, frozen=True):
    """A member's own accent, such as `#57f287`."""

    accent: str | None


class Cards:
    """Pictures as bytes. `format` is `png`, `webp` or `svg`. While the server has too many to draw (503), it is asked
    again for `patience` seconds: pass 0 where somebody waits. `Problem` with status 501: the server draws none."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    async def member(self, guild_id: Id, user_id: Id, *, format: str = "png", patience: float | None = None) -> bytes:  # noqa: A002 - the word for it
        """A member's rank card. Raises `GuildNotFound`, and `Problem` with status 404 if there is no such member."""
        response = await self._drawn(f"{_member(guild_id, user_id)}/card.{format}", {}, patience)
        if response.status_code == 404:
            await self._requests.find_guild(guild_id)
        return _picture(response)

    async def leaderboard(
        self,
        guild_id: Id,
        *,
        format: str = "png",  # noqa: A002 - the word for it
        patience: float | None = None,
        **query: str | int,
    ) -> bytes:
        """The first page of a leaderboard: `stat`, `period`, `at`, `limit`."""
        return _picture(await self._drawn(f"/v1/guilds/{guild_id}/leaderboard.{format}", query, patience))

    async def activity(
        self,
        guild_id: Id,
        user_id: Id,
        *,
        format: str = "png",  # noqa: A002 - the word for it
        patience: float | None = None,
        **query: str | int,
    ) -> bytes:
        """A member's activity as a chart: `from`, `to`, `bucket`."""
        return _picture(await self._drawn(f"{_member(guild_id, user_id)}/activity.{format}", query, patience))

    async def link(self, guild_id: Id, user_id: Id) -> CardLink:
        """An address that shows the card to everybody for 7 days."""
        path = f"{_member(guild_id, user_id)}/card-link"
        return await self._requests.request("POST", path, CardLink, key=False)

    async def choose(self, guild_id: Id, user_id: Id, accent: str | None) -> MemberCard:
        """The member's own accent; None takes it back."""
        path = f"{_member(guild_id, user_id)}/card"
        return await self._requests.request("PUT", path, MemberCard, body={"accent": accent})

    async def _drawn(self, path: str, query: Query, patience: float | None) -> httpx2.Response:
        return await self._requests.send("GET", path, params=query, patience=patience)


def _member(guild_id: Id, user_id: Id) -> str:
    return f"/v1/guilds/{guild_id}/members/{user_id}"


def _picture(response: httpx2.Response) -> bytes:
    if not response.is_success:
        raise problem(response)
    return response.content
