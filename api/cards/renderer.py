"""Has pictures drawn by a process of their own. It is started for the first picture, ends with the server, and is
started again after it died or took too long. So a worker's memory does not grow, and a stranger's image can harm
nothing but that process."""

import asyncio
import contextlib
import sys
from collections.abc import Callable
from pathlib import Path

import structlog

from api.cards import frames
from api.cards.fonts import is_installed
from api.errors import PicturesBusy, PicturesNotInstalled

log = structlog.get_logger("guildhall.cards")

_ROOT = Path(__file__).parents[2]  # where `-m` finds `api`

SECONDS = 10.0  # for one request, the start of the process included
MOST_WAITING = 32  # pictures and uploads, with the one that is being drawn
_TRIES = 2
_COUNTED = (frames.Draw, frames.EncodeBackground)  # the rest belongs to one of these


class Renderer:
    def __init__(self, fonts: str | None) -> None:
        """`fonts`: the operator's folder of fonts."""
        self.is_installed = is_installed()
        self._arguments = ["-m", "api.cards.drawing", *([] if fonts is None else [str(Path(fonts).resolve())])]
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._is_encoding = False
        self._started: list[Callable[[], None]] = []

    def on_start(self, call: Callable[[], None]) -> None:
        """Calls it whenever a process begins, which has no images yet."""
        self._started.append(call)

    def require(self) -> None:
        """Raises `PicturesNotInstalled`."""
        if not self.is_installed:
            raise PicturesNotInstalled

    async def ask(self, request: frames.Request) -> frames.Reply:
        """The reply. Raises `PicturesNotInstalled`, `PicturesBusy`."""
        self.require()
        self._admit(request)
        # Who goes away leaves a reply behind, which must be read before the next request is sent.
        return await asyncio.shield(asyncio.create_task(self._in_turn(request)))

    def _admit(self, request: frames.Request) -> None:
        """Counts a picture or an upload. An upload takes longer than pictures, and waits with up to 4 MiB: so there is
        one at a time. Raises `PicturesBusy`."""
        if not isinstance(request, _COUNTED):
            return
        if self._waiting >= MOST_WAITING:
            raise PicturesBusy
        if isinstance(request, frames.EncodeBackground):
            if self._is_encoding:
                raise PicturesBusy("Another background is being read at the moment. Try again soon.")
            self._is_encoding = True
        self._waiting += 1

    async def _in_turn(self, request: frames.Request) -> frames.Reply:
        try:
            async with self._turn:
                return await self._tried(request)
        finally:
            self._waiting -= isinstance(request, _COUNTED)
            if isinstance(request, frames.EncodeBackground):
                self._is_encoding = False

    async def _tried(self, request: frames.Request) -> frames.Reply:
        for _ in range(_TRIES):
            try:
                async with asyncio.timeout(SECONDS):
                    reply = await self._exchanged(request)
            except TimeoutError:
                log.warning("A picture took too long", seconds=SECONDS)
                await self._end()
                break
            except (OSError, asyncio.IncompleteReadError) as error:
                log.warning("The process that draws pictures has ended", error=type(error).__name__)
                await self._end()
                continue
            if isinstance(reply, frames.Failed):
                log.error("A picture cannot be drawn", error=reply.error)
                break
            return reply
        raise PicturesBusy("This picture cannot be drawn at the moment. Try again soon.")

    async def _exchanged(self, request: frames.Request) -> frames.Reply:
        process = self._process
        if process is None or process.returncode is not None:
            process = self._process = await self._begun()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(frames.framed(request))
        await process.stdin.drain()
        length = int.from_bytes(await process.stdout.readexactly(frames.LENGTH), "big")
        if length > frames.LARGEST:
            raise OSError("a reply without end")
        return frames.read_reply(await process.stdout.readexactly(length))

    async def _begun(self) -> asyncio.subprocess.Process:
        for call in self._started:
            call()
        return await asyncio.create_subprocess_exec(
            sys.executable,
            *self._arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            cwd=_ROOT,
            start_new_session=True,  # Ctrl+C is for the server, which ends it
        )

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()

    async def close(self) -> None:
        """Ends the process."""
        await self._end()
