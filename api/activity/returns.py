"""Members who had left and are back."""

from collections.abc import Iterable
from datetime import datetime

from api.members.standings import Standing
from api.members.visibility import hidden_among
from api.postgres.database import Connection


async def welcome_back(connection: Connection, seen: Iterable[tuple[Standing, datetime]]) -> None:
    """A member who had left and was seen later is back, and on the boards again unless hidden. `seen`: locked
    standings, and when these members did something."""
    back = {standing.id: standing for standing, at in seen if standing.left_at is not None and at > standing.left_at}
    if not back:
        return
    hidden = await hidden_among(connection, [standing.user_id for standing in back.values()])
    for standing in back.values():
        standing.left_at = None
        standing.is_ranked = standing.user_id not in hidden
