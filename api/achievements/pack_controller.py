"""`/v1/achievement-packs`."""

from litestar import Controller, get

from api.achievements.packs import PacksView, all_packs
from api.auth.scopes import Scope
from api.http.policy import RoutePolicy


class PackController(Controller):
    path = "/v1/achievement-packs"
    tags = ("achievements",)

    @get("/", opt=RoutePolicy(Scope.ACHIEVEMENTS_READ, conditional=True).opt)
    async def list_packs(self) -> PacksView:
        """List the packs of achievements that come with Guildhall. To use one, create its achievements in their
        order."""
        return all_packs()
