"""Shapes of modules and settings."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from api.audit.dtos import ActorView
from api.lib.diff import Change
from api.lib.json import JsonObject
from api.lib.pagination import CursorText, Limit
from api.lib.text import Line, TypedName
from api.settings.curves import TOP_LEVEL, Curve

TITLE_CHARACTERS, DESCRIPTION_CHARACTERS = 100, 1000


class PutModule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A module of settings that a bot registers."""

    schema: Annotated[JsonObject, Meta(description="JSON Schema 2020-12; every property has a default")]
    title: Annotated[TypedName, Meta(min_length=1, max_length=TITLE_CHARACTERS)] | None = None
    description: Annotated[Line, Meta(max_length=DESCRIPTION_CHARACTERS)] | None = None


class PutModuleQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How to treat stored values that are invalid under the new schema."""

    on_conflict: Annotated[
        Literal["refuse", "reset"], Meta(description="`reset` returns invalid values to their defaults")
    ] = "refuse"


class PageQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A page of the list."""

    limit: Limit = 50
    cursor: CursorText | None = None


class ModuleView(msgspec.Struct, frozen=True):
    """A module: its schema, from which a form can be drawn, and the default of every property."""

    module: str
    version: int
    title: str | None
    description: str | None
    built_in: bool
    schema: dict[str, Any]  # Any: a JSON Schema
    defaults: dict[str, Any]  # Any: any JSON


class StaleReference(msgspec.Struct, frozen=True):
    """A value that refers to a role or channel which the guild no longer has."""

    pointer: str
    kind: str
    id: str


class SettingsView(msgspec.Struct, frozen=True):
    """A guild's settings of a module: every value, and which of them the guild overrides."""

    module: str
    revision: int
    values: dict[str, Any]  # Any: any JSON
    overridden: list[str]
    updated_at: datetime | None
    stale_references: list[StaleReference]


class RevisionView(msgspec.Struct, frozen=True):
    """One change of a module's settings: overrides before and after, and effective values by property."""

    revision: int
    module: str
    at: datetime
    actor: ActorView
    reason: str | None
    before: dict[str, Any]  # Any: any JSON
    after: dict[str, Any]  # Any: any JSON
    changes: dict[str, Change]


class PreviewLevelCurve(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A level curve, as the module `leveling` has it."""

    curve: Curve
    max_level: Annotated[int, Meta(ge=1, le=TOP_LEVEL)] | None = None


class LevelCurveView(msgspec.Struct, frozen=True):
    """The total XP at which levels 1, 2, and so on begin."""

    thresholds: list[int]
