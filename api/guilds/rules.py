"""Rules of guilds: valid names and time zones, and what a request changes. No I/O."""

from collections.abc import Mapping
from typing import Any

from msgspec import UNSET

from api.guilds.dtos import ICON_CHARACTERS, NAME_CHARACTERS, PatchGuild, PutGuild
from api.lib.diff import Change
from api.lib.faults import Fault
from api.lib.formats import SENTENCES, is_timezone
from api.lib.text import cleaned_name, nfc, too_long

INSTALLATION = 0  # in the place of a guild's id: the whole installation

# The defaults of a guild.
FIRST_VALUES: Mapping[str, str | None] = {"icon": None, "owner_id": None, "locale": "en-US", "timezone": "UTC"}
FIELDS = ("name", "icon", "owner_id", "locale", "timezone")


def faults(data: PatchGuild) -> list[Fault]:
    """Faults that the types cannot find."""
    found = []
    for field, largest in (("name", NAME_CHARACTERS), ("icon", ICON_CHARACTERS)):
        if isinstance(text := getattr(data, field), str):
            found += too_long(f"/{field}", text, largest)
    if isinstance(data.timezone, str) and not is_timezone(data.timezone):
        found.append(Fault("/timezone", SENTENCES["timezone"]))
    return found


def received(data: PutGuild, guild_id: int) -> PatchGuild:
    """A guild as the bot sees it, as a change. Its name comes from Discord, so an odd name is no reason to refuse the
    rest."""
    rest = {field: getattr(data, field) for field in FIELDS}
    return PatchGuild(**{**rest, "name": cleaned_name(data.name, str(guild_id))})


def values(data: PatchGuild) -> dict[str, Any]:  # Any: a column's value
    """The columns that a request sets; null becomes the default."""
    found: dict[str, Any] = {}
    for field in FIELDS:
        value = getattr(data, field)
        if value is UNSET:
            continue
        value = FIRST_VALUES[field] if value is None else value
        found[field] = nfc(value) if isinstance(value, str) else value
    return found


def changes(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> dict[str, Change]:  # Any: a column's value
    """The changed members, for the audit log."""

    def value_of(row: Mapping[str, Any] | None, field: str) -> Any:  # Any: a column's value
        value = None if row is None else row[field]
        return str(value) if field == "owner_id" and value is not None else value

    return {
        field: Change(value_of(before, field), value_of(after, field))
        for field in FIELDS
        if value_of(before, field) != value_of(after, field)
    }
