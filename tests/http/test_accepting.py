"""How fast connections are accepted where many come at once."""

import asyncio
import socket

import uvloop

from api.runtime.server import ACCEPTED_AT_ONCE, listeners

MANY = 5 * ACCEPTED_AT_ONCE


async def _turns(sockets: list[socket.socket]) -> int:
    """In how many turns of the event loop all are accepted that wait already."""
    loop = asyncio.get_running_loop()
    sockets[0].listen(2 * MANY)
    clients = [socket.create_connection(sockets[0].getsockname()) for _ in range(MANY)]
    accepted: list[asyncio.BaseTransport] = []

    class Accepted(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            accepted.append(transport)

    servers = [await loop.create_server(Accepted, sock=each, backlog=2 * MANY) for each in sockets]
    turns = 0
    async with asyncio.timeout(60):
        while len(accepted) < MANY:
            await asyncio.sleep(0)
            turns += 1
    for transport in accepted:
        transport.close()
    for server in servers:
        server.close()
        await server.wait_closed()
    for each in [*clients, *sockets]:
        each.close()
    return turns


def test_many_in_a_turn() -> None:
    """libuv takes one for each handle: with one alone there would be as many turns as connections."""
    listening = socket.create_server(("127.0.0.1", 0))
    sockets = listeners(listening)
    assert len(sockets) == ACCEPTED_AT_ONCE
    assert uvloop.run(_turns(sockets)) < MANY / 4
