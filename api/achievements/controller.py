"""`/v1/achievements`, `/v1/guilds/{guild_id}/achievements`, `/v1/achievement-packs`."""

from litestar import Controller, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from api.achievements.dtos import (
    AchievementQuery,
    AchievementView,
    ChangedAchievementView,
    CreateAchievement,
    PatchAchievement,
    SimulateAchievement,
    SimulationView,
)
from api.achievements.packs import PacksView, all_packs
from api.achievements.service import AchievementService
from api.auth.scopes import Scope
from api.guilds.rules import INSTALLATION
from api.http.policy import RoutePolicy
from api.http.requests import GuildhallRequest
from api.lib.encoded import Encoded
from api.lib.pagination import Page

READ, WRITE = Scope.ACHIEVEMENTS_READ, Scope.ACHIEVEMENTS_WRITE

SECONDS = 20  # for routes that read every member


class AchievementController(Controller):
    path = "/v1/guilds/{guild_id:str}/achievements"
    tags = ("achievements",)

    @get("/", opt=RoutePolicy(READ).opt)
    async def list_achievements(
        self,
        guild_id: FromPath[int],
        params: NamedDependency[AchievementQuery],
        request: GuildhallRequest,
        achievements: NamedDependency[AchievementService],
    ) -> Page[AchievementView]:
        """List a guild's own achievements, in the order of their creation."""
        return await achievements.list_achievements(request.actor, guild_id, params)

    @post("/", opt=RoutePolicy(WRITE, conditional=True, conflicts=True, deep_member="condition").opt)
    async def create_achievement(
        self,
        guild_id: FromPath[int],
        data: JSONBody[CreateAchievement],
        request: GuildhallRequest,
        achievements: NamedDependency[AchievementService],
    ) -> Encoded[AchievementView]:
        """Define an achievement of a guild. In this guild, it replaces an achievement of the installation with its
        key."""
        return await achievements.create(request.actor, guild_id, data)

    @post(
        "/simulate",
        opt=RoutePolicy(READ, deep_member="condition", seconds=SECONDS, effect_free=True).opt,
        status_code=200,
    )
    async def simulate_achievement(
        self,
        guild_id: FromPath[int],
        data: JSONBody[SimulateAchievement],
        request: GuildhallRequest,
        achievements: NamedDependency[AchievementService],
    ) -> SimulationView:
        """Count the members who would get a draft now. Nothing is stored."""
        return await achievements.drafts.simulate(request.actor, guild_id, data)

    @get("/{achievement:str}", opt=RoutePolicy(READ, conditional=True).opt)
    async def get_achievement(
        self,
        guild_id: FromPath[int],
        achievement: FromPath[str],
        request: GuildhallRequest,
        achievements: NamedDependency[AchievementService],
    ) -> Encoded[AchievementView]:
        """Get an achievement of a guild."""
        return await achievements.get(request.actor, guild_id, achievement)

    @patch(
        "/{achievement:str}",
        opt=RoutePolicy(
            WRITE, if_match=True, conditional=True, merge_patch=True, deep_member="condition", seconds=SECONDS
        ).opt,
    )
    async def patch_achievement(
        self,
        guild_id: FromPath[int],
        achievement: FromPath[str],
        data: JSONBody[PatchAchievement],
        request: GuildhallRequest,
        achievements: NamedDependency[AchievementService],
    ) -> Encoded[ChangedAchievementView]:
        """Change an achievement with a merge patch. A condition is replaced as a whole. Members who have the
        achievement keep it."""
        return await achievements.patch(request.actor, guild_id, achievement, data, request.preconditions)

    @delete("/{achievement:str}", opt=RoutePolicy(WRITE, if_match=True).opt)
    async def delete_achievement(
        self,
        guild_id: FromPath[int],
        achievement: FromPath[str],
        request: GuildhallRequest,
        achievements: NamedDependency[AchievementService],
    ) -> None:
        """Delete an achievement. It cannot be earned any more; members who have it keep it. It can be restored until
        the retention ends."""
        await achievements.delete(request.actor, guild_id, achievement, request.preconditions)

    @post(
        "/{achievement:str}/restore",
        opt=RoutePolicy(WRITE, conditional=True, conflicts=True, deleted=True).opt,
        status_code=200,
    )
    async def restore_achievement(
        self,
        guild_id: FromPath[int],
        achievement: FromPath[str],
        request: GuildhallRequest,
        achievements: NamedDependency[AchievementService],
    ) -> Encoded[AchievementView]:
        """Restore a deleted achievement. An achievement that is not deleted stays unchanged."""
        return await achievements.restore(request.actor, guild_id, achievement)


