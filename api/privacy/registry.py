"""The registry of personal data: every column that holds, or may hold, who somebody is, and what erasing does with it.

Exports and erasures follow it; a test fails for a column of the database that is not in it."""

from api.privacy import registry_queries as sql
from api.privacy.places import Place, emptied, kept, of_member

_SETTINGS = (
    "How the people who run the guild have set it up. A setting may name somebody, such as a moderator, and without it"
    " the bot would act differently."
)
_IN_FLIGHT = "Of imports that run, and removed when they end: rows of an erased person are not counted."

REGISTRY = (
    # What somebody did, guild by guild. Rows of user 0 are the guild's own totals: they name nobody, and stay.
    of_member(
        "members",
        "Their standing in a guild.",
        """
            SELECT guild_id, xp, messages, voice_seconds, reactions, commands, last_xp_at, streak_from, streak_to,
                streak_best, first_seen_at, last_active_at, left_at, card_accent
            FROM members WHERE user_id = $1 AND guild_id = $2
        """,
    ),
    of_member(
        "member_names",
        "Their names in a guild, and their avatar.",
        "SELECT guild_id, username, display_name, avatar FROM member_names WHERE user_id = $1 AND guild_id = $2",
        ("user_id", "username", "display_name", "avatar"),
    ),
    of_member(
        "custom_stats",
        "Their totals of what the guild's bot counts.",
        "SELECT guild_id, stat, value FROM custom_stats WHERE user_id = $1 AND guild_id = $2 ORDER BY stat",
    ),
    of_member("activity_days", "Their activity by day.", sql.DAYS),
    of_member("activity_hours", "Their activity by hour.", sql.HOURS),
    of_member("custom_stat_days", "Their custom stats by day.", sql.STAT_DAYS),
    of_member("boards", "Values of `members`, in order: not exported again."),
    of_member("activity_totals", "Sums of `activity_days`, in large guilds: not exported again."),
    of_member(
        "achievement_awards",
        "Their achievements; the counts of awards decrease with them.",
        """
            SELECT a.guild_id, d.key, a.name, a.xp, a.role_id, a.awarded_at, a.revoked_at
            FROM achievement_awards a JOIN achievements d ON d.id = a.achievement_id
            WHERE a.user_id = $1 AND a.guild_id = $2 ORDER BY a.id
        """,
    ),
    Place(
        table="card_backgrounds",
        columns=("picture",),
        rule="keep",
        why="The guild's picture behind its cards, nobody's own. It is removed with the guild.",
    ),
    # What they chose.
    Place(
        table="privacy_choices",
        columns=("user_id",),
        rule="keep",
        why="Their own choice: without it they would be shown and counted again. Taking it back removes it.",
        export="SELECT hidden_at, opted_out_at FROM privacy_choices WHERE user_id = $1 AND $2::bigint[] IS NULL",
    ),
    Place(
        table="sessions",
        columns=("user_id", "username", "display_name", "avatar", "user_agent", "ip"),
        rule="anonymise",
        why="Their browsers that are logged in: the sessions end, and no longer show whose they were.",
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
        why="Guilds that they own. The bot may send the owner again.",
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
        erase="SELECT * FROM guildhall_pseudonymize_audit_log($1, $2, $3)",
    ),
    Place(
        table="guild_settings_revisions",
        columns=("actor_id", "reason"),
        rule="anonymise",
        why="As the audit log, for changes of settings.",
        step="pages",
        export=sql.REVISIONS,
        documents=("changes",),
        erase="SELECT * FROM guildhall_pseudonymize_revisions($1, $2, $3)",
    ),
    Place(
        table="imports",
        columns=("actor_id", "reason", "ip", "preview"),
        rule="anonymise",
        why="Who requested an import, and the preview of a dry run.",
        step="ids",
        export=sql.IMPORTS,
        documents=("preview",),
        erase=sql.ERASE_IN_IMPORTS,
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
        why="The stream of the last seven days: the position stays, the event's data does not.",
        export=sql.EVENTS_ABOUT.format(table="stream_events"),
        documents=("data",),
        erase=emptied("stream_events", sql.ERASED_EVENT),
    ),
    Place(
        table="idempotent_answers",
        columns=("user_ids",),
        rule="erase",
        why="Answers of the last day that name them: forgotten, as if their keys had never been used.",
        erase=sql.DELETE_ANSWERS,
    ),
    Place(
        table="achievement_awards",
        columns=("awarded_by", "revoked_by"),
        rule="anonymise",
        why="Awards that they gave or revoked by hand.",
        step="ids",
        name="awards_by_hand",
        export=sql.AWARDED_BY_THEM,
        erase=sql.ERASE_WHO_AWARDED,
    ),
    Place(
        table="achievement_backfills",
        columns=("after_user_id",),
        rule="anonymise",
        why="The position of a job among all members: not exported.",
        erase=sql.STEP_BACK,
    ),
    # What stays.
    kept("guild_settings", ("overrides",), _SETTINGS),
    kept("guild_settings_revisions", ("before", "after", "changes"), _SETTINGS),
    kept("imports", ("digest",), "A hash of the file."),
    kept("imports", ("reached", "refused_rows"), "Places in a file, and their faults, without ids."),
    kept("import_members", ("user_id",), _IN_FLIGHT),
    kept("import_events", ("data",), _IN_FLIGHT),
    kept("import_chunks", ("data",), _IN_FLIGHT),
    kept("modules", ("schema",), "Written by a bot for every guild: it names nobody."),
    kept("erased_people", ("digest",), "A salted hash, for eight days: late events must not bring a person back."),
    kept("erasure_salt", ("salt",), "The salt of these hashes."),
    kept("pseudonym_key", ("inner_pad", "outer_pad"), "The key of the pseudonyms of erased people."),
    kept("idempotent_answers", ("address", "body_hash", "holder", "headers"), "Hashes, and headers that name nobody."),
    kept("webhooks", ("secret", "holder"), "The encrypted signing secret, and the number of a process."),
    kept("api_keys", ("hash",), "A hash of the key."),
    kept("achievements", ("condition", "prerequisites"), "How an achievement is earned: it names nobody."),
    kept("sessions", ("hash",), "A hash of the cookie; the row is removed a day after the session's end."),
    kept(
        "sessions",
        ("access_token", "refresh_token"),
        "Encrypted; revoked at Discord by the upkeep of log-ins. The row is removed a day after the session's end.",
    ),
    kept("logins", ("state_hash",), "A hash of the state of a log-in, for ten minutes."),
    kept(
        "admin_second_factors", ("user_id", "secret"), "Of an administrator's account on this server; removed with it."
    ),
    kept(
        "admin_sessions",
        ("user_id",),
        "The number of an administrator's account on this server, not of a person on Discord.",
    ),
)
