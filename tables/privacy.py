"""What people choose about their data, for every guild at once."""

from piccolo.columns import BigInt, Timestamptz
from piccolo.columns.readable import Readable
from piccolo.constraints import Check
from piccolo.table import Table


class PrivacyChoice(
    Table, tablename="privacy_choices", help_text="Someone who is hidden from boards, or whose events are dropped."
):
    user_id = BigInt(primary_key=True, default=None, null=False, help_text="The person's snowflake.")
    hidden_at = Timestamptz(
        default=None, null=True, help_text="Since when they are on no board; empty: they are public."
    )
    opted_out_at = Timestamptz(default=None, null=True, help_text="Since when their events are dropped; empty: kept.")

    privacy_choices_user_id_check = Check("user_id > 0")

    @classmethod
    def get_readable(cls) -> Readable:
        return Readable(template="%s", columns=[cls.user_id])
