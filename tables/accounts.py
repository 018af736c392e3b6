"""People who are logged in to a dashboard, and the log-ins that they have used."""

from datetime import datetime, timedelta

from piccolo.columns import And, BigInt, BigSerial, Bytea, Timestamptz, Varchar
from piccolo.columns.defaults.timestamptz import TimestamptzNow
from piccolo.constraints import Check, Unique
from piccolo.table import Table


class Session(Table, tablename="sessions", help_text="A person's browser, logged in by Discord."):
    id = BigSerial(primary_key=True)
    hash = Bytea(default=None, null=False, help_text="SHA-256 of what the browser's cookie holds.")
    user_id = BigInt(default=None, null=True, help_text="Who it is; empty if they were erased since.")
    username = Varchar(length=100, default=None, null=False, help_text="Their name at Discord, at log-in.")
    display_name = Varchar(length=100, default=None, null=True, help_text="The name that they show, at log-in.")
    avatar = Varchar(length=100, default=None, null=True, help_text="Their picture at Discord, at log-in.")
    access_token = Bytea(default=None, null=True, help_text="Discord's token, encrypted; empty once it is revoked.")
    refresh_token = Bytea(
        default=None, null=True, help_text="Discord's refresh token, encrypted; empty once it is revoked."
    )
    token_expires_at = Timestamptz(default=None, null=False, help_text="When Discord's token ends.")
    refreshing_until = Timestamptz(default=None, null=True, help_text="Until when one process alone renews the token.")
    user_agent = Varchar(length=256, default=None, null=True, help_text="What the browser called itself, at log-in.")
    ip = Varchar(length=45, default=None, null=True, help_text="The address that they logged in from.")
    created_at = Timestamptz(default=TimestamptzNow(), null=False, help_text="When they logged in.")
    last_used_at = Timestamptz(default=TimestamptzNow(), null=False, help_text="Its last use, to the minute.")
    expires_at = Timestamptz(default=None, null=False, help_text="When it ends, however much it is used.")
    ended_at = Timestamptz(default=None, null=True, help_text="When it ended; the row is deleted a day later.")
    changed_xid = BigInt(default=0, null=False, help_text="The transaction that last wrote this row; caches follow it.")

    @classmethod
    def are_good(cls, now: datetime, idle: timedelta) -> And:
        """Whether a session has not ended, nor run out, nor been left alone for so long."""
        return cls.ended_at.is_null() & (cls.expires_at > now) & (cls.last_used_at > now - idle)

    sessions_hash_key = Unique([hash])  # noqa: A003 - the column, not the function
    sessions_hash_check = Check("length(hash) = 32")
    sessions_user_check = Check("user_id > 0")


class Login(Table, tablename="logins", help_text="The state of a finished log-in: each state is good for one."):
    id = BigSerial(primary_key=True)
    state_hash = Bytea(default=None, null=False, help_text="SHA-256 of the state that Discord brought back.")
    expires_at = Timestamptz(default=None, null=False, help_text="When the state would have expired.")

    logins_state_key = Unique([state_hash])
