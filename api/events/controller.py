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
        """What happens, as Server-Sent Events: `id`, `event`, and `data` as JSON, with the guild's id and the time.
        Send the last `id` as `Last-Event-ID` to get all that came since, for 7 days, in order, nothing twice and
        nothing left out; 0 is all that is kept. Without it the stream begins now: the answer's own `Last-Event-ID`
        says where. It tells no more than the routes: data that needs another scope is left out, and what is of
        somebody hidden comes to keys with `members:write` and to themselves alone. A line that begins with a colon
        comes at least every 15 seconds. Events of an erased person are `{"erased": true}`."""
        credential = request.actor.credential
        assert credential is not None  # it was asked for
        wanted, after = await events.begin(credential, params, request.headers.get("last-event-id"))
        return EventStream(events, wanted, after, lambda: credential_of(request, Scope.EVENTS_READ))
