"""The resolver: looks up names in threads of its own, fairly, so a name server that does not answer delays nobody else.

It does not use the threads of PostgreSQL or the event loop, and the process does not wait for its threads at its end:
the system may take half a minute to give up on a name."""

import asyncio
import socket
import threading
from contextlib import suppress

from api.lib.shares import Shares

THREADS = 64


class Resolver:
    """One thread for each name, however many callers. Guilds have shares of the threads, and so have domains, because
    one name server answers for all names of a domain."""

    def __init__(self) -> None:
        self._shares: Shares[tuple[str, object]] = Shares(THREADS)
        self._asked: dict[tuple[str, int], asyncio.Future[list[str]]] = {}
        self._freed = asyncio.Event()

    async def addresses(self, host: str, port: int, guild_id: int) -> list[str]:
        """The addresses of a name, IPv4 first. It may never return: use a time-out. Raises `OSError`, and
        `UnicodeError` for an impossible name."""
        names = ("guild", guild_id), ("domain", ".".join(host.rsplit(".", 2)[-2:]))
        while (host, port) not in self._asked and not self._shares.has_room(*names):
            await self._freed.wait()
        if (host, port) not in self._asked:
            self._begin(host, port, names)
        return await asyncio.shield(self._asked[host, port])

    def _begin(self, host: str, port: int, names: tuple[tuple[str, object], ...]) -> None:
        loop = asyncio.get_running_loop()
        found: asyncio.Future[list[str]] = loop.create_future()

        def end(result: list[str] | Exception) -> None:
            del self._asked[host, port]
            self._shares.give_back(*names)
            self._freed.set()
            self._freed = asyncio.Event()
            if isinstance(result, Exception):
                found.set_exception(result)
                found.exception()  # perhaps no caller waits any more
            else:
                found.set_result(result)

        def look_up() -> None:
            result: list[str] | Exception
            try:
                result = _looked_up(host, port)
            except Exception as error:
                result = error
            with suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(end, result)

        self._shares.take(*names)
        self._asked[host, port] = found
        threading.Thread(target=look_up, name="resolve", daemon=True).start()


def _looked_up(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    in_order = sorted(found, key=lambda each: each[0] != socket.AF_INET)
    return list(dict.fromkeys(str(each[4][0]) for each in in_order))
