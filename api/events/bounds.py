"""How many event streams may be open: each holds a connection, and one client could take them all."""

from collections import Counter
from collections.abc import Callable

from api.auth.actors import Credential
from api.errors import Overloaded, TooManyRequests
from api.lib.metrics import Metrics

OF_A_PERSON = 16
_RETRY_SECONDS = 15


class StreamBounds:
    """Those of one process."""

    def __init__(self, metrics: Metrics, *, of_a_key: int, in_all: int) -> None:
        self.of_a_key = of_a_key
        self.in_all = in_all
        self._metrics = metrics
        self._open: Counter[str] = Counter()

    def refuse(self, credential: Credential) -> None:
        """Raises `TooManyRequests` for a credential that has as many as it may, `Overloaded` where all have."""
        kind, most = ("key", self.of_a_key) if credential.user_id is None else ("person", OF_A_PERSON)
        if self._open[_whose(credential)] >= most:
            self._metrics.streams_refused.labels(kind).inc()
            raise TooManyRequests(
                f"This {kind} has {most} streams open here, and may have no more. One stream can follow all guilds.",
                headers={"Retry-After": str(_RETRY_SECONDS)},
            )
        if self._open.total() >= self.in_all:
            self._metrics.streams_refused.labels("all").inc()
            raise Overloaded("As many streams are open here as may be. Try again soon.", retry_after=_RETRY_SECONDS)

    def enter(self, credential: Credential) -> Callable[[], None]:
        """Counts one more; call what it gives when it has ended. Raises what `refuse` does."""
        self.refuse(credential)
        whose = _whose(credential)
        self._open[whose] += 1
        return lambda: self._leave(whose)

    def _leave(self, whose: str) -> None:
        self._open[whose] -= 1
        if not self._open[whose]:
            del self._open[whose]


def _whose(credential: Credential) -> str:
    """A person has them in common, in however many browsers; a key with its family."""
    return credential.name if credential.user_id is not None else credential.family
