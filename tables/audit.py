"""The audit log: who changed what, when, why and from where."""

from piccolo.columns import JSONB, BigInt, BigSerial, Text, Timestamptz, Varchar
from piccolo.columns.defaults.timestamptz import TimestamptzNow
from piccolo.columns.readable import Readable
from piccolo.constraints import Check
from piccolo.table import Table


class AuditEntry(
    Table,
    tablename="audit_log",
    help_text="One change. The application may add and read entries, and has no right to alter them.",
):
    id = BigSerial(primary_key=True)
    at = Timestamptz(default=TimestamptzNow(), null=False, help_text="When it happened.")
    guild_id = BigInt(
        default=None,
        null=True,
        help_text="The guild it is about; empty for the whole installation. Outlives the guild.",
    )
    actor_kind = Varchar(length=8, default=None, null=False, help_text="key, user, admin or system.")
    actor_id = Varchar(length=64, default=None, null=True, help_text="Which key, user or admin.")
    action = Varchar(length=64, default=None, null=False, help_text="What was done: settings.updated, …")
    target = Varchar(length=255, default=None, null=True, help_text="What it was done to.")
    reason = Text(default=None, null=True, help_text="The reason that was given.")
    changes = JSONB(default="{}", null=False, help_text="Values before and after, by name.")
    ip = Varchar(length=45, default=None, null=True, help_text="The address that it came from.")
    request_id = Varchar(length=128, default=None, null=True, help_text="Finds the request in the log.")

    audit_log_actor_kind_check = Check("actor_kind IN ('key', 'user', 'admin', 'system')")

    @classmethod
    def get_readable(cls) -> Readable:
        return Readable(template="%s %s", columns=[cls.action, cls.target])
