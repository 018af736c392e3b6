"""A proxy that nobody has named is noticed, once."""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from litestar import Litestar
from structlog.testing import capture_logs

from api.app import with_middleware
from api.config import Settings
from api.http.proxy_notice import ENOUGH, PRIVATE, UNTRUSTED, ProxyNotice

PROXY, LAN, LOCAL, PUBLIC = "172.18.0.2", "192.168.1.9", "::1", "93.184.215.14"
PASSED = [(b"x-forwarded-for", b"93.184.215.14")]


def said(requests: Sequence[tuple[str, list[tuple[bytes, bytes]]]]) -> list[str]:
    notice = ProxyNotice()
    with capture_logs() as lines:
        for host, headers in requests:
            if not notice.is_done:
                scope: Any = {"client": (host, 1) if host else None, "headers": headers}  # Any: as much as it looks at
                notice.check(scope)
    return [f"{line['event']}: {line['what_to_do']}" for line in lines]


@pytest.mark.parametrize(
    ("requests", "begins"),
    [
        ([(PUBLIC, [])] * 5 + [(PROXY, PASSED)] * 9, UNTRUSTED),
        ([(LOCAL, []), (PROXY, [(b"forwarded", b"for=93.184.215.14")])], UNTRUSTED),
        ([(LAN, []), (LOCAL, [])] * ENOUGH, PRIVATE),
        ([(LAN, [])] * (ENOUGH - 1), None),
        ([(PUBLIC, [])] + [(LAN, [])] * ENOUGH, None),
        ([(PUBLIC, PASSED)] * ENOUGH, None),
        ([("", [])] * ENOUGH, None),
    ],
)
def test_what_it_says(requests: list[tuple[str, list[tuple[bytes, bytes]]]], begins: str | None) -> None:
    lines = said(requests)
    assert len(lines) == (begins is not None)
    assert all(begins is not None and line.startswith(begins) for line in lines)
    assert all("GUILDHALL_TRUSTED_PROXIES" in line for line in lines)


@pytest.mark.parametrize(
    ("changes", "looks"),
    [({}, False), ({"env": "production"}, True), ({"env": "production", "trusted_proxies": "172.18.0.2"}, False)],
)
def test_in_production_where_none_is_named(
    litestar_app: Litestar,
    settings: Settings,
    changes: dict[str, Any],
    looks: bool,  # Any: of settings
) -> None:
    middleware = with_middleware(litestar_app, msgspec.structs.replace(settings, **changes))
    assert (middleware._proxies is not None) == looks
