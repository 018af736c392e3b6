"""`/v1/keys`."""

from litestar import Controller, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from api.auth.scopes import Scope
from api.http.policy import RoutePolicy
from api.http.requests import GuildhallRequest
from api.keys.dtos import CreateKey, KeyQuery, KeyView, RotateKey
from api.keys.service import KeyService
from api.lib.pagination import Page


class KeyController(Controller):
    path = "/v1/keys"
    tags = ("keys",)

    @post("/", opt=RoutePolicy(Scope.KEYS_MANAGE, conflicts=True).opt)
    async def create_key(
        self, data: JSONBody[CreateKey], request: GuildhallRequest, keys: NamedDependency[KeyService]
    ) -> KeyView:
        """Make a key. It can do no more than the one that makes it, ends with it at the latest, and spends its budget
        of requests too. The whole of it, `secret`, is told only in this answer; sent twice, it makes two."""
        return await keys.create(request.actor, data)

    @get("/", opt=RoutePolicy(Scope.KEYS_MANAGE).opt)
    async def list_keys(
        self,
        params: NamedDependency[KeyQuery],
        request: GuildhallRequest,
        keys: NamedDependency[KeyService],
    ) -> Page[KeyView]:
        """The keys that can do no more than the one that asks, newest first."""
        return await keys.list_keys(request.actor, params)

    @get("/{key_id:str}", opt=RoutePolicy(Scope.KEYS_MANAGE, conditional=True).opt)
    async def get_key(
        self, key_id: FromPath[int], request: GuildhallRequest, keys: NamedDependency[KeyService]
    ) -> KeyView:
        """One key, without its secret."""
        return await keys.get(request.actor, key_id)

    @delete("/{key_id:str}", opt=RoutePolicy(Scope.KEYS_MANAGE).opt)
    async def revoke_key(
        self, key_id: FromPath[int], request: GuildhallRequest, keys: NamedDependency[KeyService]
    ) -> None:
        """Revoke a key and all that come of it: they end at once, and on every worker within five seconds. A key cannot
        revoke those that it comes of."""
        await keys.revoke(request.actor, key_id)

    @post(
        "/{key_id:str}/rotate",
        opt=RoutePolicy(Scope.KEYS_MANAGE, finds_key=True, optional_body=True, conflicts=True).opt,
    )
    async def rotate_key(
        self,
        key_id: FromPath[int],
        data: JSONBody[RotateKey],
        request: GuildhallRequest,
        keys: NamedDependency[KeyService],
    ) -> KeyView:
        """Make a new key with the same rights and the same maker; the old one ends after a grace, a day by default, and
        what it made goes on with the new one. Only the key itself may, or one that it comes of."""
        return await keys.rotate(request.actor, key_id, data)
