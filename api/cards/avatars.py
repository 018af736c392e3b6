"""Pictures of people, from Discord's CDN alone. The process that draws stores them; the server
remembers which it has sent."""

import asyncio
import re
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence

from api.cards import frames
from api.cards.names import Person
from api.cards.renderer import Renderer

SIZE = 180
MOST_KNOWN = 256  # half of what the process keeps: the rest is for backgrounds
MOST_FAILED = 2000
FAILED_SECONDS = 60.0
MOST_AT_ONCE = 16

_is_hash = re.compile(r"(?:a_)?[0-9a-f]{32}").fullmatch

Fetch = Callable[[str, int], Awaitable[bytes | None]]


class Avatars:
    def __init__(self, renderer: Renderer, fetch: Fetch, monotonic: Callable[[], float] = time.monotonic) -> None:
        """`fetch`: a path of the CDN, for a guild; None if it cannot be had."""
        self._renderer = renderer
        self._fetch = fetch
        self._monotonic = monotonic
        self._known: OrderedDict[str, None] = OrderedDict()
        self._failed: OrderedDict[str, float] = OrderedDict()
        self._asked: dict[str, asyncio.Task[bool]] = {}
        self._places = asyncio.Semaphore(MOST_AT_ONCE)
        renderer.on_start(self.clear)

    def clear(self) -> None:
        """Call it when the process began anew: it has no pictures then."""
        self._known.clear()

    @staticmethod
    def name(person: Person) -> str | None:
        """What their picture is called here; None if they have none."""
        if person.avatar is None or _is_hash(person.avatar) is None:
            return None
        return f"{person.user_id}/{person.avatar}"

    async def get(self, person: Person, guild_id: int) -> str | None:
        """The name of their picture, once the process that draws has it; None if it cannot be had."""
        name = self.name(person)
        if name is None or self._failed.get(name, 0.0) > self._monotonic():
            return None
        if name in self._known:
            self._known.move_to_end(name)
            return name
        task = self._asked.get(name)
        if task is None:
            task = self._asked[name] = asyncio.create_task(self._fetched(name, guild_id))
            task.add_done_callback(lambda _: self._asked.pop(name, None))
        return name if await asyncio.shield(task) else None

    async def get_all(self, people: Sequence[Person], guild_id: int) -> list[str | None]:
        """The names of their pictures, in order."""
        return list(await asyncio.gather(*(self.get(each, guild_id) for each in people)))

    async def _fetched(self, name: str, guild_id: int) -> bool:
        async with self._places:
            body = await self._fetch(f"/avatars/{name}.png?size=128", guild_id)
        if body is not None:
            reply = await self._renderer.ask(frames.StoreImage(name, body, SIZE, SIZE))
            if isinstance(reply, frames.Stored) and reply.is_image:
                self._known[name] = None
                if len(self._known) > MOST_KNOWN:
                    self._known.popitem(last=False)
                return True
        self._failed[name] = self._monotonic() + FAILED_SECONDS
        if len(self._failed) > MOST_FAILED:
            self._failed.popitem(last=False)
        return False
