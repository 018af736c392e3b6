"""The SQL of settings."""

from datetime import datetime

import msgspec

from api.audit.queries import entries
from api.auth.actors import Actor
from api.events.outbox import outbox_rows

_encoder = msgspec.json.Encoder()


def encode(value: object) -> str:
    """JSON in the form that asyncpg takes for a jsonb."""
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

# An event's data: the new values, for a reader who has those of the revision before. Null if they are too large: read
# the settings.
EVENT_DATA = """
    jsonb_build_object('module', {module}, 'revision', {revision}, 'values', CASE WHEN pg_column_size({changes}) < 32000
        THEN (SELECT jsonb_object_agg(key, value -> 'after') FROM jsonb_each({changes})) END)
"""

_ENTRY = entries(
    "stored",
    guild_id="$1",
    at="$5",
    kind="$7",
    actor="$8",
    action="'settings.updated'",
    target="$2::varchar",
    reason="$9",
    changes="$11",
    ip="$12",
    request_id="$13",
)
_EVENT = outbox_rows(
    "stored",
    guild_id="$1",
    type_="'settings.updated'",
    data=EVENT_DATA.format(module="$2::varchar", revision="$4::int", changes="$11::jsonb"),
)

# One statement, so one transaction: the new revision, its history, its audit entry, its event. It returns no row, and
# stores nothing, if the revision is not the next one, or the module has another version than `$6`. `store` names the
# parameters.
STORE = f"""
    WITH stored AS (
        -- This setting says that the change writes its own audit entry. It stands in the source of the row, so it is
        -- set before the row is written and the auditing trigger runs.
        INSERT INTO guild_settings AS s (guild_id, module, overrides, revision, updated_at)
        SELECT $1, $2::varchar, $3::jsonb, $4, $5 FROM set_config('guildhall.audited', 'on', true)
        WHERE EXISTS (SELECT FROM guilds g WHERE g.id = $1 AND g.deleted_at IS NULL)
          AND (SELECT m.version FROM modules m WHERE m.name = $2::varchar FOR SHARE) IS NOT DISTINCT FROM $6::int
        ON CONFLICT (guild_id, module) DO UPDATE
        SET overrides = EXCLUDED.overrides, revision = EXCLUDED.revision, updated_at = EXCLUDED.updated_at
        WHERE s.revision = EXCLUDED.revision - 1
        RETURNING s.changed_xid, s.overrides, s.revision, s.updated_at
    ), history AS (
        INSERT INTO guild_settings_revisions
            (guild_id, module, revision, at, actor_kind, actor_id, reason, before, after, changes)
        SELECT $1, $2::varchar, $4, $5, $7, $8, $9, $10::jsonb, $3::jsonb, $11::jsonb FROM stored
    ), audit AS ({_ENTRY}), event AS ({_EVENT})
    SELECT changed_xid, overrides, revision, updated_at,
        CASE WHEN revision > $14::int THEN guildhall_delete_revisions_beyond($1, $2, revision, $14) END AS deleted
    FROM stored
"""


def store(
    *,
    guild_id: int,
    module: str,
    overrides: str,
    revision: int,
    at: datetime,
    version: int | None,
    actor: Actor,
    before: str,
    changes: str,
    kept: int,
) -> tuple[object, ...]:
    """The parameters of `STORE`. `version`: the module's; None for a built-in one. `before`: the overrides before.
    `kept`: the number of revisions to keep."""
    return (
        *(guild_id, module, overrides, revision, at, version, actor.kind, actor.id, actor.reason, before, changes),
        *(actor.ip, actor.request_id, kept),
    )


DELETE_OLD = "SELECT guildhall_delete_revisions_before($1, $2)"

_RESET_ENTRIES = entries(
    "reset r",
    guild_id="r.guild_id",
    at="$6",
    kind="$7",
    actor="$8",
    action="'settings.reset'",
    target="$1",
    reason="$9",
    changes="r.changes",
    ip="$10",
    request_id="$11",
)
_RESET_EVENTS = outbox_rows(
    "reset r JOIN stored s USING (guild_id)",
    guild_id="guild_id",
    type_="'settings.updated'",
    data=EVENT_DATA.format(module="$1::varchar", revision="s.revision", changes="r.changes"),
)

# Resets the values that a new schema of module `$1` refuses, in many guilds at once: overrides, history, audit entries,
# events.
RESET = f"""
    WITH reset AS (
        SELECT * FROM unnest($2::bigint[], $3::jsonb[], $4::jsonb[], $5::jsonb[])
            AS r (guild_id, before, after, changes)
    ), stored AS (
        UPDATE guild_settings s SET overrides = r.after, revision = s.revision + 1, updated_at = $6
        FROM reset r WHERE s.guild_id = r.guild_id AND s.module = $1
        RETURNING s.guild_id, s.revision
    ), history AS (
        INSERT INTO guild_settings_revisions
            (guild_id, module, revision, at, actor_kind, actor_id, reason, before, after, changes)
        SELECT guild_id, $1, s.revision, $6, $7, $8, $9, r.before, r.after, r.changes
        FROM reset r JOIN stored s USING (guild_id)
    ), event AS ({_RESET_EVENTS})
    {_RESET_ENTRIES}
"""

# A registered module. The stamp shows whether it must be compiled again.
READ_MODULE = "SELECT name, version, title, description, schema, changed_xid FROM modules WHERE name = $1"

READ_MODULE_STAMPS = "SELECT name, changed_xid FROM modules"
