"""The filters of the event stream."""

from typing import Annotated

import msgspec
from msgspec import Meta

from api.events.types import EventType
from api.lib.snowflakes import Snowflake


class EventsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Filters of the event stream. Events that concern every guild pass every `guild_id`."""

    guild_id: Annotated[Snowflake | None, Meta(description="Only events of this guild")] = None
    types: Annotated[
        list[EventType],
        Meta(
            min_length=1, max_length=100, description="Only these types: repeated, or separated by commas. Default: all"
        ),
    ] = msgspec.field(default_factory=list)
