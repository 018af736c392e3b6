"""Restarts an embedded server that has ended while this process uses it: killed, or out of memory."""

import threading
import time
from collections import deque
from collections.abc import Callable

from api.postgres.embedded.postmaster import Postmaster
from api.postgres.embedded.server import EmbeddedPostgres
from api.postgres.embedded.user import EmbeddedPostgresError

MOST_TRIES, WITHIN_SECONDS = 5, 60.0
POLL_SECONDS = 0.25
ASK_SECONDS = 5.0  # its socket, which costs the server a process; more often only whether its process exists
STOP_SECONDS = 15.0


class Watchdog:
    """A thread that watches one server while this process runs. Several processes may watch one server: their starts
    come one after the other, and all but the first find it running."""

    def __init__(
        self,
        server: EmbeddedPostgres,
        *,
        restarted: Callable[[float], None],
        gave_up: Callable[[EmbeddedPostgresError], None],
    ) -> None:
        """`restarted` gets the seconds from the failure until the server accepted connections again. `gave_up` gets
        the reason when five starts within a minute did not help; it is the last call. Both are called in the thread."""
        self._server = server
        self._restarted = restarted
        self._gave_up = gave_up
        self._stopping = threading.Event()
        self._tries: deque[float] = deque(maxlen=MOST_TRIES)
        self._asked_at = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="postgres-watchdog", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Stops watching. A start in progress is cancelled, and the half-started server shut down."""
        self._stopping.set()
        self._thread.join(STOP_SECONDS)

    def _run(self) -> None:
        while not self._stopping.wait(POLL_SECONDS):
            if self._is_up():
                continue
            missed_at = time.monotonic()
            error = self._bring_back()
            if self._stopping.is_set():
                return
            if error is not None:
                self._gave_up(error)
                return
            self._restarted(time.monotonic() - missed_at)

    def _is_up(self) -> bool:
        """Whether the server runs; starting and crash recovery count as running."""
        named = Postmaster.named(self._server.data_dir)
        if named is not None and not named.ended(self._server.data_dir):
            if time.monotonic() - self._asked_at < ASK_SECONDS:
                return True
            self._asked_at = time.monotonic()
        return Postmaster.find(self._server.data_dir) is not None

    def _bring_back(self) -> EmbeddedPostgresError | None:
        """Starts the server until it accepts connections. Returns the last error if the tries are used up."""
        failed = EmbeddedPostgresError(
            f"PostgreSQL on {self._server.data_dir} ended {MOST_TRIES} times within {WITHIN_SECONDS:.0f} s; "
            f"{self._server.log} says why."
        )
        while not self._is_spent():
            self._tries.append(time.monotonic())
            try:
                self._server.start(existing=True, given_up=self._stopping.is_set)
            except EmbeddedPostgresError as error:
                failed = error
            else:
                return None
            if self._stopping.wait(POLL_SECONDS * len(self._tries)):
                break
        return failed

    def _is_spent(self) -> bool:
        return len(self._tries) == MOST_TRIES and time.monotonic() - self._tries[0] < WITHIN_SECONDS
