"""Databases that are older than the first of today's migrations.

Before the first release, two migrations replaced a chain of 51. Both build the same schema. So a database at the end of
the chain is taken over unchanged, except for its bookkeeping."""

from collections.abc import Set

START = ("2026-11-30T08:00:00:000000", "2026-11-30T08:01:00:000000")

# The ids of the chain, and a commit that has all of it.
CHAIN = frozenset(
    """
    2026-11-23T09:43:01:668473 2026-11-23T09:50:00:000000 2026-11-23T09:51:00:000000 2026-11-24T20:39:19:493066
    2026-11-24T20:40:00:000000 2026-11-24T20:41:00:000000 2026-11-24T21:56:20:316482 2026-11-24T21:57:00:000000
    2026-11-25T00:50:00:000000 2026-11-25T00:52:28:891660 2026-11-25T00:53:00:000000 2026-11-25T00:56:01:969091
    2026-11-25T00:57:00:000000 2026-11-25T01:10:00:000000 2026-11-25T01:15:58:950962 2026-11-25T01:20:00:000000
    2026-11-25T01:20:30:000000 2026-11-25T01:25:00:000000 2026-11-25T01:35:36:228425 2026-11-25T01:36:00:000000
    2026-11-29T16:05:00:000000 2026-11-29T16:06:00:000000 2026-11-29T16:07:00:000000 2026-11-29T16:08:00:000000
    2026-11-29T16:10:00:000000 2026-11-29T16:10:30:000000 2026-11-29T16:11:00:000000 2026-11-29T16:12:00:000000
    2026-11-29T16:13:00:000000 2026-11-29T16:13:30:000000 2026-11-29T16:15:00:000000 2026-11-29T16:16:00:000000
    2026-11-29T16:20:00:000000 2026-11-29T16:21:00:000000 2026-11-29T16:21:30:000000 2026-11-29T16:25:00:000000
    2026-11-29T16:26:07:263515 2026-11-29T16:27:00:000000 2026-11-29T17:20:00:000000 2026-11-29T17:20:30:000000
    2026-11-29T17:22:00:000000 2026-11-29T17:25:00:000000 2026-11-29T17:26:00:000000 2026-11-29T17:35:00:000000
    2026-11-30T00:10:00:000000 2026-11-30T01:00:00:000000 2026-11-30T01:10:00:000000 2026-11-30T20:01:00:000000
    2026-11-30T20:02:00:000000 2026-11-30T20:03:00:000000 2026-11-30T20:04:00:000000
    """.split()  # noqa: SIM905 - a list would be a page
)
LAST_COMMIT = "7def4b1bef"

# Takes a database over. Deletes no other rows than these.
TAKE_OVER = (
    "DELETE FROM migration WHERE app_name = 'guildhall'",
    f"INSERT INTO migration (name, app_name) VALUES ('{START[0]}', 'guildhall'), ('{START[1]}', 'guildhall')",
)


def refusal(applied: Set[str]) -> str | None:
    """What to do about a database with these migrations, if it can be neither migrated nor taken over."""
    if not applied or START[0] in applied or applied == CHAIN:
        return None
    if unknown := sorted(applied - CHAIN):
        return (
            f"The database has a migration that this version does not know, {unknown[0]}: use the version of Guildhall "
            "that it was migrated with, or restore a backup."
        )
    return (
        f"The database has {len(applied)} of the {len(CHAIN)} migrations of before the first release: check out commit "
        f"{LAST_COMMIT} of Guildhall and run `guildhall migrate` there, then run it here again."
    )


def is_whole(applied: Set[str]) -> bool:
    """Whether the database is at the end of the chain, and can be taken over."""
    return applied == CHAIN
