"""Hosts that are written oddly, or that nobody has on the internet: refused when a webhook is made, and once more when
something is sent to it, whatever a name server makes of them."""

import httpx2
import pytest
from litestar import Litestar

from api.webhooks.jobs import Deliverer
from api.webhooks.rules import is_local, target
from tests.support.people import HARBOUR
from tests.support.wiring import services_of

PATH = f"/v1/guilds/{HARBOUR}/webhooks"

# Whatever the operator allows: others may read them another way than we do.
ODD = (
    # Dots at the end and between.
    "localhost.", "example.org.", "127.0.0.1.", "example..org", ".example.org", "example.org%2e",
    # Zones, escaped or not.
    "[fe80::1%25eth0]", "[fe80::1%eth0]", "[::1%25lo]", "[::ffff:127.0.0.1%251]",
    # IPv4 in octal, hexadecimal, fewer parts, or as one number.
    "0x7f.1", "127.1", "127.0.1", "2130706433", "017700000001", "0x7f000001", "0177.0.0.1", "127.0.0.01",
    "0x7f.0x0.0x0.0x1", "134744072", "8.8.2056", "010.8.8.8", "1.2.3.4.5", "256.1.1.1", "0", "example.0x1",
    "example.1",
    # What is no host.
    "%6cocalhost", "local host", "exa_mple!.org", "a" * 64 + ".org", "[v1.fe80]", "[127.0.0.1]", "[::1", "::1",
)  # fmt: skip

# Names, and addresses of private ones written as IPv6: unless the operator lets webhooks lead to their own network.
PRIVATE = (
    "localhost", "LOCALHOST", "foo.localhost", "localhost.localdomain", "printer.local", "metadata.google.internal",
    "db.internal", "router.home.arpa",
    "[::ffff:10.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::10.0.0.1]", "[64:ff9b:1::a00:1]",
    "[2002:7f00:1::1]", "[2002:a00:1::]", "[2001:0:a00:1::1]", "[2001::f5ff:fffe]", "[0:0:0:0:0:0:0:1]",
)  # fmt: skip

SOUND = (
    "example.org", "EXAMPLE.org", "a.b-c.example", "xn--bcher-kva.example", "_hooks.example.org",
    "93.184.215.14", "[2606:4700::1111]", "localhost.example.org", "notlocal", "1.example.org", "0x7f.example",
)  # fmt: skip


@pytest.mark.parametrize("host", ODD)
async def test_odd(bot: httpx2.AsyncClient, litestar_app: Litestar, private: None, host: str) -> None:
    deliverer: Deliverer = services_of(litestar_app).deliverer
    for port in ("", ":8443"):
        url = f"https://{host}{port}/hook"
        assert target(url) is None
        answer = await bot.post(PATH, json={"url": url})
        assert answer.status_code == 422, answer.text
        assert answer.json()["errors"][0]["pointer"] == "/url"
        assert (await deliverer._sender.send(url, {}, b"", HARBOUR)).summary == "no address"


@pytest.mark.parametrize("host", PRIVATE)
async def test_private(bot: httpx2.AsyncClient, litestar_app: Litestar, host: str) -> None:
    deliverer: Deliverer = services_of(litestar_app).deliverer
    url = f"https://{host}/hook"
    answer = await bot.post(PATH, json={"url": url})
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["pointer"] == "/url"
    outcome = await deliverer._sender.send(url, {}, b"", HARBOUR)
    assert outcome.summary == "it leads to an address that is not allowed"


@pytest.mark.parametrize("host", SOUND)
def test_sound(host: str) -> None:
    found = target(f"https://{host}/hook")
    assert found is not None
    assert ":" in found.host or not is_local(found.host)
