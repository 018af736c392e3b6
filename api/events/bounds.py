"""Bounds of open event streams: each holds a connection, and one client could take them all."""

from collections import Counter
from collections.abc import Callable

from api.auth.actors import Credential
from api.errors import Overloaded, TooManyRequests
from api.lib.metrics import Metrics

OF_A_PERSON = 16
_RETRY_SECONDS = 15


class StreamBounds:
    """The open streams of one process."""

    def __init__(self, metrics: Metrics, *, of_a_key: int, in_all: int) -> None:
        self.of_a_key = of_a_key
        self.in_all = in_all
        self._metrics = metrics
        self._open: Counter[str] = Counter()

    def refuse(self, credential: Credential) -> None:
        """Raises `TooManyRequests` if the credential has its most streams, `Overloaded` if the process has."""
        kind, most = ("key", self.of_a_key) if credential.user_id is None else ("person", OF_A_PERSON)
        if self._open[_whose(credential)] >= most:
            self._metrics.streams_refused.labels(kind).inc()
            raise TooManyRequests(
                f"This {kind} has {most} streams open on this worker, which is the limit. One stream "
                "can follow all guilds.",
                headers={"Retry-After": str(_RETRY_SECONDS)},
            )
        if self._open.total() >= self.in_all:
            self._metrics.streams_refused.labels("all").inc()
            raise Overloaded("The maximum of event streams is open. Try again soon.", retry_after=_RETRY_SECONDS)

    def enter(self, credential: Credential) -> Callable[[], None]:
        """Counts one more stream. Call the returned function when it ends. Raises as `refuse` does."""
        self.refuse(credential)
        whose = _whose(credential)
        self._open[whose] += 1
        return lambda: self._leave(whose)

    def _leave(self, whose: str) -> None:
        self._open[whose] -= 1
        if not self._open[whose]:
            del self._open[whose]


def _whose(credential: Credential) -> str:
    """Whose bound a stream counts against: a person's, in all browsers, or a key family's."""
    return credential.name if credential.user_id is not None else credential.family
