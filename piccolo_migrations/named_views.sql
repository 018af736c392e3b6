/* What the admin shows: rows of people with their names beside their ids. A join that is not asked for costs nothing:
   PostgreSQL leaves it out where rows are only counted. Whoever reads a view needs the right to read its tables. */
-- Members with their names.
CREATE VIEW named_members WITH (security_invoker = true) AS
SELECT m.id, m.user_id, n.display_name, n.username, m.guild_id, m.xp, m.messages, m.voice_seconds, m.reactions,
    m.commands, m.streak_from, m.streak_to, m.streak_best, m.first_seen_at, m.last_active_at, m.left_at, m.is_ranked
FROM members m
LEFT JOIN member_names n ON n.guild_id = m.guild_id AND n.user_id = m.user_id;

-- Totals of the stats that a guild's bot counts, with the members' names.
CREATE VIEW named_custom_stats WITH (security_invoker = true) AS
SELECT s.id, s.guild_id, s.user_id, n.display_name, n.username, s.stat, s.value
FROM custom_stats s
LEFT JOIN member_names n ON n.guild_id = s.guild_id AND n.user_id = s.user_id;

-- Awards with the members' names.
CREATE VIEW named_awards WITH (security_invoker = true) AS
SELECT a.id, a.achievement_id, a.guild_id, a.user_id, n.display_name, n.username, a.name, a.xp, a.role_id,
    a.awarded_at, a.awarded_by, a.revoked_at, a.revoked_by
FROM achievement_awards a
LEFT JOIN member_names n ON n.guild_id = a.guild_id AND n.user_id = a.user_id;

-- The audit log with the names, in the entry's guild, of the person who acted and of the person acted on.
CREATE VIEW named_audit_log WITH (security_invoker = true) AS
SELECT e.id, e.at, e.guild_id, e.actor_kind, e.actor_id, coalesce(a.display_name, a.username) AS actor_name,
    e.action, e.target, coalesce(t.display_name, t.username) AS target_name, e.reason, e.changes, e.ip, e.request_id
FROM audit_log e
LEFT JOIN member_names a ON a.guild_id = e.guild_id AND e.actor_kind = 'user'
    AND a.user_id = CASE WHEN e.actor_id ~ '^[1-9][0-9]{0,17}$' THEN e.actor_id::bigint END
LEFT JOIN member_names t ON t.guild_id = e.guild_id
    AND t.user_id = CASE WHEN e.target ~ '^[1-9][0-9]{0,17}$' THEN e.target::bigint END;
