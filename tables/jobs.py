"""The job queue: work that outlives the process that began it."""

from piccolo.columns import BigInt, BigSerial, Integer, Timestamptz, Varchar
from piccolo.columns.defaults.timestamptz import TimestamptzNow
from piccolo.columns.readable import Readable
from piccolo.querystring import QueryString
from piccolo.table import Table

from tables.sql import DEFAULT


class Job(Table, tablename="jobs", help_text="Work that waits or runs; a row is deleted when its work is done."):
    id = BigSerial(primary_key=True)
    kind = Varchar(length=32, default=None, null=False, help_text="The kind of work: import or backfill.")
    subject = BigInt(default=None, null=False, help_text="The id of the import or the achievement.")
    holder = Varchar(
        length=32, default=None, null=True, help_text="The process that works on it; empty while it waits."
    )
    leased_until = Timestamptz(
        default=None, null=True, help_text="When another process may take it if the holder does not renew its lease."
    )
    attempts = Integer(default=0, null=False, help_text="Attempts since its last progress.")
    run_after = Timestamptz(default=TimestamptzNow(), null=False, help_text="When it may begin.")
    created_at = Timestamptz(default=TimestamptzNow(), null=False, help_text="When it was asked for.")

    @classmethod
    async def put_once(cls, kind: str, subject: int) -> None:
        """Adds a job. An existing one becomes due now."""
        job = cls(kind=kind, subject=subject, run_after=DEFAULT, created_at=DEFAULT)
        sooner = (cls.run_after, QueryString("least({}, now())", cls.run_after))
        await cls.insert(job).on_conflict((cls.kind, cls.subject), "DO UPDATE", [sooner])

    @classmethod
    def get_readable(cls) -> Readable:
        return Readable(template="%s %s", columns=[cls.kind, cls.subject])
