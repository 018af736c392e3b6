"""The SQL of leaderboards: a page after a place, with the data for its ranks, in one statement.

A place is a value and a user, `$after` and `$user`; the page begins behind it. `(value < v OR value = v AND user > u)`
would scan all members who share a value, so the two parts are two ranges of the index.

`rank` is that of the first member: 1 plus the number of members with more. If the page begins with a value that began
on an earlier page, `ties` is the number of all members with that value; the next ranks follow. XP has statements of its
own."""

from datetime import date

from api.leaderboards import folding_queries
from api.leaderboards.rules import Cover

# The numbers of the all-time boards.
STATS = {"xp": 0, "messages": 1, "voice_seconds": 2, "reactions": 3, "commands": 4}

# A place before everybody.
TOP = (2**63 - 1, 0)

# PostgreSQL estimates a limit that is a parameter as a tenth of the guild, and then plans each call anew. With the
# constant, it keeps its plan. No page is longer.
_PAGE = """
    SELECT * FROM (
        SELECT * FROM (
            SELECT {row} FROM {board} WHERE {where} AND b.value = $2 AND b.user_id > $3 ORDER BY b.user_id LIMIT 101
        ) AS tied LIMIT $4
    ) AS half UNION ALL (
        SELECT {row} FROM {board} WHERE {where} AND b.value < $2 ORDER BY b.value DESC, b.user_id LIMIT 101
    ) ORDER BY value DESC, user_id LIMIT $4
"""

_ENTRY = "b.value, b.user_id"

# A page by columns.
_COLUMNS = ", ".join(
    f"array_agg({each} ORDER BY row.value DESC, row.user_id) AS {name}"
    for name, each in {
        "users": "row.user_id",
        "values": "row.value",
        "usernames": "n.username",
        "display_names": "n.display_name",
        "avatars": "n.avatar",
    }.items()
)

# All-time XP, for many boards at once ($1 guilds, $2 limits), each from the top. The first member has rank 1, and the
# counters of ranks have the number of members. The planner must not see how long the arrays are: for short ones it
# would plan each call anew.
XP_TOPS = f"""
    SELECT page.*, (
        SELECT sum(c.members) FROM xp_counts c WHERE c.guild_id = asked.guild_id AND c.kept = 1
    )::bigint AS member_count, 0::bigint AS above, 0::bigint AS before
    FROM ROWS FROM (unnest((SELECT $1::bigint[])), unnest((SELECT $2::bigint[])))
        WITH ORDINALITY AS asked (guild_id, at_most, place)
    CROSS JOIN LATERAL (
        SELECT {_COLUMNS} FROM (
            SELECT * FROM (
                SELECT b.user_id, b.value FROM boards b WHERE b.guild_id = asked.guild_id AND b.stat = 0
                ORDER BY b.value DESC, b.user_id LIMIT 101
            ) AS longest LIMIT asked.at_most
        ) AS row LEFT JOIN member_names n ON n.guild_id = asked.guild_id AND n.user_id = row.user_id
    ) AS page
    ORDER BY asked.place
"""

