"""How the registry describes a place of personal data, and what erasing does with it."""

from typing import Literal

import msgspec

# `erase`: rows are deleted. `anonymise`: rows stay, without the person. `keep`: rows stay unchanged.
Rule = Literal["erase", "anonymise", "keep"]

# How statements are run. `once`: once; the erasing one in batches until nothing is left. `pages`: as `once`, but
# exported in pages. `ids`: for one range of the table's ids after the other. `guild`: for each guild of which the
# person is a member; these rows are erased with the member.
Step = Literal["once", "pages", "ids", "guild"]

# The parameters of all statements: $1 is the person, $2 the guilds (null: all; with `guild`: the one guild). $3 is the
# size of a batch; with `ids`, $3 and $4 are the range; in exports by pages, $3 is the last id of the page before, and
# $4 the size. Erasing returns guilds, and the number of rows in each.


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Columns of a table that hold, or may hold, personal data. `export` reads the person's rows; `documents`: its JSON
    columns. None: it is not exported, and `why` says why."""

    table: str
    columns: tuple[str, ...]
    rule: Rule
    why: str
    name: str = ""  # in an export, if it is not the table's
    step: Step = "once"
    export: str | None = None
    documents: tuple[str, ...] = ()
    erase: str | None = None

    @property
    def title(self) -> str:
        """Its name in an export."""
        return self.name or self.table


def _counted(guild: str, statement: str) -> str:
    return (
        f"WITH gone AS ({statement} RETURNING {guild} AS guild_id)"
        " SELECT guild_id, count(*) AS changed FROM gone GROUP BY guild_id"
    )


def emptied(table: str, assignments: str, *, user: str = "user_id", guild: str = "guild_id") -> str:
    """The statement that changes a batch of a person's rows, so that they are no longer found as theirs."""
    return _counted(
        guild,
        f"UPDATE {table} SET {assignments} WHERE (tableoid, ctid) IN (SELECT tableoid, ctid FROM {table}"
        f" WHERE {user} = $1 AND ($2::bigint[] IS NULL OR {guild} = ANY($2)) LIMIT $3)",
    )


def owned(table: str, why: str, columns: str) -> Place:
    """A table of a person's own rows, with `user_id` and `guild_id`: exported with these columns, erased in batches. A
    table of a new feature needs no more."""
    return Place(
        table=table,
        columns=("user_id",),
        rule="erase",
        why=why,
        export=f"SELECT guild_id, {columns} FROM {table} WHERE user_id = $1"
        " AND ($2::bigint[] IS NULL OR guild_id = ANY($2)) ORDER BY guild_id",
        erase=_counted(
            "guild_id",
            f"DELETE FROM {table} WHERE (tableoid, ctid) IN (SELECT tableoid, ctid FROM {table}"
            " WHERE user_id = $1 AND ($2::bigint[] IS NULL OR guild_id = ANY($2)) LIMIT $3)",
        ),
    )


def of_member(table: str, why: str, export: str | None = None, columns: tuple[str, ...] = ("user_id",)) -> Place:
    """Rows of a member, which are erased with the member. `export` reads those of one guild."""
    return Place(table=table, columns=columns, rule="erase", why=why, step="guild", export=export)


def kept(table: str, columns: tuple[str, ...], why: str) -> Place:
    """Columns that stay unchanged, and are not exported."""
    return Place(table=table, columns=columns, rule="keep", why=why)
