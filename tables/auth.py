"""Credentials of bots: keys."""

from typing import Any, cast

from piccolo.columns import Array, BigInt, BigSerial, Bytea, Integer, Timestamptz, Varchar
from piccolo.columns.defaults.timestamptz import TimestamptzNow
from piccolo.columns.readable import Readable
from piccolo.constraints import Check, Unique
from piccolo.table import Table

from tables.sql import DEFAULT, whole


class ApiKey(Table, tablename="api_keys", help_text="A bot's key. Only its SHA-256 is kept."):
    id = BigSerial(primary_key=True)
    name = Varchar(length=100, default=None, null=False, help_text="What its maker calls it.")
    prefix = Varchar(length=16, default=None, null=False, help_text="Its first characters, to know it by.")
    hash = Bytea(default=None, null=False, help_text="SHA-256 of the whole key.")
    scopes = Array(Varchar(length=32), default=None, null=False, help_text="What it may do.")
    guild_ids = Array(BigInt(), default=None, null=True, help_text="The only guilds it sees; empty: all.")
    rate_limit = Integer(default=None, null=True, help_text="Requests a minute; empty: no limit.")
    # No foreign key: keys are never deleted, and adding the constraint would lock the table while it checks every key.
    parent_id = BigInt(default=None, null=True, help_text="The key that made it, with which it ends; empty: none did.")
    origin_id = BigInt(
        default=None,
        null=True,
        help_text="The first of the keys that this one replaces, whose budget of requests it spends; empty: itself.",
    )
    expires_at = Timestamptz(default=None, null=True, help_text="When it ends by itself.")
    revoked_at = Timestamptz(default=None, null=True, help_text="When it was revoked.")
    last_used_at = Timestamptz(default=None, null=True, help_text="Its last use, to the minute.")
    created_at = Timestamptz(default=TimestamptzNow(), null=False, help_text="When it was made.")
    changed_xid = BigInt(default=0, null=False, help_text="The transaction that last wrote this row; caches follow it.")

    api_keys_hash_key = Unique([hash])  # noqa: A003 - the column, not the function
    api_keys_hash_check = Check("length(hash) = 32")
    api_keys_rate_limit_check = Check("rate_limit > 0")
    api_keys_parent_check = Check("parent_id <> id")

    @classmethod
    async def store(cls, *, guild_ids: list[int] | None, **columns: Any) -> dict[str, Any]:  # Any: a column's value
        """Stores a new key. Returns the row."""
        key = cls(guild_ids=whole(guild_ids), created_at=DEFAULT, **columns)
        [row] = await cls.insert(key).returning(*cls.all_columns())
        return row

    @classmethod
    async def first_of(cls, key_id: int) -> int | None:
        """The id of the first key in a line of rotations, which all of them share."""
        row = await cls.select((cls.origin_id | cls.id).as_alias("first")).where(cls.id == key_id).first()
        return None if row is None else cast("int", row["first"])

    @classmethod
    def get_readable(cls) -> Readable:
        return Readable(template="%s", columns=[cls.name])
