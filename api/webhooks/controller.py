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
        """Create a webhook, which sends a guild's events to an address. Each delivery is a POST of `{"id", "event",
        "guild_id", "at", "data"}`, with `Guildhall-Signature: t=<unix>,v1=<hex>`: HMAC-SHA256 of `t.body`, with the
        whole `secret` as its key. Only this answer has the secret. A delivery is tried up to 8 times within a day,
        until the answer is 2xx, so an `id` may arrive twice. If no delivery succeeds for 12 hours, the webhook is
        disabled, and the stream publishes `webhook.disabled`. The webhook receives only data that its maker may read,
        and ends with the key that made it. A guild can have ten."""
        return await webhooks.create(request.actor, guild_id, data)

    @get("/", opt=RoutePolicy(WRITE).opt)
    async def list_webhooks(
        self,
        guild_id: FromPath[int],
        params: NamedDependency[WebhookPage],
        request: GuildhallRequest,
        webhooks: NamedDependency[WebhookService],
    ) -> Page[WebhookView]:
        """List a guild's webhooks, oldest first."""
        return await webhooks.list_webhooks(request.actor, guild_id, limit=params.limit, cursor=params.cursor)

    @get("/{webhook_id:str}", opt=RoutePolicy(WRITE, conditional=True).opt)
    async def get_webhook(
        self, guild_id: FromPath[int], webhook_id: FromPath[int], webhooks: NamedDependency[WebhookService]
    ) -> WebhookView:
        """Get a webhook, without its secret."""
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
        """Change a webhook with a merge patch. If it is enabled again, it begins with events from now on. From then on
        it has the rights of the key or person that changed it."""
        return await webhooks.patch(request.actor, guild_id, webhook_id, data, request.preconditions)

    @delete("/{webhook_id:str}", opt=RoutePolicy(WRITE, if_match=True).opt)
    async def delete_webhook(
        self,
        guild_id: FromPath[int],
        webhook_id: FromPath[int],
        request: GuildhallRequest,
        webhooks: NamedDependency[WebhookService],
    ) -> None:
        """Delete a webhook, with its pending deliveries."""
        await webhooks.delete(request.actor, guild_id, webhook_id, request.preconditions)

    @post("/{webhook_id:str}/test", opt=RoutePolicy(WRITE, conflicts=True).opt, status_code=200)
    async def test_webhook(
        self,
        guild_id: FromPath[int],
        webhook_id: FromPath[int],
        request: GuildhallRequest,
        webhooks: NamedDependency[WebhookService],
    ) -> DeliveryView:
        """Send the event `webhook.test`, without data, in the background. The list of deliveries shows the result."""
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
        """List the deliveries of the last week and the pending ones, newest first."""
        return await webhooks.deliveries(request.actor, guild_id, webhook_id, limit=params.limit, cursor=params.cursor)

    @post(
        "/{webhook_id:str}/deliveries/{delivery:str}/resend",
        opt=RoutePolicy(WRITE, conflicts=True).opt,
        status_code=200,
    )
    async def resend_delivery(
        self,
        guild_id: FromPath[int],
        webhook_id: FromPath[int],
        delivery: FromPath[str],
        request: GuildhallRequest,
        webhooks: NamedDependency[WebhookService],
    ) -> DeliveryView:
        """Send a delivery of the last week again, in the background: a failed or a delivered one once more, a pending
        one now. If it fails, it is tried again until it has had 8 attempts in all, but at least once."""
        return await webhooks.resend(request.actor, guild_id, webhook_id, delivery)
