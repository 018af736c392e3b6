"""The SQL of exports, in the order of their lines. Columns are named as the members of the lines.

Statements with LIMIT read one batch, after the key of the last row of the batch before."""

# A guild that is not deleted, and whether its bot has sent roles and channels.
GUILD = """
    SELECT name, icon, owner_id::text, locale, timezone, roles_synced_at IS NOT NULL AS has_roles,
        channels_synced_at IS NOT NULL AS has_channels
    FROM guilds WHERE id = $1 AND deleted_at IS NULL
"""

ROLES = "SELECT role_id::text AS id, name, position, color FROM guild_roles WHERE guild_id = $1 ORDER BY role_id"

CHANNELS = """
    SELECT channel_id::text AS id, name, type, parent_id::text, position FROM guild_channels
    WHERE guild_id = $1 ORDER BY channel_id
"""

SETTINGS = "SELECT module, overrides FROM guild_settings WHERE guild_id = $1 ORDER BY module"

# Members with their names and custom stats.
MEMBERS = """
    SELECT m.user_id, m.xp, m.messages, m.voice_seconds, m.reactions, m.commands, m.last_xp_at, m.streak_from,
        m.streak_to, m.streak_best, m.first_seen_at, m.last_active_at, m.left_at, m.is_ranked,
        m.card_accent, p.hidden_at IS NOT NULL AS is_hidden, n.username, n.display_name, n.avatar,
        (SELECT json_object_agg(s.stat, s.value ORDER BY s.stat) FROM custom_stats s
         WHERE s.guild_id = $1 AND s.user_id = m.user_id) AS custom_stats
    FROM members m LEFT JOIN privacy_choices p ON p.user_id = m.user_id
    LEFT JOIN member_names n ON n.guild_id = $1 AND n.user_id = m.user_id
    WHERE m.guild_id = $1 AND m.user_id > $2 ORDER BY m.user_id LIMIT $3
"""

ACHIEVEMENTS = """
    SELECT id, key, name, description, icon, hidden, prerequisites, retroactive, condition, reward_xp,
        reward_role_id::text AS role_id, deleted_at IS NOT NULL AS deleted
    FROM achievements WHERE guild_id = $1 ORDER BY id
"""

# Awards of the guild's own achievements, and of those of the whole installation.
AWARDS = """
    SELECT a.key AS achievement, w.user_id, w.name, w.awarded_at,
        CASE WHEN a.guild_id IS NULL THEN 'global' ELSE 'guild' END AS scope, w.xp, w.role_id::text AS role_id,
        w.awarded_by, w.revoked_at, w.revoked_by, w.member_id, w.achievement_id
    FROM members m JOIN achievement_awards w ON w.member_id = m.id JOIN achievements a ON a.id = w.achievement_id
    WHERE m.guild_id = $1 AND (m.id, w.achievement_id) > ($2, $3) ORDER BY m.id, w.achievement_id LIMIT $4
"""

# The first rows of a guild: reading begins at their partitions.
FIRST_DAY = "SELECT min(day) FROM activity_days WHERE guild_id = $1"
FIRST_HOUR = "SELECT min(hour) FROM activity_hours WHERE guild_id = $1"
FIRST_STAT_DAY = "SELECT min(day) FROM custom_stat_days WHERE guild_id = $1"

# The first condition prunes partitions, the second one is the position to continue from.
DAYS = """
    SELECT day, user_id, xp, messages, voice_seconds, reactions, commands, earned_xp, events FROM activity_days
    WHERE guild_id = $1 AND day >= $2 AND (day, user_id) > ($2, $3) ORDER BY day, user_id LIMIT $4
"""

HOURS = """
    SELECT hour, user_id, xp, messages, voice_seconds, reactions, commands FROM activity_hours
    WHERE guild_id = $1 AND hour >= $2 AND (hour, user_id) > ($2, $3) ORDER BY hour, user_id LIMIT $4
"""

STAT_DAYS = """
    SELECT stat, day, user_id, value FROM custom_stat_days
    WHERE guild_id = $1 AND (stat, day, user_id) > ($2::varchar, $3, $4) ORDER BY stat, day, user_id LIMIT $5
"""

# The weeks of the ids of events, without the one of imported events ($2).
WEEKS = "SELECT DISTINCT week FROM activity_ids WHERE guild_id = $1 AND week < $2 ORDER BY week"

IDS = """
    SELECT week, id FROM activity_ids WHERE guild_id = $1 AND week = $2 AND id > $3::uuid ORDER BY id LIMIT $4
"""
