"""`/v1/events`."""

from litestar import Controller, get
from litestar.di import NamedDependency

from api.auth.scopes import Scope
from api.events.dtos import EventsQuery
from api.events.service import EventService
from api.events.stream import MEDIA_TYPE, EventStream
from api.http.guards import credential_of
from api.http.policy import RoutePolicy
from api.http.requests import GuildhallRequest


class EventController(Controller):
    path = "/v1"
    tags = ("events",)

    @get("/events", opt=RoutePolicy(Scope.EVENTS_READ, streams=True).opt, media_type=MEDIA_TYPE)
    async def read_events(
        self, params: NamedDependency[EventsQuery], request: GuildhallRequest, events: NamedDependency[EventService]
    ) -> EventStream:
        """Stream events as Server-Sent Events: `id`, `event`, and `data` as JSON, with the guild's id and the time.
        Send the last `id` as `Last-Event-ID` to get all later events, for 7 days, in order, without gaps and repeats; 0
        sends every event that is kept. Without the header, the stream begins now, and the answer's own `Last-Event-ID`
        has that position. The stream shows only data that its reader may also read by the routes: data that needs
        another scope is left out, and events about a hidden person go only to that person and to keys with
        `members:write`. A line that begins with a colon arrives at least every 15 seconds. Events of an erased person
        are `{"erased": true}`."""
        credential = request.actor.credential
        assert credential is not None  # it was asked for
        wanted, after = await events.begin(credential, params, request.headers.get("last-event-id"))
        return EventStream(events, wanted, after, lambda: credential_of(request, Scope.EVENTS_READ))
