"""Guilds and members, the same for both sides, by COPY."""

import math
import random
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from io import BytesIO

import asyncpg
import msgspec

from benchmarks.yardstick_sql import TABLES

MILLION, SMALL = 1_000_000, 1_000
BUSY_GUILDS, BUSY_MEMBERS = 16, 10_000
DEEP = 500_000

_FIRST_GUILD = 281384788765712384
_FIRST_USER = 181384788765712384
_STEP = 4_194_319  # between two users: snowflakes are never neighbours
_COLUMNS = (
    "guild_id, user_id, xp, messages, voice_seconds, reactions, commands, last_xp_at, first_seen_at, last_active_at"
)
COUNT_RANKS = """
    INSERT INTO xp_counts (guild_id, kept, low, members)
    SELECT guild_id, kept, guildhall_xp_floor(xp, kept), sum(members)
    FROM (SELECT guild_id, xp, count(*) AS members FROM members WHERE is_ranked GROUP BY guild_id, xp) AS x,
         (VALUES (1), (8)) AS k (kept)
    GROUP BY 1, 2, 3
"""
FILL_BOARDS = """
    INSERT INTO boards (guild_id, stat, value, user_id)
    SELECT guild_id, stat, value, user_id FROM members CROSS JOIN LATERAL (
        VALUES (0, xp), (1, messages), (2, voice_seconds), (3, reactions), (4, commands)
    ) AS each (stat, value)
    WHERE is_ranked AND (stat = 0 OR value > 0)
"""
_AWARDS = """
    INSERT INTO achievement_awards (achievement_id, member_id, guild_id, user_id, name)
    SELECT a.id, m.id, m.guild_id, m.user_id, a.name
    FROM members m JOIN achievements a ON a.guild_id = m.guild_id AND a.condition ->> 'stat' = '{stat}'
    WHERE m.guild_id = $1 AND m.{stat} >= $2
"""
# Ids of last week, of which one in five is no snowflake: for both sides.
_WEEK = 500_000
_OURS = """
    INSERT INTO activity_ids (guild_id, week, id)
    SELECT $1, date_trunc('week', now())::date - 7, CASE WHEN n % 5 > 0
        THEN (lpad(to_hex(900000000000000000 + n * 977), 16, '0') || repeat('0', 16))::uuid
        ELSE encode(set_bit(substr(sha256(('reaction-' || n)::bytea), 1, 16), 7, 1), 'hex')::uuid END
    FROM generate_series(1, $2::bigint) AS n
"""
_THEIRS = """
    INSERT INTO yard_ids (guild_id, id, seen_at)
    SELECT $1, CASE WHEN n % 5 > 0 THEN (900000000000000000 + n * 977)::text ELSE 'reaction-' || n END,
        now() - interval '7 days'
    FROM generate_series(1, $2::bigint) AS n
"""
_PLACES = """
    SELECT user_id, xp, rank, place FROM (
        SELECT user_id, xp, rank() OVER (ORDER BY xp DESC) AS rank,
            row_number() OVER (ORDER BY xp DESC, user_id) AS place
        FROM members WHERE guild_id = $1
    ) AS board WHERE place BETWEEN $2 AND $2 + 1100 ORDER BY place
"""


class Place(msgspec.Struct):
    """Where somebody stands on the board of the million."""

    user_id: int
    xp: int
    rank: int
    place: int


class Seeded(msgspec.Struct):
    """Guilds of the benchmark: one of a million, one of a thousand, and some in which things happen."""

    million: int
    small: int
    busy: list[int]

    @property
    def sizes(self) -> dict[int, int]:
        return {self.million: MILLION, self.small: SMALL, **dict.fromkeys(self.busy, BUSY_MEMBERS)}


GUILDS = Seeded(_FIRST_GUILD, _FIRST_GUILD + 1, [_FIRST_GUILD + 2 + number for number in range(BUSY_GUILDS)])


def user(number: int) -> int:
    """The id of a guild's n-th member."""
    return _FIRST_USER + number * _STEP


