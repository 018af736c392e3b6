"""Opens event streams: checks rights and positions."""

import re
from collections.abc import AsyncIterator

from api.auth.actors import Credential
from api.auth.directory import Directory
from api.errors import BadHeader, Gone, NotFound, Unavailable
from api.events.bounds import StreamBounds
from api.events.broadcaster import Broadcaster, Filter
from api.events.dtos import EventsQuery
from api.events.event_poller import bounds, missed
from api.postgres.database import Database

_position = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII).fullmatch


class EventService:
    def __init__(
        self, database: Database, broadcaster: Broadcaster, directory: Directory, bounds: StreamBounds
    ) -> None:
        self._database = database
        self.broadcaster = broadcaster
        self.bounds = bounds
        self._directory = directory

    def missed(self, wanted: Filter, after: int, upto: int) -> AsyncIterator[list[bytes]]:
        """The missed frames, a page at a time."""
        return missed(self._database, wanted, after, upto)

    async def begin(self, credential: Credential, query: EventsQuery, last_event_id: str | None) -> tuple[Filter, int]:
        """The filter of a stream, and the position after which it begins. Raises `NotFound` for a guild that the
        credential does not see, `BadHeader` for a position that never was, `Gone` for one that is not kept any more,
        `TooManyRequests` and `Overloaded` for too many streams, `Unavailable` while this process stops, or
        before its first poll, for which it waits."""
        if self.broadcaster.is_stopping:
            raise Unavailable("The server is stopping. Connect again: another server answers.")
        newest = await self.broadcaster.known_position()
        if newest is None:
            raise Unavailable
        if query.guild_id is not None:
            if not credential.sees(query.guild_id):
                raise NotFound
            await self._directory.require(query.guild_id)
        self.bounds.refuse(credential)
        wanted = Filter(credential, query.guild_id, frozenset(query.types))
        if last_event_id is None:
            return wanted, newest
        return wanted, await self._after(last_event_id)

    async def _after(self, last_event_id: str) -> int:
        newest, oldest = await bounds(self._database)
        if _position(last_event_id) is None or int(last_event_id) > newest:
            raise BadHeader(
                "`Last-Event-ID` is not the id of an event. Send the id of the last event that you got, or 0 for all."
            )
        position = int(last_event_id)
        if position == 0:
            return oldest - 1
        if position < oldest - 1:
            raise Gone(
                "Events after this one have been deleted. Read the state again, and start without "
                "`Last-Event-ID`, or with 0."
            )
        return position
