"""How far a replica is behind. Pure."""

from collections import deque

_KEPT = 7200  # positions: an hour's


class Lag:
    """The age of the oldest known position of the primary that the replica has not reached. So nothing is behind an
    idle primary, and no clock of another machine counts."""

    def __init__(self, now: float) -> None:
        self._ahead: deque[tuple[float, int]] = deque(maxlen=_KEPT)
        self._caught_up_at = now

    def note(self, asked: float, position: int, replayed: int) -> None:
        """The primary was at this position when it was asked; later, the replica had replayed so much."""
        self._ahead.append((asked, position))
        while self._ahead and self._ahead[0][1] <= replayed:
            self._caught_up_at = self._ahead.popleft()[0]

    def forget(self) -> None:
        """Drops positions that can no longer be compared. The replica has not caught up since."""
        self._ahead.clear()

    def seconds(self, now: float) -> float:
        """The most by which the replica can be behind."""
        return now - self._caught_up_at
