"""The SQL of guilds: sets of rows."""

UPSERT_ROLES = """
    INSERT INTO guild_roles (guild_id, role_id, name, position, color)
    SELECT $1, * FROM unnest($2::bigint[], $3::text[], $4::int[], $5::int[])
    ON CONFLICT (guild_id, role_id) DO UPDATE
    SET name = EXCLUDED.name, position = EXCLUDED.position, color = EXCLUDED.color
"""
UPSERT_CHANNELS = """
    INSERT INTO guild_channels (guild_id, channel_id, name, type, parent_id, position)
    SELECT $1, * FROM unnest($2::bigint[], $3::text[], $4::int[], $5::bigint[], $6::int[])
    ON CONFLICT (guild_id, channel_id) DO UPDATE
    SET name = EXCLUDED.name, type = EXCLUDED.type, parent_id = EXCLUDED.parent_id,
        position = EXCLUDED.position
"""

# Deletes a batch of `$2` rows of guild `$1`. These tables grow with a guild's members, so one statement could not
# delete their rows together with the guild's. Rows of partitioned tables are found by key, which selects the partition;
# rows of others by their physical place.
_KEYS = {
    "activity_ids": "guild_id, id, week",
    "activity_days": "guild_id, day, user_id",
    "activity_hours": "guild_id, hour, user_id",
    "custom_stat_days": "guild_id, stat, day, user_id",
}
_PLAIN = (
    "achievement_awards",
    "custom_stats",
    "custom_stat_names",
    "boards",
    "member_names",
    "members",
    "xp_counts",
    "activity_totals",
)
EMPTY = [
    *(
        f"DELETE FROM {table} USING (SELECT {key} FROM {table} WHERE guild_id = $1 LIMIT $2) AS batch ({key})"
        f" WHERE {' AND '.join(f'{table}.{name} = batch.{name}' for name in key.split(', '))}"
        for table, key in _KEYS.items()
    ),
    *(
        f"DELETE FROM {table} WHERE ctid = ANY(ARRAY(SELECT ctid FROM {table} WHERE guild_id = $1 LIMIT $2))"
        for table in _PLAIN
    ),
    """
        DELETE FROM webhook_deliveries WHERE id = ANY(ARRAY(
            SELECT d.id FROM webhooks w JOIN webhook_deliveries d ON d.webhook_id = w.id WHERE w.guild_id = $1 LIMIT $2
        ))
    """,
]
# The application may not delete from this table itself.
DELETE_REVISIONS = "SELECT guildhall_delete_revisions_of($1, $2)"