class GlobalAchievementController(Controller):
    path = "/v1/achievements"
    tags = ("achievements",)

    @get("/", opt=RoutePolicy(READ).opt)
    async def list_global_achievements(
        self,
        params: NamedDependency[AchievementQuery],
        request: GuildhallRequest,
        achievements: NamedDependency[AchievementService],
    ) -> Page[AchievementView]:
        """List the achievements of the installation, in the order of their creation."""
        return await achievements.list_achievements(request.actor, INSTALLATION, params)

    @post(
        "/",
        opt=RoutePolicy(WRITE, conditional=True, conflicts=True, deep_member="condition", whole_installation=True).opt,
    )
    async def create_global_achievement(
        self,
        data: JSONBody[CreateAchievement],
        request: GuildhallRequest,
        achievements: NamedDependency[AchievementService],
    ) -> Encoded[AchievementView]:
        """Define an achievement for every guild."""
        return await achievements.create(request.actor, INSTALLATION, data)

    @post(
        "/simulate",
        opt=RoutePolicy(READ, deep_member="condition", whole_installation=True, seconds=SECONDS, effect_free=True).opt,
        status_code=200,
    )
    async def simulate_global_achievement(
        self,
        data: JSONBody[SimulateAchievement],
        request: GuildhallRequest,
        achievements: NamedDependency[AchievementService],
    ) -> SimulationView:
        """Count the members of all guilds who would get a draft now. Nothing is stored."""
        return await achievements.drafts.simulate(request.actor, INSTALLATION, data)

    @get("/{achievement:str}", opt=RoutePolicy(READ, conditional=True).opt)
    async def get_global_achievement(
        self,
        achievement: FromPath[str],
        request: GuildhallRequest,
        achievements: NamedDependency[AchievementService],
    ) -> Encoded[AchievementView]:
        """Get an achievement of the installation. Its counts cover the guilds that the caller sees."""
        return await achievements.get(request.actor, INSTALLATION, achievement)

    @patch(
        "/{achievement:str}",
        opt=RoutePolicy(
            WRITE,
            if_match=True,
            conditional=True,
            merge_patch=True,
            deep_member="condition",
            whole_installation=True,
            seconds=SECONDS,
        ).opt,
    )
    async def patch_global_achievement(
        self,
        achievement: FromPath[str],
        data: JSONBody[PatchAchievement],
        request: GuildhallRequest,
        achievements: NamedDependency[AchievementService],
    ) -> Encoded[ChangedAchievementView]:
        """Change an achievement of the installation with a merge patch. A condition is replaced as a whole. Members who
        have the achievement keep it."""
        return await achievements.patch(request.actor, INSTALLATION, achievement, data, request.preconditions)

    @delete("/{achievement:str}", opt=RoutePolicy(WRITE, if_match=True, whole_installation=True).opt)
    async def delete_global_achievement(
        self,
        achievement: FromPath[str],
        request: GuildhallRequest,
        achievements: NamedDependency[AchievementService],
    ) -> None:
        """Delete an achievement of the installation. It cannot be earned any more; members who have it keep it. It can
        be restored until the retention ends."""
        await achievements.delete(request.actor, INSTALLATION, achievement, request.preconditions)

    @post(
        "/{achievement:str}/restore",
        opt=RoutePolicy(WRITE, conditional=True, conflicts=True, deleted=True, whole_installation=True).opt,
        status_code=200,
    )
    async def restore_global_achievement(
        self,
        achievement: FromPath[str],
        request: GuildhallRequest,
        achievements: NamedDependency[AchievementService],
    ) -> Encoded[AchievementView]:
        """Restore a deleted achievement of the installation. An achievement that is not deleted stays unchanged."""
        return await achievements.restore(request.actor, INSTALLATION, achievement)


class PackController(Controller):
    path = "/v1/achievement-packs"
    tags = ("achievements",)

    @get("/", opt=RoutePolicy(READ, conditional=True).opt)
    async def list_packs(self) -> PacksView:
        """List the packs of achievements that come with Guildhall. To use one, create its achievements in their
        order."""
        return all_packs()
