"""Lists of a guild's members: all of them, those whose names begin with something, those with certain ids."""

from api.auth.actors import Actor
from api.lib import snowflakes
from api.lib.clock import Clock
from api.lib.pagination import LARGEST_PAGE, Cursors, Page, paginate
from api.members import listing_queries as sql
from api.members.dtos import ListedMemberView, MembersQuery
from api.members.leveling_config_cache import LevelingConfigCache
from api.members.names import cleaned, folded
from api.members.profiles import listed
from api.postgres.database import Database

_FIRST = ("", 0)  # before everybody


class MemberLists:
    def __init__(
        self, database: Database, leveling_configs: LevelingConfigCache, cursors: Cursors, clock: Clock
    ) -> None:
        self._database = database
        self._leveling_configs = leveling_configs
        self._cursors = cursors
        self._clock = clock

    async def read(self, reader: Actor, guild_id: int, query: MembersQuery) -> Page[ListedMemberView]:
        """A page of the members whom the reader may see. Raises `NotFound`."""
        config = await self._leveling_configs.get(guild_id)
        wanted = (query.search or "").strip()
        beginning = folded(cleaned(wanted) or "")
        if query.search is not None and not beginning:
            return Page([])  # no name begins with what no name holds
        limit = min(query.limit, LARGEST_PAGE)
        scope = f"members:{[reader.id, guild_id, beginning, sorted(query.ids)]}"
        after = _FIRST if query.cursor is None else self._cursors.read(scope, query.cursor)
        page = (guild_id, *after, limit + 1, reader.hidden_seen())
        async with self._database.connection() as connection:
            if query.ids:
                ids = [int(id_) for id_ in query.ids]
                rows = await connection.fetch(sql.OF_IDS, *page, ids, beginning, snowflakes.parse(wanted))
            elif beginning:
                start = max(tuple(after), (beginning, 0))
                rows = await connection.fetch(sql.SEARCH, *page, beginning, snowflakes.parse(wanted), *start)
            else:
                rows = await connection.fetch(sql.ALL, *page)
        today = config.day_of(self._clock.now())
        return paginate(
            rows,
            limit,
            lambda row: listed(config, row, today),
            lambda row: self._cursors.write(scope, [row["sort_name"], row["user_id"]]),
        )
