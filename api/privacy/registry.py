"""The registry of personal data: every column that holds, or may hold, who somebody is, and what erasing does with it.

Exports and erasures follow it; a test fails for a column of the database that is not in it."""

from api.privacy import registry_queries as sql
from api.privacy.places import Place, emptied, kept

_SETTINGS = (
    "How the guild is set up, by those who run it; a setting may name somebody, as a moderator for instance, and the"
    " bot would act otherwise without."
)
_IN_FLIGHT = "Of imports that are under way, and removed when they end: what is the person's in it counts no more."

REGISTRY = (
    # What somebody did, guild by guild. The guild's own totals are rows of user 0, sums that name nobody: they stay.
    Place(
        table="members",
        columns=("user_id",),
        rule="erase",
        why="Their standing in a guild.",
        step="guild",
        export="""
            SELECT guild_id, xp, messages, voice_seconds, reactions, commands, last_xp_at, streak_from, streak_to,
                streak_best, first_seen_at, last_active_at, left_at, card_accent
            FROM members WHERE user_id = $1 AND guild_id = $2
        """,
    ),
    Place(
        table="member_names",
        columns=("user_id", "username", "display_name", "avatar"),
        rule="erase",
        why="What they are called there, and their avatar.",
        step="guild",
        export="""
            SELECT guild_id, username, display_name, avatar FROM member_names WHERE user_id = $1 AND guild_id = $2
        """,
    ),
    Place(
        table="custom_stats",
        columns=("user_id",),
        rule="erase",
        why="Their totals of what the guild's bot counts.",
        step="guild",
        export="SELECT guild_id, stat, value FROM custom_stats WHERE user_id = $1 AND guild_id = $2 ORDER BY stat",
    ),
    Place(
        table="activity_days",
        columns=("user_id",),
        rule="erase",
        why="What they did by day.",
        step="guild",
        export=sql.DAYS,
    ),
    Place(
        table="activity_hours", columns=("user_id",), rule="erase", why="And by hour.", step="guild", export=sql.HOURS
    ),
    Place(
        table="custom_stat_days",
        columns=("user_id",),
        rule="erase",
        why="Custom stats by day.",
        step="guild",
        export=sql.STAT_DAYS,
    ),
    Place(
        table="boards",
        columns=("user_id",),
        rule="erase",
        why="What `members` has, in order: not exported again.",
        step="guild",
    ),
    Place(
        table="activity_totals",
        columns=("user_id",),
        rule="erase",
        why="Sums of what `activity_days` has, in large guilds: not exported again.",
        step="guild",
    ),
    Place(
        table="achievement_awards",
        columns=("user_id",),
        rule="erase",
        why="What they have earned; the counts of awards go down with it.",
        step="guild",
        export="""
            SELECT a.guild_id, d.key, a.name, a.xp, a.role_id, a.awarded_at, a.revoked_at
            FROM achievement_awards a JOIN achievements d ON d.id = a.achievement_id
            WHERE a.user_id = $1 AND a.guild_id = $2 ORDER BY a.id
        """,
    ),
    Place(
        table="card_backgrounds",
        columns=("picture",),
        rule="keep",
        why="The guild's picture behind its cards: no person's. It goes with the guild.",
    ),
    # What they chose.
    Place(
        table="privacy_choices",
        columns=("user_id",),
        rule="keep",
        why="Their own choice: without it they would be shown and counted again. It goes when they take it back.",
        export="SELECT hidden_at, opted_out_at FROM privacy_choices WHERE user_id = $1 AND $2::bigint[] IS NULL",
    ),
    Place(
        table="sessions",
        columns=("user_id", "username", "display_name", "avatar", "user_agent", "ip"),
        rule="anonymise",
        why="Their browsers that are logged in: the sessions end, and say no more whose they were.",
        export="""
            SELECT username, display_name, avatar, user_agent, ip, created_at, last_used_at, expires_at, ended_at
            FROM sessions WHERE user_id = $1 AND $2::bigint[] IS NULL ORDER BY id
        """,
        erase=sql.END_SESSIONS,
    ),
    # Where they are named.
    Place(
        table="guilds",
        columns=("owner_id",),
        rule="anonymise",
        why="Guilds that they own; the bot may say so anew.",
        export="""
            SELECT id AS guild_id, name, owner_id FROM guilds
            WHERE owner_id = $1 AND ($2::bigint[] IS NULL OR id = ANY($2))
        """,
        erase=emptied("guilds", "owner_id = NULL", user="owner_id", guild="id"),
    ),
    Place(
        table="audit_log",
        columns=("actor_id", "target", "reason", "changes", "ip"),
        rule="anonymise",
        why="The log keeps who changed what, under a pseudonym that nobody can turn back into a person.",
        step="pages",
        export=sql.TRAIL,
        documents=("changes",),
        erase="SELECT * FROM guildhall_forget_in_audit_log($1, $2, $3)",
    ),
    Place(
        table="guild_settings_revisions",
        columns=("actor_id", "reason"),
        rule="anonymise",
        why="The same of settings.",
        step="pages",
        export=sql.REVISIONS,
        documents=("changes",),
        erase="SELECT * FROM guildhall_forget_in_revisions($1, $2, $3)",
    ),
    Place(
        table="imports",
        columns=("actor_id", "reason", "ip", "preview"),
        rule="anonymise",
        why="Who asked for it, and what a dry run foretold of them.",
        step="ids",
        export=sql.IMPORTS,
        documents=("preview",),
        erase=sql.FORGET_IN_IMPORTS,
    ),
    Place(
        table="outbox",
        columns=("user_id", "data"),
        rule="anonymise",
        why="Events on their way into the stream.",
        export=sql.EVENTS_ABOUT.format(table="outbox"),
        documents=("data",),
        erase=emptied("outbox", sql.ERASED_EVENT),
    ),
    Place(
        table="stream_events",
        columns=("user_id", "data"),
        rule="anonymise",
        why="The stream of the last seven days: the position stays, what happened does not.",
        export=sql.EVENTS_ABOUT.format(table="stream_events"),
        documents=("data",),
        erase=emptied("stream_events", sql.ERASED_EVENT),
    ),
    Place(
        table="idempotent_answers",
        columns=("user_ids",),
        rule="erase",
        why="Answers of the last day that name them: forgotten, as if their keys had never been used.",
        erase=sql.FORGET_ANSWERS,
    ),
    Place(
        table="achievement_awards",
        columns=("awarded_by", "revoked_by"),
        rule="anonymise",
        why="Awards that they gave by hand, or took away.",
        step="ids",
        name="awards_by_hand",
        export=sql.AWARDED_BY_THEM,
        erase=sql.FORGET_WHO_AWARDED,
    ),
    Place(
        table="achievement_awardings",
        columns=("after_user_id",),
        rule="anonymise",
        why="Where a job stands, one of all members: nothing of theirs, and not exported.",
        erase=sql.STEP_BACK,
    ),
    # What stays.
    kept("guild_settings", ("overrides",), _SETTINGS),
    kept("guild_settings_revisions", ("before", "after", "changes"), _SETTINGS),
    kept("imports", ("digest",), "A hash of the file."),
    kept("imports", ("reached", "refused_rows"), "Places in a file, and what is wrong there: nobody's id."),
    kept("import_members", ("user_id",), _IN_FLIGHT),
    kept("import_events", ("data",), _IN_FLIGHT),
    kept("import_chunks", ("data",), _IN_FLIGHT),
    kept("modules", ("schema",), "Written by a bot for every guild: it names nobody."),
    kept("erased_people", ("digest",), "A salted hash, for eight days: so that what comes late brings nobody back."),
    kept("erasure_salt", ("salt",), "The salt of these hashes."),
    kept("pseudonym_key", ("inner_pad", "outer_pad"), "The key of the words that stand for erased people."),
    kept("idempotent_answers", ("address", "body_hash", "holder", "headers"), "Hashes, and headers that name nobody."),
    kept("webhooks", ("secret", "holder"), "What signs, encrypted, and the number of a process."),
    kept("api_keys", ("hash",), "A hash of the key."),
    kept("achievements", ("condition", "prerequisites"), "What is to be earned, by whomever: it names nobody."),
    kept("sessions", ("hash",), "A hash of what a browser has; the row goes a day after the session's end."),
    kept(
        "sessions",
        ("access_token", "refresh_token"),
        "Sealed, and given back to Discord by the upkeep of log-ins; the row goes a day after the session's end.",
    ),
    kept("logins", ("state_hash",), "A hash of what was used to log in, for ten minutes."),
    kept("admin_second_factors", ("user_id", "secret"), "Of an admin's account with this server; goes with it."),
    kept("admin_sessions", ("user_id",), "The number of an admin's account with this server, no person's on Discord."),
)
