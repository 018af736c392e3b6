"""What people choose about their data, for every guild at once."""

from datetime import datetime

from piccolo.columns import BigInt, Timestamptz
from piccolo.columns.readable import Readable
from piccolo.constraints import Check
from piccolo.querystring import QueryString
from piccolo.table import Table


class PrivacyChoice(
    Table, tablename="privacy_choices", help_text="Someone who is hidden from boards, or whose events are dropped."
):
    user_id = BigInt(primary_key=True, default=None, null=False, help_text="The person's snowflake.")
    hidden_at = Timestamptz(
        default=None, null=True, help_text="Since when they are on no board; empty: they are public."
    )
    opted_out_at = Timestamptz(default=None, null=True, help_text="Since when their events are dropped; empty: kept.")

    @classmethod
    async def opt_out(cls, user_id: int, now: datetime) -> None:
        """Events are dropped from now on; someone who has opted out stays so since when they first did."""
        since = QueryString('coalesce({}, EXCLUDED."opted_out_at")', cls.opted_out_at)
        choice = cls(user_id=user_id, opted_out_at=now)
        await cls.insert(choice).on_conflict(cls.user_id, "DO UPDATE", [(cls.opted_out_at, since)])

    privacy_choices_user_id_check = Check("user_id > 0")

    @classmethod
    def get_readable(cls) -> Readable:
        return Readable(template="%s", columns=[cls.user_id])
