"""`/v1/users/{user_id}`: a person's privacy choices, export and erasure."""

from litestar import Controller, delete, get, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from litestar.response import Stream

from api.auth.scopes import Scope
from api.http.policy import RoutePolicy
from api.http.requests import GuildhallRequest
from api.privacy.dtos import EraseQuery, ErasureView, PersonView, PrivacyView, PutPrivacy
from api.privacy.erasing import Eraser
from api.privacy.exporting import PersonExporter
from api.privacy.service import PrivacyService

READ, WRITE = Scope.USERS_EXPORT, Scope.USERS_ERASE

SECONDS = 600  # for somebody who is in very many guilds


class UserController(Controller):
    path = "/v1/users/{user_id:str}"
    tags = ("users",)

    @get("/export", opt=RoutePolicy(READ, seconds=SECONDS, document=PersonView).opt, media_type="application/json")
    async def export_user(
        self, user_id: FromPath[int], request: GuildhallRequest, exporter_of_people: NamedDependency[PersonExporter]
    ) -> Stream:
        """Export all data about a person, in every guild that the key sees. For an unknown person, it has no rows."""
        return Stream(
            exporter_of_people.export(request.actor, user_id),
            media_type="application/json",
            headers={
                "Cache-Control": "no-store",
                "Content-Disposition": f'attachment; filename="user-{user_id}.json"',
            },
        )

    @get("/privacy", opt=RoutePolicy(READ, conditional=True, personal=True, whole_installation=True).opt)
    async def get_privacy(self, user_id: FromPath[int], privacy: NamedDependency[PrivacyService]) -> PrivacyView:
        """Get a person's privacy choices, which hold for every guild. By default, a person is public and counted."""
        return await privacy.get(user_id)

    @put(
        "/privacy", opt=RoutePolicy(WRITE, conditional=True, personal=True, if_match=True, whole_installation=True).opt
    )
    async def put_privacy(
        self,
        user_id: FromPath[int],
        data: JSONBody[PutPrivacy],
        request: GuildhallRequest,
        privacy: NamedDependency[PrivacyService],
    ) -> PrivacyView:
        """Set a person's privacy choices. Hide them from every leaderboard and list, or show them again; drop their
        events from now on, or count them again. Stored data stays until it is erased."""
        return await privacy.put(request.actor, user_id, data, request.preconditions)

    @delete("/", opt=RoutePolicy(WRITE, seconds=SECONDS).opt, status_code=200)
    async def erase_user(
        self,
        user_id: FromPath[int],
        params: NamedDependency[EraseQuery],
        request: GuildhallRequest,
        eraser: NamedDependency[Eraser],
    ) -> ErasureView:
        """Erase a person everywhere, or in the guilds that the key sees. When the answer arrives, it is done. The audit
        log and the event stream no longer say who the person was; totals of guilds stay. Late events from before the
        erasure are dropped. A choice to be hidden or to opt out stays. A repeated call finds nothing to erase."""
        return await eraser.erase(request.actor, user_id, opt_out=params.opt_out)
