"""Credentials: keys of bots, and the people who may open the admin."""

from piccolo.apps.user.tables import BaseUser
from piccolo.columns import Array, BigInt, BigSerial, Bytea, Integer, Timestamptz, Varchar
from piccolo.columns.defaults.timestamptz import TimestamptzNow
from piccolo.columns.readable import Readable
from piccolo.constraints import Check, Unique
from piccolo.table import Table
from piccolo_api.session_auth.tables import SessionsBase


class ApiKey(Table, tablename="api_keys", help_text="A bot's key. Only its SHA-256 is kept."):
    id = BigSerial(primary_key=True)
    name = Varchar(length=100, default=None, null=False, help_text="What its maker calls it.")
    prefix = Varchar(length=16, default=None, null=False, help_text="Its first characters, to know it by.")
    hash = Bytea(default=None, null=False, help_text="SHA-256 of the whole key.")
    scopes = Array(Varchar(length=32), default=None, null=False, help_text="What it may do.")
    guild_ids = Array(BigInt(), default=None, null=True, help_text="The only guilds it sees; empty: all.")
    rate_limit = Integer(default=None, null=True, help_text="Requests a minute; empty: no limit.")
    expires_at = Timestamptz(default=None, null=True, help_text="When it ends by itself.")
    revoked_at = Timestamptz(default=None, null=True, help_text="When it was revoked.")
    last_used_at = Timestamptz(default=None, null=True, help_text="Its last use, to the minute.")
    created_at = Timestamptz(default=TimestamptzNow(), null=False, help_text="When it was made.")
    changed_xid = BigInt(default=0, null=False, help_text="The transaction that last wrote this row; caches follow it.")

    api_keys_hash_key = Unique([hash])
    api_keys_hash_check = Check("length(hash) = 32")
    api_keys_rate_limit_check = Check("rate_limit > 0")

    @classmethod
    def get_readable(cls) -> Readable:
        return Readable(template="%s", columns=[cls.name])


class AdminUser(BaseUser, tablename="admin_users", help_text="Someone who may open Piccolo Admin."):
    """Piccolo's own user, under a name of ours."""


class AdminSession(SessionsBase, tablename="admin_sessions", help_text="A browser logged in to the admin."):
    """Piccolo's own session; `token` holds the SHA-256 of what the browser has."""
