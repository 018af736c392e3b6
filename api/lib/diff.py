"""A value before and after a change."""

from typing import Any

import msgspec


class Change(msgspec.Struct, frozen=True):
    """Null where there was, or is, none."""

    before: Any  # Any: a setting holds any JSON
    after: Any  # Any: the same
