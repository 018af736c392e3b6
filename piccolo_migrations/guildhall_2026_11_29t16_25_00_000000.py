"""What the trigger audits carries the address and the request that it came by, where the transaction says so."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.engine import engine_finder

ID = "2026-11-29T16:25:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "Address and request of edits in the admin"

AFTER = """
    CREATE OR REPLACE FUNCTION guildhall_audit() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        hidden text[] := ARRAY['hash', 'password', 'token', 'changed_xid', 'revision', 'updated_at',
                               'last_used_at', 'last_login'];
        before jsonb := CASE WHEN TG_OP = 'INSERT' THEN '{}' ELSE to_jsonb(OLD) - hidden END;
        after jsonb := CASE WHEN TG_OP = 'DELETE' THEN '{}' ELSE to_jsonb(NEW) - hidden END;
        whole jsonb := CASE WHEN TG_OP = 'DELETE' THEN before ELSE after END;
        admin text := nullif(current_setting('guildhall.admin', true), '');
        address text := nullif(current_setting('guildhall.ip', true), '');
        request text := nullif(current_setting('guildhall.request_id', true), '');
        diff jsonb;
    BEGIN
        SELECT jsonb_object_agg(key, jsonb_build_object('before', b, 'after', a)) INTO diff
        FROM (
            SELECT key,
                   CASE WHEN key ~ '(^|_)id$' AND jsonb_typeof(before -> key) = 'number'
                        THEN to_jsonb(before ->> key) ELSE before -> key END AS b,
                   CASE WHEN key ~ '(^|_)id$' AND jsonb_typeof(after -> key) = 'number'
                        THEN to_jsonb(after ->> key) ELSE after -> key END AS a
            FROM jsonb_object_keys(before || after) AS key
            WHERE before -> key IS DISTINCT FROM after -> key
        ) AS changed;
        IF diff IS NULL AND TG_OP = 'UPDATE' AND to_jsonb(OLD) ->> 'password' IS DISTINCT FROM to_jsonb(NEW) ->> 'password' THEN
            diff := '{"password": {"before": null, "after": null}}';
        END IF;
        IF diff IS NOT NULL THEN
            INSERT INTO audit_log (guild_id, actor_kind, actor_id, action, target, changes, ip, request_id)
            VALUES (
                CASE WHEN TG_TABLE_NAME = 'guilds' THEN (whole ->> 'id')::bigint
                     ELSE (whole ->> 'guild_id')::bigint END,
                CASE WHEN admin IS NULL THEN 'system' ELSE 'admin' END,
                coalesce(admin, session_user),
                TG_ARGV[0] || '.' || CASE TG_OP WHEN 'INSERT' THEN 'created' WHEN 'UPDATE' THEN 'updated' ELSE 'deleted' END,
                coalesce(whole ->> 'module', whole ->> 'username',
                         CASE WHEN TG_TABLE_NAME = 'modules' THEN whole ->> 'name' ELSE whole ->> 'id' END),
                diff,
                address,
                request
            );
        END IF;
        RETURN NULL;
    END $$
"""

BEFORE = """
    CREATE OR REPLACE FUNCTION guildhall_audit() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        hidden text[] := ARRAY['hash', 'password', 'token', 'changed_xid', 'revision', 'updated_at',
                               'last_used_at', 'last_login'];
        before jsonb := CASE WHEN TG_OP = 'INSERT' THEN '{}' ELSE to_jsonb(OLD) - hidden END;
        after jsonb := CASE WHEN TG_OP = 'DELETE' THEN '{}' ELSE to_jsonb(NEW) - hidden END;
        whole jsonb := CASE WHEN TG_OP = 'DELETE' THEN before ELSE after END;
        admin text := nullif(current_setting('guildhall.admin', true), '');
        diff jsonb;
    BEGIN
        SELECT jsonb_object_agg(key, jsonb_build_object('before', b, 'after', a)) INTO diff
        FROM (
            SELECT key,
                   CASE WHEN key ~ '(^|_)id$' AND jsonb_typeof(before -> key) = 'number'
                        THEN to_jsonb(before ->> key) ELSE before -> key END AS b,
                   CASE WHEN key ~ '(^|_)id$' AND jsonb_typeof(after -> key) = 'number'
                        THEN to_jsonb(after ->> key) ELSE after -> key END AS a
            FROM jsonb_object_keys(before || after) AS key
            WHERE before -> key IS DISTINCT FROM after -> key
        ) AS changed;
        IF diff IS NULL AND TG_OP = 'UPDATE' AND to_jsonb(OLD) ->> 'password' IS DISTINCT FROM to_jsonb(NEW) ->> 'password' THEN
            diff := '{"password": {"before": null, "after": null}}';
        END IF;
        IF diff IS NOT NULL THEN
            INSERT INTO audit_log (guild_id, actor_kind, actor_id, action, target, changes)
            VALUES (
                CASE WHEN TG_TABLE_NAME = 'guilds' THEN (whole ->> 'id')::bigint
                     ELSE (whole ->> 'guild_id')::bigint END,
                CASE WHEN admin IS NULL THEN 'system' ELSE 'admin' END,
                coalesce(admin, session_user),
                TG_ARGV[0] || '.' || CASE TG_OP WHEN 'INSERT' THEN 'created' WHEN 'UPDATE' THEN 'updated' ELSE 'deleted' END,
                coalesce(whole ->> 'module', whole ->> 'username',
                         CASE WHEN TG_TABLE_NAME = 'modules' THEN whole ->> 'name' ELSE whole ->> 'id' END),
                diff
            );
        END IF;
        RETURN NULL;
    END $$
"""


async def run(statement: str) -> None:
    engine = engine_finder()
    assert engine is not None
    await engine.run_ddl(statement)


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="guildhall", description=DESCRIPTION)

    async def tell() -> None:
        await run(AFTER)

    async def forget() -> None:
        await run(BEFORE)

    manager.add_raw(tell)
    manager.add_raw_backwards(forget)
    return manager
