"""The SQL of settings."""

import msgspec

_encoder = msgspec.json.Encoder()


def encode(value: object) -> str:
    """JSON as asyncpg takes it for a jsonb."""
    return _encoder.encode(value).decode()


_STATE = """
    g.id AS guild_id, g.roles_synced_at, g.channels_synced_at,
    coalesce(s.overrides, '{}') AS overrides, coalesce(s.revision, 0) AS revision, s.updated_at,
    (SELECT m.version FROM modules m WHERE m.name = $2) AS version
"""

READ = f"""
    SELECT {_STATE} FROM guilds g LEFT JOIN guild_settings s ON s.guild_id = g.id AND s.module = $2
    WHERE g.id = $1 AND g.deleted_at IS NULL
"""

READ_ALL = """
    SELECT s.module, s.overrides FROM guilds g LEFT JOIN guild_settings s ON s.guild_id = g.id
    WHERE g.id = $1 AND g.deleted_at IS NULL
"""

MISSING = """
    SELECT 'role' AS kind, named.id FROM unnest($2::bigint[]) AS named (id)
    WHERE NOT EXISTS (SELECT FROM guild_roles r WHERE r.guild_id = $1 AND r.role_id = named.id)
    UNION ALL
    SELECT 'channel', named.id FROM unnest($3::bigint[]) AS named (id)
    WHERE NOT EXISTS (SELECT FROM guild_channels c WHERE c.guild_id = $1 AND c.channel_id = named.id)
"""

# What the stream tells of a change: the new values, for whoever has those of the revision before. Too much to
# be told is null: read it.
TOLD = """
    jsonb_build_object('module', {module}, 'revision', {revision}, 'values', CASE WHEN pg_column_size({changes}) < 32000
        THEN (SELECT jsonb_object_agg(key, value -> 'after') FROM jsonb_each({changes})) END)
"""

# One statement, so one transaction: the new revision if the one it was made from is still the newest
# and the module still at the version that was asked, its history, its audit entry, its event. No row: look again.
# The setting tells the auditing trigger that this change brings its own entry; as the source of the
# row it is set before the row is written.
STORE = f"""
    WITH stored AS (
        INSERT INTO guild_settings AS s (guild_id, module, overrides, revision, updated_at)
        SELECT $1, $2::varchar, $3::jsonb, $4, $5 FROM set_config('guildhall.audited', 'on', true)
        WHERE EXISTS (SELECT FROM guilds g WHERE g.id = $1 AND g.deleted_at IS NULL)
          AND (SELECT m.version FROM modules m WHERE m.name = $2::varchar FOR SHARE) IS NOT DISTINCT FROM $13::int
        ON CONFLICT (guild_id, module) DO UPDATE
        SET overrides = EXCLUDED.overrides, revision = EXCLUDED.revision, updated_at = EXCLUDED.updated_at
        WHERE s.revision = EXCLUDED.revision - 1
        RETURNING s.changed_xid, s.overrides, s.revision, s.updated_at
    ), history AS (
        INSERT INTO guild_settings_revisions
            (guild_id, module, revision, at, actor_kind, actor_id, reason, before, after, changes)
        SELECT $1, $2::varchar, $4, $5, $8, $9, $10, $6::jsonb, $3::jsonb, $7::jsonb FROM stored
    ), audit AS (
        INSERT INTO audit_log
            (guild_id, at, actor_kind, actor_id, action, target, reason, changes, ip, request_id)
        SELECT $1, $5, $8, $9, 'settings.updated', $2::varchar, $10, $7::jsonb, $11, $12 FROM stored
    ), event AS (
        INSERT INTO outbox (guild_id, type, data)
        SELECT $1, 'settings.updated', {TOLD.format(module="$2::varchar", revision="$4::int", changes="$7::jsonb")}
        FROM stored
    )
    SELECT changed_xid, overrides, revision, updated_at,
        CASE WHEN revision > $14::int THEN guildhall_forget_revisions_beyond($1, $2, revision, $14) END AS forgotten
    FROM stored
"""

FORGET_OLD = "SELECT guildhall_forget_revisions_before($1, $2)"

# For a writer whom others overtook again and again: nobody does, once these are locked.
LOCK_MODULE = "SELECT FROM modules WHERE name = $1 FOR SHARE"
LOCK_SETTINGS = "SELECT FROM guild_settings WHERE guild_id = $1 AND module = $2 FOR UPDATE"

REVISION = "SELECT after FROM guild_settings_revisions WHERE guild_id = $1 AND module = $2 AND revision = $3"

REVISIONS = """
    SELECT revision, module, at, actor_kind, actor_id, reason, before, after, changes
    FROM guild_settings_revisions
    WHERE guild_id = $1 AND module = $2 AND ($3::int IS NULL OR revision < $3)
    ORDER BY revision DESC LIMIT $4
"""
