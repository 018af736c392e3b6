"""What Piccolo Admin's accounts have beside their passwords."""

from piccolo.columns import Array, BigInt, Bytea, Integer, Timestamptz
from piccolo.columns.defaults.timestamptz import TimestamptzNow
from piccolo.table import Table


class AdminSecondFactor(
    Table, tablename="admin_second_factors", help_text="An admin's authenticator app: it shows codes that change."
):
    user_id = Integer(primary_key=True, default=None, null=False, help_text="Whose it is.")
    secret = Bytea(default=None, null=False, help_text="What app and server share, encrypted.")
    recovery_codes = Array(
        Bytea(),
        default=None,
        null=False,
        help_text="SHA-256 of each code that is not used yet, for when the app is lost.",
    )
    confirmed_at = Timestamptz(
        default=None, null=True, help_text="When a first code proved that the app has it; empty: it does not count yet."
    )
    last_step = BigInt(default=0, null=False, help_text="The half minute of the last code: none counts twice.")
    created_at = Timestamptz(default=TimestamptzNow(), null=False, help_text="When it was made.")