# All-time XP behind places ($3 values, $4 users). The counters give the number of members with more than the value;
# their bounds ($5 to $8) follow from the value: see `rules.Bounds`. `before` is the number of members with the same
# value up to the place: all of them, except for those on this page. At most $9 are counted.
XP_PAGES = f"""
    SELECT page.*, counted.members AS member_count, counted.above + (
        SELECT count(*) FROM boards n
        WHERE n.guild_id = asked.guild_id AND n.stat = 0 AND n.value > asked.value AND n.value < asked.fine_end
    ) AS above, (
        SELECT count(*) FROM (
            SELECT FROM boards n
            WHERE n.guild_id = asked.guild_id AND n.stat = 0 AND n.value = asked.value AND n.user_id <= asked.user_id
            LIMIT $9
        ) AS tied
    ) AS before
    FROM ROWS FROM (
        unnest((SELECT $1::bigint[])), unnest((SELECT $2::bigint[])), unnest((SELECT $3::bigint[])),
        unnest((SELECT $4::bigint[])), unnest((SELECT $5::bigint[])), unnest((SELECT $6::bigint[])),
        unnest((SELECT $7::bigint[])), unnest((SELECT $8::bigint[]))
    ) WITH ORDINALITY AS asked (guild_id, at_most, value, user_id, octave, fine, octave_end, fine_end, place)
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(c.members) FILTER (WHERE c.kept = 1), 0)::bigint AS members,
            coalesce(sum(c.members) FILTER (WHERE c.kept = 8 OR c.low > asked.octave), 0)::bigint AS above
        FROM xp_counts c
        WHERE c.guild_id = asked.guild_id
            AND (c.kept = 1 OR c.kept = 8 AND c.low > asked.fine AND c.low < asked.octave_end)
    ) AS counted
    CROSS JOIN LATERAL (
        SELECT {_COLUMNS} FROM (
            SELECT * FROM (
                (SELECT b.user_id, b.value FROM boards b
                 WHERE b.guild_id = asked.guild_id AND b.stat = 0 AND b.value = asked.value
                    AND b.user_id > asked.user_id
                 ORDER BY b.user_id LIMIT 101)
                UNION ALL
                (SELECT b.user_id, b.value FROM boards b
                 WHERE b.guild_id = asked.guild_id AND b.stat = 0 AND b.value < asked.value
                 ORDER BY b.value DESC, b.user_id LIMIT 101)
            ) AS halves ORDER BY value DESC, user_id LIMIT asked.at_most
        ) AS row LEFT JOIN member_names n ON n.guild_id = asked.guild_id AND n.user_id = row.user_id
    ) AS page
    ORDER BY asked.place
"""

# The number of members with the value $2, up to the user $3.
XP_BEFORE = "SELECT count(*) FROM boards WHERE guild_id = $1 AND stat = 0 AND value = $2 AND user_id <= $3"

# The number of members, the rank of the page's first member, and the number of members who share the value with which
# the page begins, in one scan of the board. Materialized, because PostgreSQL would otherwise count again for each row
# of the page.
_HEAD = """
    top AS MATERIALIZED (SELECT max(value) AS value FROM page),
    head AS MATERIALIZED (
        SELECT counted.member_count, counted.rank, CASE WHEN top.value = $2 THEN counted.ties END AS ties
        FROM top CROSS JOIN LATERAL (
            SELECT count(*) AS member_count, 1 + count(*) FILTER (WHERE b.value > top.value) AS rank,
                count(*) FILTER (WHERE b.value = $2) AS ties
            FROM {board}
        ) AS counted
    )
    SELECT page.user_id, page.value, m.xp, n.username, n.display_name, n.avatar, head.member_count, head.rank, head.ties
    FROM head LEFT JOIN (
        page JOIN members m ON m.guild_id = $1 AND m.user_id = page.user_id
        LEFT JOIN member_names n ON n.guild_id = $1 AND n.user_id = page.user_id
    ) ON true
    ORDER BY page.value DESC, page.user_id
"""

# Another built-in stat for all time ($5 its number).
STAT = f"""
    WITH page AS MATERIALIZED ({_PAGE.format(row=_ENTRY, board="boards b", where="b.guild_id = $1 AND b.stat = $5")}),
    {_HEAD.format(board="boards b WHERE b.guild_id = $1 AND b.stat = $5")}
"""

# Boards that are computed on request: each ranked member's activity on some days, or their total of a custom stat. A
# single day needs no sum.
_SUMMED = {
    "days": """
        SELECT a.user_id, sum(a.{stat})::bigint AS value FROM activity_days a
        WHERE a.guild_id = $1 AND a.day BETWEEN {first} AND {second} AND a.user_id > 0 GROUP BY a.user_id
    """,
    "day": """
        SELECT a.user_id, a.{stat} AS value FROM activity_days a
        WHERE a.guild_id = $1 AND a.day BETWEEN {first} AND {second} AND a.user_id > 0
    """,
    "custom_days": """
        SELECT a.user_id, sum(a.value)::bigint AS value FROM custom_stat_days a
        WHERE a.guild_id = $1 AND a.stat = {third} AND a.day BETWEEN {first} AND {second} GROUP BY a.user_id
    """,
    "custom_day": """
        SELECT a.user_id, a.value FROM custom_stat_days a
        WHERE a.guild_id = $1 AND a.stat = {third} AND a.day BETWEEN {first} AND {second}
    """,
    "custom": "SELECT s.user_id, s.value FROM custom_stats s WHERE s.guild_id = $1 AND s.stat = {first}",
}

