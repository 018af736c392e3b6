/* The audit log with names, also those of people whose snowflakes have 19 digits. */
-- The audit log with the names, in the entry's guild, of the person who acted and of the person acted on.
CREATE OR REPLACE VIEW named_audit_log WITH (security_invoker = true) AS
SELECT e.id, e.at, e.guild_id, e.actor_kind, e.actor_id, coalesce(a.display_name, a.username) AS actor_name,
    e.action, e.target, coalesce(t.display_name, t.username) AS target_name, e.reason, e.changes, e.ip, e.request_id
FROM audit_log e
LEFT JOIN member_names a ON a.guild_id = e.guild_id AND e.actor_kind = 'user'
    AND a.user_id = CASE WHEN e.actor_id ~ '^[1-9][0-9]{0,18}$'
        AND (length(e.actor_id) < 19 OR e.actor_id COLLATE "C" <= '9223372036854775807') THEN e.actor_id::bigint END
LEFT JOIN member_names t ON t.guild_id = e.guild_id
    AND t.user_id = CASE WHEN e.target ~ '^[1-9][0-9]{0,18}$'
        AND (length(e.target) < 19 OR e.target COLLATE "C" <= '9223372036854775807') THEN e.target::bigint END;
