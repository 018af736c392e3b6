"""The SQL of keys. A family is a key that no key made, with all keys that derive from it. A change of one of them first
takes the family's advisory lock, so a new key cannot miss the end of its maker."""

from datetime import datetime
from typing import TYPE_CHECKING

from api.postgres.database import Connection

if TYPE_CHECKING:
    import asyncpg

# The keys that can do no more than the caller's. Nobody sees others. Absent lists mean everything.
WITHIN = "($1::text[] IS NULL OR scopes::text[] <@ $1) AND ($2::bigint[] IS NULL OR guild_ids <@ $2)"


def list_keys(
    *,
    scopes: list[str] | None,
    guilds: list[int] | None,
    parent_id: int | None,
    revoked: bool,
    before: int | None,
    limit: int,
) -> tuple[str, list[object]]:
    """The statement of a page, and its arguments. It has only the requested conditions. A generic plan estimates that
    `$1 IS NULL` is rarely true, so it expects almost no keys and reads the whole table."""
    arguments: list[object] = []

    def given(value: object) -> str:
        arguments.append(value)
        return f"${len(arguments)}"

    keys = "api_keys"
    conditions = [f"revoked_at IS {'NOT ' if revoked else ''}NULL"]
    if scopes is not None:
        conditions.append(f"scopes::text[] <@ {given(scopes)}::text[]")
    if guilds is not None:
        its = f"{given(guilds)}::bigint[]"
        conditions.append(f"guild_ids <@ {its}")
        if parent_id is None:
            # By guild first, alone: no index on other columns leads to fewer keys.
            keys = f"(SELECT * FROM api_keys WHERE guild_ids && {its} OFFSET 0) AS those"
    if parent_id is not None:
        conditions.append(f"parent_id = {given(parent_id)}::bigint")
    if before is not None:
        conditions.append(f"id < {given(before)}::bigint")
    found = f"SELECT * FROM {keys} WHERE {' AND '.join(conditions)}"
    return f"{found} ORDER BY id DESC LIMIT {given(limit)}", arguments


GET = f"SELECT * FROM api_keys WHERE {WITHIN} AND id = $3 AND revoked_at IS NULL"

# Keys by their hashes, each with the budgets of its requests: its own, its maker's, and so on.
BY_HASHES = """
    WITH RECURSIVE line AS (
        SELECT hash AS asked, id, parent_id, origin_id, rate_limit, 0 AS distance
        FROM api_keys WHERE hash = ANY($1::bytea[]) AND revoked_at IS NULL
        UNION ALL
        SELECT line.asked, k.id, k.parent_id, k.origin_id, k.rate_limit, line.distance + 1
        FROM line JOIN api_keys k ON k.id = line.parent_id
    ), budget AS (
        SELECT asked, array_agg(coalesce(origin_id, id) ORDER BY distance) AS ids,
            array_agg(rate_limit ORDER BY distance) AS limits
        FROM line WHERE rate_limit IS NOT NULL GROUP BY asked
    )
    SELECT k.hash, k.id, k.scopes, k.guild_ids, k.rate_limit, k.expires_at, budget.ids AS budget_ids, budget.limits
    FROM api_keys k LEFT JOIN budget ON budget.asked = k.hash
    WHERE k.hash = ANY($1::bytea[]) AND k.revoked_at IS NULL
"""

_LINE = """
    WITH RECURSIVE line AS (
        SELECT k.*, 0 AS distance FROM api_keys k WHERE k.id = $1
        UNION ALL SELECT k.*, line.distance + 1 FROM line JOIN api_keys k ON k.id = line.parent_id
    )
    SELECT * FROM line ORDER BY distance
"""
_LOCK_FAMILY = "SELECT pg_advisory_xact_lock(x'6b657973'::int, hashint8($1))"  # "keys"


async def line_of(connection: Connection, key_id: int) -> "list[asyncpg.Record]":
    """The key, its maker, the maker's maker, and so on. Nothing for a key that does not exist."""
    return await connection.fetch(_LINE, key_id)


async def lock_family(connection: Connection, key_id: int) -> "list[asyncpg.Record]":
    """The key and its makers, locked until the transaction ends."""
    line = await line_of(connection, key_id)
    if not line:
        return []
    # The first of a family may be replaced; its origin stays.
    await connection.execute(_LOCK_FAMILY, line[-1]["origin_id"] or line[-1]["id"])
    return await line_of(connection, key_id)


# A key and all keys that derive from it, without those that have ended.
FAMILY = """
    WITH RECURSIVE family AS (
        SELECT * FROM api_keys WHERE id = $1
        UNION ALL
        SELECT k.* FROM family JOIN api_keys k ON k.parent_id = family.id
            AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > $2)
    )
    SELECT * FROM family ORDER BY id
"""

# The working keys of a family, by the origin of its first key, which may have been rotated.
COUNT_FAMILY = """
    WITH RECURSIVE family AS (
        SELECT id FROM api_keys
        WHERE (id = $1 OR origin_id = $1) AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)
        UNION ALL
        SELECT k.id FROM family JOIN api_keys k ON k.parent_id = family.id
            AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > $2)
    )
    SELECT count(*) FROM family
"""

_OF_GUILD = """
    guild_ids && ARRAY[$1::bigint] AND guild_ids <@ ARRAY[$1::bigint]
    AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)
"""

# The working keys for a guild alone that no other key made: those of people, and of the command line. A rotated key
# and its successor count once.
COUNT_OF_GUILD = f"""
    SELECT count(DISTINCT coalesce(origin_id, id)) FROM api_keys WHERE {_OF_GUILD} AND parent_id IS NULL
"""

_LOCK_FAMILIES_OF_GUILD = f"""
    WITH RECURSIVE line AS (
        SELECT id, parent_id, origin_id FROM api_keys WHERE {_OF_GUILD}
        UNION SELECT k.id, k.parent_id, k.origin_id FROM line JOIN api_keys k ON k.id = line.parent_id
    )
    SELECT pg_advisory_xact_lock(x'6b657973'::int, family) FROM (
        SELECT DISTINCT hashint8(coalesce(origin_id, id)) AS family FROM line WHERE parent_id IS NULL
        ORDER BY family OFFSET 0
    ) AS families
"""
_REVOKE_OF_GUILD = f"UPDATE api_keys SET revoked_at = $2 WHERE {_OF_GUILD} RETURNING id"


async def revoke_keys_of_guild(connection: Connection, guild_id: int, now: datetime) -> list[int]:
    """Revokes the working keys for a guild alone, whoever made them. Returns their ids."""
    # The index of keys by guild is read by a bitmap scan, which the transaction may have disabled for other statements.
    await connection.execute("SET LOCAL enable_bitmapscan = on")
    await connection.execute(_LOCK_FAMILIES_OF_GUILD, guild_id, now)
    return sorted(row["id"] for row in await connection.fetch(_REVOKE_OF_GUILD, guild_id, now))
