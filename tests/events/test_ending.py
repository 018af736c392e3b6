"""How a stream's last bytes leave, when it ends."""

import asyncio

from api.auth.actors import Credential
from api.events.broadcaster import Filter, Subscriber


async def test_what_is_being_sent_ends_while_the_stream_waits_for_it() -> None:
    taken = asyncio.Event()

    async def send(_message: object) -> None:
        await taken.wait()

    async def never() -> Credential:
        raise AssertionError

    anybody = Credential(id=1, scopes=frozenset(), guild_ids=None, rate_limit=None, expires_at=None)
    stream = Subscriber(Filter(anybody, None, frozenset()), send, asyncio.timeout(None), never)
    stream.offer([b"data: 1\n\n"])
    ending = asyncio.create_task(stream.finish())
    await asyncio.sleep(0)
    taken.set()
    await ending
