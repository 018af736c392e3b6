"""The addresses to which webhooks may lead. Pure, and independent of the version of Python: the ranges are IANA's
registries of special-purpose addresses, and the internal addresses of clouds."""

from enum import IntEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address


class Reach(IntEnum):
    """Who can be reached at an address. `NEVER`: no receiver of webhooks, but for example a cloud's keys. An operator
    who allows webhooks into their own network does not mean these."""

    PUBLIC = 0
    PRIVATE = 1
    NEVER = 2


_NEVER = (
    "0.0.0.0/8",  # unspecified: this machine, on Linux
    "169.254.0.0/16",  # link-local: clouds' metadata
    "100.100.100.200/32",  # Alibaba's metadata
    "168.63.129.16/32",  # Azure's
    "224.0.0.0/4",  # multicast
    "255.255.255.255/32",  # broadcast
    "::/128",
    "fe80::/10",
    "fd00:ec2::254/128",  # Amazon's metadata
    "fd20:ce::254/128",  # Google's
    "ff00::/8",
)
_PRIVATE = (
    "10.0.0.0/8",
    "100.64.0.0/10",  # carriers' own
    "127.0.0.0/8",
    "172.16.0.0/12",
    "192.0.0.0/24",  # protocols'
    "192.0.2.0/24",  # documentation
    "192.88.99.0/24",  # relays of 6to4
    "192.168.0.0/16",
    "198.18.0.0/15",  # benchmarks
    "198.51.100.0/24",
    "203.0.113.0/24",
    "240.0.0.0/4",
    "2001::/23",  # protocols', Teredo among them
    "2001:db8::/32",
    "3fff::/20",
)

# All public addresses are in this range. Loopback, unique local, site-local and unassigned addresses are not.
_GLOBAL = IPv6Network("2000::/3")

# IPv4 addresses within IPv6, and by how many bits they are shifted.
_EMBEDDED = (
    (IPv6Network("::ffff:0:0/96"), 0),
    (IPv6Network("::/96"), 0),
    (IPv6Network("64:ff9b::/96"), 0),
    (IPv6Network("2002::/16"), 80),
)


def _parsed(*ranges: str) -> tuple[tuple[IPv4Network, ...], tuple[IPv6Network, ...]]:
    return (
        tuple(IPv4Network(each) for each in ranges if ":" not in each),
        tuple(IPv6Network(each) for each in ranges if ":" in each),
    )


_NEVER_4, _NEVER_6 = _parsed(*_NEVER)
_PRIVATE_4, _PRIVATE_6 = _parsed(*_PRIVATE)


def reach(address: str) -> Reach:
    """Who can be reached at an IP address. Raises `ValueError` for an invalid address."""
    found = ip_address(address.partition("%")[0])
    return _reach_4(found) if isinstance(found, IPv4Address) else _reach_6(found)


def _reach_4(address: IPv4Address) -> Reach:
    if any(address in each for each in _NEVER_4):
        return Reach.NEVER
    return Reach.PRIVATE if any(address in each for each in _PRIVATE_4) else Reach.PUBLIC


def _reach_6(address: IPv6Address) -> Reach:
    if any(address in each for each in _NEVER_6):
        return Reach.NEVER
    if address == IPv6Address("::1"):
        return Reach.PRIVATE
    for network, shift in _EMBEDDED:
        if address in network:
            return _reach_4(IPv4Address(int(address) >> shift & 0xFFFFFFFF))
    if address not in _GLOBAL or any(address in each for each in _PRIVATE_6):
        return Reach.PRIVATE
    return Reach.PUBLIC
