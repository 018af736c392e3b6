"""The list of a guild's own stats."""

from api.activity.dtos import CustomStatsQuery, CustomStatView
from api.auth.actors import Actor
from api.lib.pagination import LARGEST_PAGE, Cursors, Page, paginate
from tables.members import CustomStatName


class CustomStats:
    def __init__(self, cursors: Cursors) -> None:
        self._cursors = cursors

    async def read(self, reader: Actor, guild_id: int, query: CustomStatsQuery) -> Page[CustomStatView]:
        """A page of the stats that the guild's bot has counted, by name."""
        limit = min(query.limit, LARGEST_PAGE)
        scope = f"stats:{guild_id}:{reader.id}"
        after = "" if query.cursor is None else self._cursors.read(scope, query.cursor)[0]
        of_guild = (CustomStatName.guild_id == guild_id) & (CustomStatName.stat > after)
        rows = (
            await CustomStatName.select(CustomStatName.stat)
            .where(of_guild)
            .order_by(CustomStatName.stat)
            .limit(limit + 1)
        )
        return paginate(
            rows, limit, lambda row: CustomStatView(row["stat"]), lambda row: self._cursors.write(scope, [row["stat"]])
        )
