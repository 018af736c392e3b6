"""`/v1/guilds/{guild_id}/webhooks`."""

from litestar import Controller, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from api.auth.scopes import Scope
from api.http.policy import RoutePolicy
from api.http.requests import GuildhallRequest
from api.lib.pagination import Page
from api.webhooks.dtos import CreateWebhook, DeliveryView, PatchWebhook, WebhookPage, WebhookView
from api.webhooks.service import WebhookService

WRITE = Scope.WEBHOOKS_WRITE


class WebhookController(Controller):
    path = "/v1/guilds/{guild_id:str}/webhooks"
    tags = ("webhooks",)

    @post("/", opt=RoutePolicy(WRITE, conflicts=True).opt)
    async def create_webhook(
        self,
        guild_id: FromPath[int],
        data: JSONBody[CreateWebhook],
        request: GuildhallRequest,
        webhooks: NamedDependency[WebhookService],
    ) -> WebhookView:
        """Have a guild's events sent to an address. Each is a POST of `{"id", "event", "guild_id", "at", "data"}`, with
        `Guildhall-Signature: t=<unix>,v1=<hex>`: HMAC-SHA256 of `t.body` under the whole `secret`, which is told
        only in this answer. It is tried 8 times within a day until the answer is 2xx; the same `id` may come twice.
        Where nothing has arrived for 12 hours it is disabled, and `webhook.disabled` says so. It tells what
        its maker may read, and ends with the key that made it. Ten for a guild."""
        return await webhooks.create(request.actor, guild_id, data)

    @get("/", opt=RoutePolicy(WRITE).opt)
    async def list_webhooks(
        self,
        guild_id: FromPath[int],
        params: NamedDependency[WebhookPage],
        request: GuildhallRequest,
        webhooks: NamedDependency[WebhookService],
    ) -> Page[WebhookView]:
        """A guild's webhooks, oldest first."""
        return await webhooks.list_webhooks(request.actor, guild_id, limit=params.limit, cursor=params.cursor)

    @get("/{webhook_id:str}", opt=RoutePolicy(WRITE, conditional=True).opt)
    async def get_webhook(
        self, guild_id: FromPath[int], webhook_id: FromPath[int], webhooks: NamedDependency[WebhookService]
    ) -> WebhookView:
        """One webhook, without its secret."""
        return await webhooks.get(guild_id, webhook_id)

    @patch(
        "/{webhook_id:str}",
        opt=RoutePolicy(WRITE, finds_webhook=True, conditional=True, if_match=True, merge_patch=True).opt,
    )
    async def patch_webhook(
        self,
        guild_id: FromPath[int],
        webhook_id: FromPath[int],
        data: JSONBody[PatchWebhook],
        request: GuildhallRequest,
        webhooks: NamedDependency[WebhookService],
    ) -> WebhookView:
        """Change some of it, as a merge patch. Enabled again, it begins with what happens from now on. Who changes it
        is its maker then: it tells what they may read."""
        return await webhooks.patch(request.actor, guild_id, webhook_id, data, request.preconditions)

    @delete("/{webhook_id:str}", opt=RoutePolicy(WRITE, if_match=True).opt)
    async def delete_webhook(
        self,
        guild_id: FromPath[int],
        webhook_id: FromPath[int],
        request: GuildhallRequest,
        webhooks: NamedDependency[WebhookService],
    ) -> None:
        """Remove it, with what was to be sent to it."""
        await webhooks.delete(request.actor, guild_id, webhook_id, request.preconditions)

    @post("/{webhook_id:str}/test", opt=RoutePolicy(WRITE, conflicts=True).opt, status_code=200)
    async def test_webhook(
        self,
        guild_id: FromPath[int],
        webhook_id: FromPath[int],
        request: GuildhallRequest,
        webhooks: NamedDependency[WebhookService],
    ) -> DeliveryView:
        """Send it `webhook.test`, with no data, in a moment: the deliveries tell what became of it."""
        return await webhooks.test(request.actor, guild_id, webhook_id)

    @get("/{webhook_id:str}/deliveries", opt=RoutePolicy(Scope.EVENTS_READ).opt)
    async def list_deliveries(
        self,
        guild_id: FromPath[int],
        webhook_id: FromPath[int],
        params: NamedDependency[WebhookPage],
        request: GuildhallRequest,
        webhooks: NamedDependency[WebhookService],
    ) -> Page[DeliveryView]:
        """What was sent to it in the last week, or is to be, newest first."""
        return await webhooks.deliveries(request.actor, guild_id, webhook_id, limit=params.limit, cursor=params.cursor)
