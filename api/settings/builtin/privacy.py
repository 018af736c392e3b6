"""Settings of who may see and change a guild's data in a dashboard."""

from typing import Annotated

import msgspec

from api.lib.json import JsonObject
from api.settings.builtin.structs import RoleIds, Values, form, schema_of, struct_of
from api.settings.modules import Module

VERSION = 1


class PrivacySettings(Values, frozen=True):
    """Roles that may use the dashboard, besides people who manage the guild."""

    reader_role_ids: Annotated[
        RoleIds,
        form(1, "access", "Readers", "Members with one of these roles may read this guild's data in a dashboard."),
    ] = msgspec.field(default_factory=list)
    writer_role_ids: Annotated[
        RoleIds,
        form(2, "access", "Writers", "Members with one of these roles may change this guild's data in a dashboard."),
    ] = msgspec.field(default_factory=list)


def privacy_settings(values: JsonObject) -> PrivacySettings:
    """Effective values, which the module accepts, as a struct."""
    return struct_of(values, PrivacySettings)


PRIVACY = Module(
    "privacy",
    VERSION,
    schema_of(PrivacySettings),
    title="Privacy",
    description="Roles that may use this guild's dashboard.",
    built_in=True,
)
