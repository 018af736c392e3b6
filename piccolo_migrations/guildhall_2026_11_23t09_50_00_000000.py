from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.engine import engine_finder

ID = "2026-11-23T09:50:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "Indexes, and the triggers that caches and the audit log live on"

INDEXES = {
    # What the caches of every process ask for, twice a second: what has changed since?
    "guilds_changed_xid_idx": "guilds (changed_xid)",
    "guild_settings_changed_xid_idx": "guild_settings (changed_xid)",
    "modules_changed_xid_idx": "modules (changed_xid)",
    "api_keys_changed_xid_idx": "api_keys (changed_xid)",
    # Every guild that overrides a module, when the module's schema evolves.
    "guild_settings_module_guild_idx": "guild_settings (module, guild_id)",
    # What is purged when the retention ends.
    "guilds_deleted_at_idx": "guilds (deleted_at) WHERE deleted_at IS NOT NULL",
    # A guild's audit log, newest first, also of one actor or of one kind of action.
    "audit_log_guild_id_idx": "audit_log (guild_id, id DESC)",
    "audit_log_guild_actor_idx": "audit_log (guild_id, actor_id, id DESC)",
    "audit_log_guild_action_idx": "audit_log (guild_id, action, id DESC)",
}

FUNCTIONS = [
    # Stamps the row with its transaction, so that `changed_xid >= xmin of my last look`
    # finds every change, in whatever order the transactions committed.
    """
    CREATE OR REPLACE FUNCTION guildhall_stamp() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        NEW.changed_xid := pg_current_xact_id()::text::bigint;
        RETURN NEW;
    END $$
    """,
    # A guild's revision and time of change, also when an admin or psql changed it.
    """
    CREATE OR REPLACE FUNCTION guilds_revise() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF (NEW.name, NEW.icon, NEW.owner_id, NEW.locale, NEW.timezone, NEW.deleted_at)
            IS DISTINCT FROM (OLD.name, OLD.icon, OLD.owner_id, OLD.locale, OLD.timezone, OLD.deleted_at)
        THEN
            NEW.revision := OLD.revision + 1;
            NEW.updated_at := now();
        END IF;
        RETURN NEW;
    END $$
    """,
    # Only a wake-up: whoever misses it finds the change at the next look.
    """
    CREATE OR REPLACE FUNCTION guildhall_wake() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_notify('guildhall', '');
        RETURN NULL;
    END $$
    """,
    # Audits what no service audited: edits in Piccolo Admin and by hand. The argument is the
    # noun of the action; `hidden` columns leave no trace in the log.
    """
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
    """,
]

TRIGGERS = {
    ("guilds_revise", "guilds"): "BEFORE UPDATE {on} FOR EACH ROW EXECUTE FUNCTION guilds_revise()",
    (
        "guilds_stamp",
        "guilds",
    ): "BEFORE INSERT OR UPDATE {on} FOR EACH ROW EXECUTE FUNCTION guildhall_stamp()",
    (
        "guild_settings_stamp",
        "guild_settings",
    ): "BEFORE INSERT OR UPDATE {on} FOR EACH ROW EXECUTE FUNCTION guildhall_stamp()",
    (
        "modules_stamp",
        "modules",
    ): "BEFORE INSERT OR UPDATE {on} FOR EACH ROW EXECUTE FUNCTION guildhall_stamp()",
    # Not for `last_used_at`, or every use would empty every cache of the key.
    (
        "api_keys_stamp",
        "api_keys",
    ): "BEFORE INSERT OR UPDATE OF name, scopes, guild_ids, rate_limit, expires_at, revoked_at {on}"
    " FOR EACH ROW EXECUTE FUNCTION guildhall_stamp()",
    ("guilds_wake", "guilds"): "AFTER UPDATE {on} FOR EACH STATEMENT EXECUTE FUNCTION guildhall_wake()",
    (
        "guild_settings_wake",
        "guild_settings",
    ): "AFTER INSERT OR UPDATE {on} FOR EACH STATEMENT EXECUTE FUNCTION guildhall_wake()",
    (
        "modules_wake",
        "modules",
    ): "AFTER INSERT OR UPDATE {on} FOR EACH STATEMENT EXECUTE FUNCTION guildhall_wake()",
    (
        "api_keys_wake",
        "api_keys",
    ): "AFTER UPDATE OF name, scopes, guild_ids, rate_limit, expires_at, revoked_at {on}"
    " FOR EACH STATEMENT EXECUTE FUNCTION guildhall_wake()",
} | {
    (f"{table}_audit", table): "AFTER INSERT OR UPDATE OR DELETE {on} FOR EACH ROW"
    " WHEN (current_setting('guildhall.audited', true) IS DISTINCT FROM 'on')"
    f" EXECUTE FUNCTION guildhall_audit('{noun}')"
    for table, noun in {
        "guilds": "guild",
        "guild_settings": "settings",
        "modules": "module",
        "api_keys": "key",
        "admin_users": "admin",
    }.items()
}


async def run(statements: list[str]) -> None:
    engine = engine_finder()
    assert engine is not None
    for statement in statements:
        await engine.run_ddl(statement)


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="guildhall", description=DESCRIPTION)

    async def create() -> None:
        await run([f"CREATE INDEX IF NOT EXISTS {name} ON {on}" for name, on in INDEXES.items()])
        await run(["CREATE UNIQUE INDEX IF NOT EXISTS admin_sessions_token_key ON admin_sessions (token)"])
        await run(FUNCTIONS)
        await run(
            [
                f"CREATE OR REPLACE TRIGGER {name} {body.format(on=f'ON {table}')}"
                for (name, table), body in TRIGGERS.items()
            ]
        )

    async def drop() -> None:
        await run([f"DROP TRIGGER IF EXISTS {name} ON {table}" for name, table in TRIGGERS])
        await run(
            [
                f"DROP FUNCTION IF EXISTS {name}()"
                for name in ("guildhall_audit", "guildhall_wake", "guilds_revise", "guildhall_stamp")
            ]
        )
        await run([f"DROP INDEX IF EXISTS {name}" for name in [*INDEXES, "admin_sessions_token_key"]])

    manager.add_raw(create)
    manager.add_raw_backwards(drop)
    return manager
