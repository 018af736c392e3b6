"""`/v1/guilds/{guild_id}/imports`, `/v1/imports/{import_id}`, `/v1/guilds/{guild_id}/export`."""

from collections.abc import AsyncIterator

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Stream

from api.auth.scopes import Scope
from api.http.policy import RoutePolicy
from api.http.requests import GuildhallRequest
from api.http.responses import ApiResponse
from api.imports.dtos import ImportQuery, ImportView, ListImportsQuery
from api.imports.exporting import Exporter
from api.imports.rules import MEDIA_TYPES, NDJSON
from api.imports.service import ImportService, location, require
from api.imports.upload import uploaded
from api.lib.pagination import Page

READ, WRITE = Scope.MEMBERS_READ, Scope.MEMBERS_WRITE

LARGEST_BODY = 256 * 1024 * 1024
FILES = tuple(dict.fromkeys(kind for kinds in MEDIA_TYPES.values() for kind in kinds))  # the media types of the body
SECONDS = 3600  # for the transfer of a file


class ImportController(Controller):
    path = "/v1"
    tags = ("imports",)

    @post(
        "/guilds/{guild_id:str}/imports",
        opt=RoutePolicy(WRITE, conflicts=True, seconds=SECONDS, largest_body=LARGEST_BODY, files=FILES).opt,
        status_code=202,
    )
    async def begin_import(
        self,
        guild_id: FromPath[int],
        params: NamedDependency[ImportQuery],
        request: GuildhallRequest,
        imports: NamedDependency[ImportService],
    ) -> ApiResponse[ImportView]:
        """Import standings or history from another bot or an export. The body is the file. The import runs in the
        background; `Location` is the address of its progress. A guild has one import at a time.

        A line needs the scope of its own route: `guild`, `roles` and `channels` need `guilds:write`; `settings` and
        `settings=true` need `settings:write`, and the module `privacy` also Manage Guild, for a person; achievements
        and awards need `achievements:write`; hiding somebody needs `users:erase`, with a key without a list of guilds.
        A line without its scope is refused by row, and the message names the scope. An import ends with the key or
        session that started it. Rows that it has imported stay.
        """
        require(request.actor, params)
        file = uploaded(request, params.source, LARGEST_BODY)
        view, _ = await imports.begin(request.actor, guild_id, params, file)
        return ApiResponse(view, status_code=202, headers={"Location": location(view.id)})

    @get("/guilds/{guild_id:str}/imports", opt=RoutePolicy(READ).opt)
    async def list_imports(
        self,
        guild_id: FromPath[int],
        params: NamedDependency[ListImportsQuery],
        request: GuildhallRequest,
        imports: NamedDependency[ImportService],
    ) -> Page[ImportView]:
        """List a guild's imports, newest first."""
        return await imports.list_imports(request.actor, guild_id, limit=params.limit, cursor=params.cursor)

    @get("/imports/{import_id:str}", opt=RoutePolicy(READ, conditional=True, personal=True).opt)
    async def get_import(
        self, import_id: FromPath[int], request: GuildhallRequest, imports: NamedDependency[ImportService]
    ) -> ImportView:
        """Get an import: its progress, its counts, and the refused rows with their reasons."""
        return await imports.get(request.actor, import_id)

    @get("/guilds/{guild_id:str}/export", opt=RoutePolicy(WRITE, seconds=SECONDS).opt, media_type=NDJSON)
    async def export_guild(
        self, guild_id: FromPath[int], request: GuildhallRequest, exporter: NamedDependency[Exporter]
    ) -> Stream:
        """Export a guild as lines of JSON, for an import here or on another server. It holds no secrets. An export by a
        person leaves out other people who are hidden. Data that the credential may not read by its own route (guild,
        roles and channels: `guilds:read`; settings: `settings:read`; achievements: `achievements:read`) is left out,
        and the first line names it in `left_out`."""
        lines: AsyncIterator[bytes] = exporter.export(request.actor, guild_id)
        return Stream(
            lines,
            media_type=NDJSON,
            headers={
                "Cache-Control": "no-store",
                "Content-Disposition": f'attachment; filename="guild-{guild_id}.ndjson"',
            },
        )
