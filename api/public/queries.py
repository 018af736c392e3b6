"""The SQL of public pages."""

_GUILD = "g.id, g.name, g.icon, g.locale, s.overrides"

# A guild by its id. Without settings of its own, the module's defaults hold.
BY_ID = f"""
    SELECT {_GUILD} FROM guilds g JOIN guild_settings s ON s.guild_id = g.id AND s.module = 'public'
    WHERE g.id = $1 AND g.deleted_at IS NULL
"""

# A guild by its slug, by the index that keeps slugs apart.
BY_SLUG = f"""
    SELECT {_GUILD} FROM guild_settings s JOIN guilds g ON g.id = s.guild_id
    WHERE s.module = 'public' AND s.overrides ->> 'slug' = $1 AND g.deleted_at IS NULL
"""
