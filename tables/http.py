"""Rate budgets, from which processes take their portions."""

from piccolo.columns import DoublePrecision, Integer, Varchar
from piccolo.table import Table


class RateBudget(Table, tablename="rate_budgets", help_text="What an owner has used of the present minute."):
    owner = Varchar(
        length=64,
        primary_key=True,
        default=None,
        null=False,
        help_text="key:7, or address:192.0.2.1; of IPv6 the /64.",
    )
    ends_at = DoublePrecision(default=None, null=False, help_text="When the minute is over, in seconds since 1970.")
    used = Integer(default=None, null=False, help_text="What was taken of it.")
    granted = Integer(default=None, null=False, help_text="What was given to the process that asked last.")
