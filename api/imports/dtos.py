"""Shapes of imports."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from api.lib.pagination import CursorText, Limit

Source = Literal["mee6", "amari", "tatsu", "lurkr", "polaris", "csv", "guildhall", "events"]
Mode = Literal["set", "add", "max"]
Status = Literal["queued", "running", "finished", "failed"]


class ImportQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The source of the file, and the options of the import."""

    source: Annotated[Source, Meta(description="The bot or format that the file comes from.")]
    mode: Annotated[
        Mode | None,
        Meta(
            description=(
                "How imported and existing XP are combined: `set` replaces, `add` adds, `max` "
                "keeps the larger one. Not for `events`."
            )
        ),
    ] = None
    dry_run: Annotated[bool, Meta(description="Only report what would change.")] = False
    settings: Annotated[
        bool,
        Meta(
            description="Also import rewards, rates and curve of a `mee6` or `polaris` file into the module `leveling`."
        ),
    ] = False


class ListImportsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A page of the list."""

    limit: Limit = 50
    cursor: CursorText | None = None


class ImportCounts(msgspec.Struct, frozen=True):
    """Numbers of rows so far: all, imported, unchanged, refused."""

    rows: int
    imported: int
    unchanged: int
    refused: int


class RefusedRow(msgspec.Struct, frozen=True):
    """A refused row. Rows count from 1, without a header; 0 is the whole file. `pointer` is the place in the row."""

    row: int
    pointer: str
    message: str


class PreviewedMember(msgspec.Struct):
    """A member before and after the import."""

    user_id: str
    xp_before: int
    xp_after: int
    level_before: int
    level_after: int
    username: str | None = None
    display_name: str | None = None
    avatar_url: str | None = None


class ImportView(msgspec.Struct, frozen=True):
    """An import. `mode` is null for `events`. `refused` has the first 1,000 rows, `preview` (of a dry run) the first
    100."""

    id: str
    guild_id: str
    source: Source
    mode: Mode | None
    dry_run: bool
    status: Status
    progress: float
    counts: ImportCounts
    refused: list[RefusedRow]
    preview: list[PreviewedMember]
    created_at: datetime
    finished_at: datetime | None
