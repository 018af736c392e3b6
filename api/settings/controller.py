"""`/v1/modules`, and the settings of a guild."""

from litestar import Controller, delete, get, patch, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from api.auth.scopes import Scope
from api.http.policy import RoutePolicy
from api.http.requests import GuildhallRequest
from api.http.responses import ApiResponse
from api.lib.encoded import Encoded
from api.lib.json import JsonObject
from api.lib.pagination import Page
from api.settings.dtos import ModuleView, PageQuery, PutModule, PutModuleQuery, RevisionView, SettingsView
from api.settings.evolution import ModuleService
from api.settings.service import SettingsService

READ, WRITE = Scope.SETTINGS_READ, Scope.SETTINGS_WRITE


class ModuleController(Controller):
    path = "/v1/modules"
    tags = ("modules",)

    @get("/", opt=RoutePolicy(READ).opt)
    async def list_modules(
        self, params: NamedDependency[PageQuery], modules: NamedDependency[ModuleService]
    ) -> Page[ModuleView]:
        """List the modules by name: built-in ones, and those that bots registered."""
        return await modules.list_modules(limit=params.limit, cursor=params.cursor)

    @get("/{module:str}", opt=RoutePolicy(READ, conditional=True).opt)
    async def get_module(self, module: FromPath[str], modules: NamedDependency[ModuleService]) -> ModuleView:
        """Get a module: its schema, from which a form can be drawn, and its defaults."""
        return await modules.get(module)

    @put(
        "/{module:str}",
        opt=RoutePolicy(
            Scope.MODULES_WRITE,
            if_match=True,
            conditional=True,
            creates_module=True,
            deep_member="schema",
            whole_installation=True,
            statuses=(201, 200),
            conflicts=True,
            seconds=120,
        ).opt,
    )
    async def put_module(
        self,
        module: FromPath[str],
        data: JSONBody[PutModule],
        params: NamedDependency[PutModuleQuery],
        request: GuildhallRequest,
        modules: NamedDependency[ModuleService],
    ) -> ApiResponse[ModuleView]:
        """Register a module, or change its schema. If stored settings of any guild are invalid under the new schema,
        the answer is 409, unless `on_conflict=reset`."""
        view, created = await modules.register(
            request.actor, module, data, request.preconditions, reset=params.on_conflict == "reset"
        )
        return ApiResponse(view, status_code=201 if created else 200)


class SettingsController(Controller):
    path = "/v1/guilds/{guild_id:str}/settings"
    tags = ("settings",)

    @get("/", opt=RoutePolicy(READ, conditional=True).opt)
    async def get_all_settings(
        self, guild_id: FromPath[int], settings: NamedDependency[SettingsService]
    ) -> Encoded[dict[str, JsonObject]]:
        """Get the effective values of all modules, by module."""
        return await settings.get_all(guild_id)

    @get("/{module:str}", opt=RoutePolicy(READ, conditional=True).opt)
    async def get_settings(
        self, guild_id: FromPath[int], module: FromPath[str], settings: NamedDependency[SettingsService]
    ) -> Encoded[SettingsView]:
        """Get a guild's settings of a module: every value, and which of them the guild overrides."""
        return await settings.get(guild_id, module)

    @patch(
        "/{module:str}", opt=RoutePolicy(WRITE, if_match=True, conditional=True, merge_patch=True, conflicts=True).opt
    )
    async def patch_settings(
        self,
        guild_id: FromPath[int],
        module: FromPath[str],
        data: JSONBody[JsonObject],
        request: GuildhallRequest,
        settings: NamedDependency[SettingsService],
    ) -> SettingsView:
        """Change settings with a merge patch of the newest revision. Null returns a property to its default."""
        return await settings.patch(request.actor, guild_id, module, data, request.preconditions)

    @put("/{module:str}", opt=RoutePolicy(WRITE, if_match=True, conditional=True, conflicts=True).opt)
    async def put_settings(
        self,
        guild_id: FromPath[int],
        module: FromPath[str],
        data: JSONBody[JsonObject],
        request: GuildhallRequest,
        settings: NamedDependency[SettingsService],
    ) -> SettingsView:
        """Replace a guild's settings of a module. Absent properties return to their defaults."""
        return await settings.replace(request.actor, guild_id, module, data, request.preconditions)

    @delete("/{module:str}", opt=RoutePolicy(WRITE, if_match=True).opt)
    async def delete_settings(
        self,
        guild_id: FromPath[int],
        module: FromPath[str],
        request: GuildhallRequest,
        settings: NamedDependency[SettingsService],
    ) -> None:
        """Return all settings of a module to their defaults, as a new revision."""
        await settings.reset(request.actor, guild_id, module, request.preconditions)

    @get("/{module:str}/revisions", opt=RoutePolicy(READ).opt)
    async def list_revisions(
        self,
        guild_id: FromPath[int],
        module: FromPath[str],
        params: NamedDependency[PageQuery],
        request: GuildhallRequest,
        settings: NamedDependency[SettingsService],
    ) -> Page[RevisionView]:
        """List the changes of a module's settings, newest first: who, when, why, before and after."""
        return await settings.revisions(request.actor, guild_id, module, limit=params.limit, cursor=params.cursor)

    @post(
        "/{module:str}/revisions/{revision:str}/restore",
        opt=RoutePolicy(WRITE, if_match=True, conditional=True, conflicts=True).opt,
        status_code=200,
    )
    async def restore_revision(
        self,
        guild_id: FromPath[int],
        module: FromPath[str],
        revision: FromPath[int],
        request: GuildhallRequest,
        settings: NamedDependency[SettingsService],
    ) -> SettingsView:
        """Restore an old revision, as a new one. Revision 0 has the defaults."""
        return await settings.restore(request.actor, guild_id, module, revision, request.preconditions)