# Everyone with activity is a member. The few members who are on no board are looked up, instead of all others.
_RANKED = """
    SELECT s.user_id, s.value FROM ({summed}) AS s
    WHERE s.value <> 0 AND NOT EXISTS (
        SELECT FROM members m WHERE m.guild_id = $1 AND m.user_id = s.user_id AND NOT m.is_ranked
    )
"""
_BOARD = f"WITH board AS MATERIALIZED ({_RANKED})"

_SUMMED_PAGE = f"""
    {_BOARD}, page AS MATERIALIZED (
        SELECT * FROM board WHERE value < $2 OR value = $2 AND user_id > $3 ORDER BY value DESC, user_id LIMIT $4
    ),
    {_HEAD.format(board="board b")}
"""

# The $4 members before a member ($3, with the value $2), the nearest first. The last of them begins the page that has
# the member in its middle.
BEFORE = """
    SELECT value, user_id FROM (
        (SELECT b.value, b.user_id FROM boards b
         WHERE b.guild_id = $1 AND b.stat = $5 AND b.value = $2 AND b.user_id < $3
         ORDER BY b.user_id DESC LIMIT $4)
        UNION ALL
        (SELECT b.value, b.user_id FROM boards b
         WHERE b.guild_id = $1 AND b.stat = $5 AND b.value > $2 ORDER BY b.value, b.user_id DESC LIMIT $4)
    ) AS halves ORDER BY value, user_id DESC LIMIT $4
"""

# The value of a member who is on the boards.
OF_MEMBER = "SELECT {stat} AS value FROM members WHERE guild_id = $1 AND user_id = $2 AND is_ranked"

# The member ($2) and the $3 - 1 members before them on a computed board, the nearest first.
_AROUND = f"""
    {_BOARD}, one AS MATERIALIZED (SELECT value, user_id FROM board WHERE user_id = $2)
    SELECT b.value, b.user_id FROM board b, one
    WHERE b.value > one.value OR b.value = one.value AND b.user_id <= one.user_id
    ORDER BY b.value, b.user_id DESC LIMIT $3
"""

# The number of members of a guild.
MEMBERS = "SELECT members FROM member_counts WHERE guild_id = $1"

# A whole board of days as two texts of numbers with eight bytes each, for `snapshot.Snapshot`: row by row, it would
# block the reading process for half a second. Sorted before it is packed, and stored nowhere in between.
_SNAPSHOT = f"""
    SELECT string_agg(int8send(b.user_id), ''::bytea), string_agg(int8send(b.value), ''::bytea),
        (SELECT max(id) FROM members)
    FROM ({_RANKED} ORDER BY value DESC, user_id) AS b
"""

# The members among these ($2) whom a board may show: ranked, and no newer than $3.
SHOWN = """
    SELECT m.user_id, m.xp, n.username, n.display_name, n.avatar
    FROM members m LEFT JOIN member_names n USING (guild_id, user_id)
    WHERE m.guild_id = $1 AND m.user_id = ANY($2::bigint[]) AND m.is_ranked AND m.id <= $3
"""


def page(stat: str, *, of_days: bool, is_one: bool = False) -> str:
    """The statement of a page of a computed board. `is_one`: a single day."""
    return _SUMMED_PAGE.format(summed=_summed(stat, 5, of_days=of_days, is_one=is_one))


def around(stat: str, *, of_days: bool, is_one: bool = False) -> str:
    """The statement that finds the beginning of the page around a member, on a computed board."""
    return _AROUND.format(summed=_summed(stat, 4, of_days=of_days, is_one=is_one))


def snapshot(stat: str, first: date, last: date, cover: Cover | None = None) -> tuple[str, list[object]]:
    """The statement that packs a whole board of days, and its parameters without the guild. `cover`: how to read it
    from checkpoints."""
    if cover is not None:
        (head, tail), summed = cover.days, folding_queries.SUMMED.format(stat=stat)
        return _SNAPSHOT.format(summed=summed), [cover.before, cover.until, *head, *tail]
    summed = _summed(stat, 2, of_days=True, is_one=first == last)
    return _SNAPSHOT.format(summed=summed), [first, last] if stat in STATS else [first, last, stat]


def _summed(stat: str, first: int, *, of_days: bool, is_one: bool) -> str:
    kind = "custom"
    if of_days:
        kind = ("" if stat in STATS else "custom_") + ("day" if is_one else "days")
    return _SUMMED[kind].format(stat=stat, first=f"${first}", second=f"${first + 1}", third=f"${first + 2}")
