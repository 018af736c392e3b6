"""The base of the built-in modules' structs, and their JSON Schema."""

from typing import Annotated, TypeVar

import msgspec

from api.lib.json import JsonObject, JsonValue, as_object
from api.settings.schemas import DIALECT

MAX_ROLES = 250
MAX_CHANNELS = 500

RoleId = Annotated[str, msgspec.Meta(extra_json_schema={"format": "snowflake", "x-ref": "role"})]
ChannelId = Annotated[str, msgspec.Meta(extra_json_schema={"format": "snowflake", "x-ref": "channel"})]
RoleIds = Annotated[list[RoleId], msgspec.Meta(max_length=MAX_ROLES)]
ChannelIds = Annotated[list[ChannelId], msgspec.Meta(max_length=MAX_CHANNELS)]


class Values(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The base of every struct of settings."""


AnyValues = TypeVar("AnyValues", bound=Values)


def form(order: int, group: str, title: str, description: str, **more: JsonValue) -> msgspec.Meta:
    """How a dashboard's form shows a property: its place, group, label and help."""
    extra = {"x-order": order, "x-group": group, **more}
    return msgspec.Meta(title=title, description=description, extra_json_schema=extra)


def struct_of(values: JsonObject, struct: type[AnyValues]) -> AnyValues:
    """The values as the struct, whose schema has accepted them.

    Not strict, because the schema accepts 60.0 as an integer, as JSON Schema does."""
    return msgspec.convert(values, struct, strict=False)


def schema_of(struct: type[Values]) -> JsonObject:
    """The struct's JSON Schema 2020-12, with the struct itself at the top."""
    schema = msgspec.json.schema(struct)
    definitions = as_object(schema["$defs"])
    top = as_object(definitions.pop(struct.__name__))
    return {"$schema": DIALECT, **top, **({"$defs": definitions} if definitions else {})}
