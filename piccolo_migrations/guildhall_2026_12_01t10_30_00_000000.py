"""Names and comments in the database use the field's words: publish, delete, partition, backfill, lease.

A server of the version before cannot work with the new names. There is no release before this migration, and
CHANGELOG.md tells to stop the servers."""

import re

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from piccolo_migrations.sql_files import run, statements

ID = "2026-12-01T10:30:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "Names and comments use the field's words"

COMMENTS = "field_words.sql"

_FUNCTIONS = {
    "guildhall_tell": "guildhall_publish",
    "guildhall_part": "guildhall_partition",
    "guildhall_make_part": "guildhall_create_partition",
    "guildhall_drop_parts": "guildhall_drop_partition",
    "guildhall_forget_activity": "guildhall_delete_activity",
    "guildhall_forget_revisions_beyond": "guildhall_delete_revisions_beyond",
    "guildhall_forget_revisions_before": "guildhall_delete_revisions_before",
    "guildhall_forget_revisions_of": "guildhall_delete_revisions_of",
    "guildhall_forget_in_audit_log": "guildhall_pseudonymize_audit_log",
    "guildhall_forget_in_revisions": "guildhall_pseudonymize_revisions",
    "guildhall_unnamed": "guildhall_redact",
    "guildhall_owe_deliveries": "guildhall_create_deliveries",
}

_TRIGGERS = {
    ("guild_settings", "guild_settings_tell"): "guild_settings_publish",
    ("guilds", "guilds_tell"): "guilds_publish",
    ("guilds", "guilds_forget_activity"): "guilds_delete_activity",
    ("modules", "modules_tell"): "modules_publish",
    ("members", "members_count_came"): "members_count_inserted",
    ("members", "members_count_went"): "members_count_deleted",
    ("achievement_awards", "achievement_awards_count_came"): "achievement_awards_count_inserted",
    ("achievement_awards", "achievement_awards_count_changed"): "achievement_awards_count_updated",
    ("achievement_awards", "achievement_awards_count_went"): "achievement_awards_count_deleted",
    ("achievement_counts", "achievement_counts_sum_came"): "achievement_counts_sum_inserted",
    ("achievement_counts", "achievement_counts_sum_changed"): "achievement_counts_sum_updated",
    ("achievement_counts", "achievement_counts_sum_went"): "achievement_counts_sum_deleted",
    ("member_counts", "member_counts_sum_came"): "member_counts_sum_inserted",
    ("member_counts", "member_counts_sum_changed"): "member_counts_sum_updated",
    ("member_counts", "member_counts_sum_went"): "member_counts_sum_deleted",
}

_COLUMNS = {
    ("achievement_backfills", "looked_at"): "evaluated",
    ("idempotent_answers", "held_until"): "leased_until",
    ("import_uploads", "held_until"): "leased_until",
    ("jobs", "held_until"): "leased_until",
    ("webhooks", "held_until"): "leased_until",
    ("webhooks", "rests_until"): "backoff_until",
}

_NO_RELEASE = "-- squawk-ignore renaming-table, renaming-column, renaming-object\n"
_CONSTRAINT = "ALTER TABLE achievement_backfills RENAME CONSTRAINT {} TO {}"

# A statement, the old name and the new one. Backwards, the names change places.
_RENAMES = (
    ("ALTER TABLE {} RENAME TO {}", "achievement_awardings", "achievement_backfills"),
    (_CONSTRAINT, "achievement_awardings_pkey", "achievement_backfills_pkey"),
    (_CONSTRAINT, "achievement_awardings_status_check", "achievement_backfills_status_check"),
    *((f"ALTER TABLE {table} RENAME COLUMN {{}} TO {{}}", old, new) for (table, old), new in _COLUMNS.items()),
    *((f"ALTER TRIGGER {{}} ON {table} RENAME TO {{}}", old, new) for (table, old), new in _TRIGGERS.items()),
    *(("ALTER FUNCTION {} RENAME TO {}", old, new) for old, new in _FUNCTIONS.items()),
)
_WORDS = {old: new for _, old, new in _RENAMES}


def _renamed(text: str) -> str:
    return re.sub(r"\w+", lambda word: _WORDS.get(word[0], word[0]), text)


def _bodies() -> list[str]:
    """The functions that use an old name."""
    made = (each for each in statements("initial_functions.sql") if each.startswith("CREATE FUNCTION"))
    return [each.replace("CREATE", "CREATE OR REPLACE", 1) for each in made if _renamed(each) != each]


def _earlier_comments() -> list[str]:
    ours = {_object(_renamed(each)): each for each in statements("initial_schema.sql") if each.startswith("COMMENT ON")}
    return [ours[_object(each)] for each in statements(COMMENTS)]


def _object(comment: str) -> str:
    return comment.partition(" IS ")[0]


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="guildhall", description=DESCRIPTION)

    async def rename() -> None:
        await run(
            *(_NO_RELEASE + form.format(old, new) for form, old, new in _RENAMES),
            *map(_renamed, _bodies()),
            "UPDATE jobs SET kind = 'backfill' WHERE kind = 'awarding'",
            *statements(COMMENTS),
        )

    async def rename_back() -> None:
        await run(
            *(form.format(new, old) for form, old, new in reversed(_RENAMES)),
            *_bodies(),
            "UPDATE jobs SET kind = 'awarding' WHERE kind = 'backfill'",
            *_earlier_comments(),
        )

    manager.add_raw(rename)
    manager.add_raw_backwards(rename_back)
    return manager
