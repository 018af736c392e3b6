"""The event stream: Server-Sent Events, opened again after the last one whenever it breaks."""

import asyncio
from collections.abc import AsyncIterator, Mapping

import httpx2
import msgspec

from guildhall_client.errors import problem
from guildhall_client.models import StreamEvent
from guildhall_client.retrying import FIRST_WAIT, LONGEST_WAIT, retry_after

# A comment comes every 15 seconds: three of them missing, and nobody is there.
SILENCE_SECONDS = 45.0


async def events(
    http: httpx2.AsyncClient, params: Mapping[str, str], last_event_id: str | None
) -> AsyncIterator[StreamEvent]:
    """Events without end. Raises `Problem` for what trying again does not mend."""
    timeout = httpx2.Timeout(10.0, read=SILENCE_SECONDS)
    wait = FIRST_WAIT
    while True:
        headers = {"Accept": "text/event-stream"}
        if last_event_id is not None:
            headers["Last-Event-ID"] = last_event_id
        asked = None
        try:
            async with http.stream("GET", "/v1/events", params=params, headers=headers, timeout=timeout) as response:
                if response.is_success:
                    wait = FIRST_WAIT
                    # Where it begins: a connection that breaks before the first event loses nothing.
                    last_event_id = response.headers.get("last-event-id", last_event_id)
                    async for event in parsed(response.aiter_bytes()):
                        last_event_id = event.id
                        yield event
                elif response.status_code in (429, 502, 503, 504):
                    asked = retry_after(response)
                else:
                    await response.aread()
                    raise problem(response)
        except httpx2.TransportError:
            pass
        await asyncio.sleep(wait if asked is None else max(asked, FIRST_WAIT))
        wait = min(wait * 2, LONGEST_WAIT)


async def parsed(chunks: AsyncIterator[bytes]) -> AsyncIterator[StreamEvent]:
    """The events of a stream; comments are passed over, and what is cut off at the end."""
    rest = b""
    fields: dict[bytes, list[bytes]] = {}
    async for chunk in chunks:
        # Split at line feeds alone: JSON may hold every other character that ends a line elsewhere.
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if line.rstrip(b"\r"):
                name, _, value = line.rstrip(b"\r").partition(b":")
                fields.setdefault(name, []).append(value.removeprefix(b" "))
                continue
            if b"data" in fields and b"id" in fields:
                yield StreamEvent(
                    id=fields[b"id"][-1].decode(),
                    event=fields.get(b"event", [b"message"])[-1].decode(),
                    data=msgspec.json.decode(b"\n".join(fields[b"data"])),
                )
            fields = {}