async def seed(superuser_url: str, yardstick_owner: str) -> list[Place]:
    """Fills both sides' tables, counts our ranks, and leaves both vacuumed. Guildhall's guilds must be there.
    Returns who stands from 500,000 on among the million."""
    connection = await asyncpg.connect(superuser_url)
    try:
        # Triggers of foreign keys look up the guild once a row; it is the same guild a million times.
        await connection.execute("SET session_replication_role = replica; SET maintenance_work_mem = '256MB'")
        await connection.execute(f"SET ROLE {yardstick_owner}; {TABLES}; RESET ROLE")
        sizes = [(guild, size) for guild, size in GUILDS.sizes.items()]
        await connection.copy_records_to_table("yard_guilds", records=sizes)
        rows = b"".join(_rows())
        for table in ("members", "yard_members"):
            indexes = await _drop_indexes(connection, table)
            await connection.copy_to_table(table, source=BytesIO(rows), columns=_COLUMNS.split(", "))
            for index in indexes:
                await connection.execute(index)
        await connection.execute(COUNT_RANKS)
        indexes = await _drop_indexes(connection, "boards")
        await connection.execute(FILL_BOARDS)
        for index in indexes:
            await connection.execute(index)
        for table in ("members", "boards", "xp_counts", "yard_members", "yard_guilds"):
            await connection.execute(f"VACUUM (ANALYZE) {table}")
        await connection.execute("CHECKPOINT")
        return [Place(*row) for row in await connection.fetch(_PLACES, GUILDS.million, DEEP)]
    finally:
        await connection.close()


async def award_all(superuser_url: str, guild: int, conditions: Mapping[str, int]) -> None:
    """Awards a guild's achievements, each with one stat to reach, to all of its members who have reached it."""
    connection = await asyncpg.connect(superuser_url)
    try:
        await connection.execute("SET session_replication_role = replica; SET maintenance_work_mem = '256MB'")
        indexes = await _drop_indexes(connection, "achievement_awards")
        for stat, gte in conditions.items():
            await connection.execute(_AWARDS.format(stat=stat), guild, gte)
        for index in indexes:
            await connection.execute(index)
        await connection.execute("VACUUM (ANALYZE) achievement_awards")
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()


async def remember_a_week(superuser_url: str, guild: int) -> None:
    """Ids that were delivered to a guild in the week before."""
    connection = await asyncpg.connect(superuser_url)
    try:
        await connection.execute(
            "SELECT guildhall_create_partition('activity_ids', date_trunc('week', now())::date - 7)"
        )
        for statement in (_OURS, _THEIRS):
            await connection.execute(statement, guild, _WEEK)
        await connection.execute("VACUUM (ANALYZE) activity_ids, yard_ids")
    finally:
        await connection.close()


async def _drop_indexes(connection: "asyncpg.Connection[asyncpg.Record]", table: str) -> list[str]:
    """Drops indexes that hold no constraint: they are sooner built anew. Returns how."""
    found = await connection.fetch(
        "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = $1 AND indexname NOT IN (SELECT conname FROM"
        " pg_constraint WHERE conrelid = $1::text::regclass)",
        table,
    )
    for name, _ in found:
        await connection.execute(f"DROP INDEX {name}")
    return [definition for _, definition in found]


def _rows() -> Iterator[bytes]:
    """Members in COPY's text form: most have little XP, few have much."""
    dice = random.Random(1)  # noqa: S311  the same members in every run
    now = datetime.now(UTC).replace(microsecond=0)
    days = [(now - timedelta(days=ago)).isoformat() for ago in range(1, 732)]
    for guild, size in GUILDS.sizes.items():
        for number in range(size):
            xp = min(int(math.exp(dice.gauss(7.6, 1.5))), 5_000_000)
            luck = int(dice.random() * 2**30)
            last = luck % 365
            stats = f"{xp // 19 + 1}\t{luck % 90_000 if luck & 4096 else 0}\t{luck % 300}\t{luck % 40}"
            dates = f"{days[last]}\t{days[last + 1 + luck % 360]}\t{days[last]}"
            yield f"{guild}\t{user(number)}\t{xp}\t{stats}\t{dates}\n".encode()
