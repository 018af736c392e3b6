"""Webhooks that were made when hosts might be written oddly."""

import httpx2
import pytest

from api.postgres.engine import PlainConnection
from tests.support.people import HARBOUR
from tests.webhooks.conftest import Deliver
from tests.webhooks.receiver import Receiver
from tests.webhooks.test_delivering import change, deliveries, hook

pytestmark = pytest.mark.usefixtures("private")

PATH = f"/v1/guilds/{HARBOUR}/webhooks"


@pytest.mark.parametrize("url", ["http://2130706433/x", "http://[fe80::1%25eth0]/", "http://bot.example../"])
async def test_where_nothing_can_be_sent_it_is_disabled_and_says_why(
    bot: httpx2.AsyncClient, owner: PlainConnection, receiver: Receiver, deliver: Deliver, url: str
) -> None:
    webhook = await hook(bot, receiver.url, "settings.updated")
    address = f"{PATH}/{webhook['id']}"
    await owner.execute("UPDATE webhooks SET url = $2 WHERE id = $1", int(webhook["id"]), url)
    await change(bot, 1)
    await deliver()
    assert await deliveries(bot, webhook) == [("settings.updated", "failed", 0)]
    assert (await bot.get(address)).json()["enabled"] is False
    [entry] = (await bot.get(f"/v1/guilds/{HARBOUR}/audit-log?action=webhook.disabled")).json()["items"]
    assert "nothing can be sent to its address" in entry["reason"]
    refused = await bot.patch(address, json={"enabled": True})
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/url")
    mended = await bot.patch(address, json={"enabled": True, "url": receiver.url})
    assert (mended.status_code, mended.json()["enabled"]) == (200, True)
    await change(bot, 2)
    await deliver()
    assert receiver.got[-1].data["data"]["revision"] == 2
