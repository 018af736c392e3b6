"""Where webhooks may lead: one row a range, its first and its last address, as an operator has it and as they may."""

import httpx2
import pytest
from litestar import Litestar

from api.webhooks.addresses import Reach, reach
from tests.support.people import HARBOUR
from tests.support.wiring import services_of

PATH = f"/v1/guilds/{HARBOUR}/webhooks"
VARIABLE = "GUILDHALL_WEBHOOK_PRIVATE_ADDRESSES"

NEVER = {
    "unspecified": ("0.0.0.0", "0.255.255.255"),  # noqa: S104 - nothing is bound
    "link-local": ("169.254.0.0", "169.254.169.254", "169.254.255.255"),
    "Azure's": ("168.63.129.16",),
    "Alibaba's": ("100.100.100.200",),
    "multicast": ("224.0.0.0", "239.255.255.255"),
    "broadcast": ("255.255.255.255",),
    "unspecified, IPv6": ("::",),
    "link-local, IPv6": ("fe80::", "fe80::1%eth0", "febf:ffff::1"),
    "Amazon's": ("fd00:ec2::254",),
    "Google's": ("fd20:ce::254",),
    "multicast, IPv6": ("ff00::", "ff02::1", "ffff:ffff::1"),
    "link-local, mapped": ("::ffff:169.254.169.254", "::ffff:0.0.0.0"),
    "link-local, compatible": ("::169.254.169.254",),
    "link-local, 6to4": ("2002:a9fe:a9fe::", "2002:a9fe:a9fe:1::1"),
    "link-local, NAT64": ("64:ff9b::a9fe:a9fe",),
}
PRIVATE = {
    "10/8": ("10.0.0.0", "10.255.255.255"),
    "carriers'": ("100.64.0.0", "100.127.255.255"),
    "loopback": ("127.0.0.1", "127.255.255.255"),
    "172.16/12": ("172.16.0.0", "172.31.255.255"),
    "protocols'": ("192.0.0.0", "192.0.0.255"),
    "documentation 1": ("192.0.2.0", "192.0.2.255"),
    "relays of 6to4": ("192.88.99.0", "192.88.99.255"),
    "192.168/16": ("192.168.0.0", "192.168.255.255"),
    "benchmarks": ("198.18.0.0", "198.19.255.255"),
    "documentation 2": ("198.51.100.0", "198.51.100.255"),
    "documentation 3": ("203.0.113.0", "203.0.113.255"),
    "reserved": ("240.0.0.0", "255.255.255.254"),
    "loopback, IPv6": ("::1",),
    "discard": ("100::1",),
    "local NAT64": ("64:ff9b:1::1",),
    "Teredo and protocols'": ("2001::", "2001:1ff:ffff::1"),
    "documentation, IPv6": ("2001:db8::", "2001:db8:ffff::1"),
    "documentation, new": ("3fff::", "3fff:fff:ffff::1"),
    "segment routing": ("5f00::1",),
    "not given out": ("4000::1",),
    "unique local": ("fc00::", "fdff:ffff::1"),
    "site-local": ("fec0::", "feff:ffff::1"),
    "mapped": ("::ffff:10.1.2.3", "::ffff:127.0.0.1", "::ffff:192.0.0.9"),
    "compatible": ("::127.0.0.1",),
    "6to4": ("2002:7f00:1::", "2002:c0a8:101::1", "2002:c058:6301::"),
    "NAT64": ("64:ff9b::7f00:1", "64:ff9b::c0a8:101"),
}
PUBLIC = {
    "IPv4": ("8.8.8.8", "93.184.215.14", "11.0.0.0", "100.63.255.255", "100.128.0.0", "169.253.255.255", "172.32.0.0",
             "192.0.1.0", "192.88.98.255", "198.20.0.0", "223.255.255.255", "168.63.129.17"),
    "IPv6": ("2606:4700::1111", "2a00:1450:4001::1", "2001:4860:4860::8888", "2001:200::1", "3ffe:ffff::1"),
    "mapped": ("::ffff:8.8.8.8",),
    "6to4": ("2002:808:808::1",),
    "NAT64": ("64:ff9b::808:808",),
}  # fmt: skip


@pytest.mark.parametrize(
    ("expected", "address"),
    [
        pytest.param(expected, address, id=f"{name}-{address}")
        for expected, table in ((Reach.NEVER, NEVER), (Reach.PRIVATE, PRIVATE), (Reach.PUBLIC, PUBLIC))
        for name, addresses in table.items()
        for address in addresses
    ],
)
def test_each_range(expected: Reach, address: str) -> None:
    assert reach(address) is expected


def _url(address: str) -> str:
    return f"http://[{address}]/hook" if ":" in address else f"http://{address}/hook"


FIRST = [addresses[0] for table in (NEVER, PRIVATE) for addresses in table.values()]


@pytest.mark.parametrize("allowed", [False, True], ids=["as it is", "private ones allowed"])
async def test_through_http(
    bot: httpx2.AsyncClient, litestar_app: Litestar, monkeypatch: pytest.MonkeyPatch, *, allowed: bool
) -> None:
    monkeypatch.setattr(services_of(litestar_app).webhooks, "_private", allowed)
    made = (await bot.post(PATH, json={"url": "http://93.184.215.14/"})).json()["id"]
    for address in FIRST:
        answer = await bot.patch(f"{PATH}/{made}", json={"url": _url(address)})
        is_private = reach(address) is Reach.PRIVATE
        if allowed and is_private:
            assert answer.status_code == 200, address
            continue
        assert answer.status_code == 422, address
        (fault,) = answer.json()["errors"]
        assert fault["pointer"] == "/url"
        assert (VARIABLE in fault["message"]) is is_private, "only where it would help"
