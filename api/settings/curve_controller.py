"""`/v1/guilds/{guild_id}/level-curve`."""

from litestar import Controller, post
from litestar.params import FromPath, JSONBody

from api.auth.scopes import Scope
from api.errors import Invalid
from api.http.policy import RoutePolicy
from api.settings.curves import curve_faults, thresholds
from api.settings.dtos import LevelCurveView, PreviewLevelCurve


class CurveController(Controller):
    path = "/v1/guilds/{guild_id:str}/level-curve"
    tags = ("settings",)

    @post("/preview", opt=RoutePolicy(Scope.SETTINGS_READ, effect_free=True).opt, status_code=200)
    async def preview_level_curve(self, guild_id: FromPath[int], data: JSONBody[PreviewLevelCurve]) -> LevelCurveView:
        """Compute the levels of a curve that the module `leveling` could have. Nothing is stored."""
        if faults := curve_faults(data.curve, data.max_level):
            raise Invalid(errors=faults)
        return LevelCurveView(thresholds(data.curve, data.max_level))
