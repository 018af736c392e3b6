"""The schemas that an installation may have, and data for each of them. A release adds a line to `RELEASES`."""

from datetime import UTC, datetime
from typing import NamedTuple

from api.postgres.engine import PlainConnection
from tests.support.people import ADA, BO, HARBOUR, QUARRY


class Release(NamedTuple):
    """`commit`: its tag, or a commit with its schema. `last`: the id of its last migration. `serves_on`: whether its
    servers can go on during and after `guildhall migrate` of this version; CHANGELOG.md says so where they cannot."""

    name: str
    commit: str
    last: str
    serves_on: bool = True


# Nothing has a tag yet. People who follow the main branch may have any of its schemas: here are the first that can be
# migrated, and those before and after a change for which servers must be stopped.
RELEASES = (
    Release("the schema in one file", "b6fd95a", "2026-11-30T08:01:00:000000", serves_on=False),
    Release("ids of events as keys", "83cf17b", "2026-11-30T20:30:00:000000", serves_on=False),
    Release("names in the field's words", "4bf1826", "2026-12-01T10:30:00:000000"),
)

MEMBERS = 1_000

# What the later checks expect. Only tables and columns that each release has; ids of events have two forms.
_FILL = f"""
    INSERT INTO guilds (id, name, timezone) VALUES ({HARBOUR}, 'Harbour', 'Europe/Berlin'), ({QUARRY}, 'Quarry', 'UTC');
    INSERT INTO guild_settings (guild_id, module, overrides)
        VALUES ({HARBOUR}, 'leveling', '{{"cooldown_seconds": 0, "xp_per_message": {{"min": 20, "max": 20}}}}');
    INSERT INTO modules (name, title, schema) VALUES ('greeter', 'Greeter', '{{"type": "object",
        "additionalProperties": false, "properties": {{"text": {{"type": "string", "default": "Hello"}}}}}}');
    INSERT INTO members (guild_id, user_id, xp, messages, first_seen_at, last_active_at)
        SELECT guild, person, xp, messages, timestamptz '2026-10-01Z', timestamptz '2026-11-01Z' FROM (
            SELECT {HARBOUR}, n, 100 * n, n FROM generate_series(1, {MEMBERS}) AS n
            UNION ALL VALUES ({HARBOUR}, {ADA}, 4675, 77), ({QUARRY}, {BO}, 255, 9)
        ) AS each (guild, person, xp, messages);
    INSERT INTO boards (guild_id, stat, value, user_id)
        SELECT guild_id, stat, value, user_id FROM members
        CROSS JOIN LATERAL (VALUES (0, xp), (1, messages)) AS each (stat, value);
    INSERT INTO xp_counts (guild_id, kept, low, members)
        SELECT guild_id, kept, guildhall_xp_floor(xp, kept), count(*)
        FROM members CROSS JOIN (VALUES (1), (8)) AS each (kept) GROUP BY 1, 2, 3;
    INSERT INTO custom_stat_names (guild_id, stat) VALUES ({HARBOUR}, 'duels');
    INSERT INTO custom_stats (guild_id, user_id, stat, value) VALUES ({HARBOUR}, {ADA}, 'duels', 3);
    INSERT INTO achievements (guild_id, key, name, condition)
        VALUES ({HARBOUR}, 'chatterbox', 'Chatterbox', '{{"stat": "messages", "gte": 50}}');
    INSERT INTO achievement_awards (achievement_id, member_id, guild_id, user_id, name, awarded_at)
        SELECT a.id, m.id, m.guild_id, m.user_id, a.name, '2026-10-02'
        FROM achievements a JOIN members m ON m.guild_id = a.guild_id AND m.user_id = {ADA};
    SELECT {{create_partition}}('activity_ids', date_trunc('week', now())::date),
        {{create_partition}}('activity_days', '2026-11-01');
    INSERT INTO activity_days (guild_id, day, user_id, messages, xp, events)
        VALUES ({HARBOUR}, '2026-11-01', {ADA}, 5, 100, 5), ({HARBOUR}, '2026-11-01', 0, 5, 100, 5);
"""

EVENTS = [str(900_000_000_000_000_000 + n) for n in range(20)] + [f"reaction-{n}" for n in range(20)]

_TEXTS = """
    INSERT INTO activity_ids (guild_id, week, id) SELECT $1, date_trunc('week', now())::date, unnest($2::text[])
"""
_KEYS = """
    INSERT INTO activity_ids (guild_id, week, id)
    SELECT $1, date_trunc('week', now())::date, CASE WHEN id ~ '^[1-9][0-9]{0,18}$'
        THEN (lpad(to_hex(id::bigint), 16, '0') || repeat('0', 16))::uuid
        ELSE encode(set_bit(substr(sha256(id::bytea), 1, 16), 7, 1), 'hex')::uuid END
    FROM unnest($2::text[]) AS id
"""


async def fill(connection: PlainConnection) -> None:
    """Fills an empty database, as its owner, whatever release its schema is of."""
    earlier, later = "guildhall_make_part", "guildhall_create_partition"
    name = earlier if await connection.fetchval("SELECT to_regproc($1)", earlier) else later
    await connection.execute(_FILL.replace("{create_partition}", name))
    kind = await connection.fetchval(
        "SELECT data_type FROM information_schema.columns WHERE (table_name, column_name) = ('activity_ids', 'id')"
    )
    await connection.execute(_KEYS if kind == "uuid" else _TEXTS, HARBOUR, EVENTS)


def repeated() -> list[dict[str, str]]:
    """The events that `fill` has counted, as a bot sends them again."""
    now = datetime.now(UTC).isoformat()
    return [
        {"id": id_, "type": "message", "user_id": str(ADA), "channel_id": "1", "occurred_at": now} for id_ in EVENTS
    ]
