"""`/v1/guilds/{guild_id}/audit-log`."""

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from api.audit.dtos import AuditEntryView, AuditQuery
from api.audit.service import AuditService
from api.auth.scopes import Scope
from api.http.policy import RoutePolicy
from api.http.requests import GuildhallRequest
from api.lib.pagination import Page


class AuditController(Controller):
    path = "/v1/guilds/{guild_id:str}/audit-log"
    tags = ("audit",)

    @get("/", opt=RoutePolicy(Scope.AUDIT_READ).opt)
    async def list_entries(
        self,
        guild_id: FromPath[int],
        params: NamedDependency[AuditQuery],
        request: GuildhallRequest,
        audit: NamedDependency[AuditService],
    ) -> Page[AuditEntryView]:
        """List who changed what in a guild, when, why and from where: newest first. Entries never change."""
        return await audit.list_entries(request.actor, guild_id, params)
