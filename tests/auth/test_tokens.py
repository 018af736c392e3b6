"""The text of a key, and that only a right one is ever looked up."""

import re

import pytest
from litestar import Litestar

from api.auth import tokens
from api.auth.keyring import Keyring
from tests.support.clients import Clients


def test_form() -> None:
    made = {tokens.make() for _ in range(200)}
    assert len(made) == 200
    assert all(re.fullmatch(r"gh_[0-9A-Za-z]{38}", token) and tokens.is_well_formed(token) for token in made)


def test_check_digits_are_a_base62_crc32() -> None:
    # CRC-32 of 32 zeros in text is 0x8E8CC5A9 by zlib; 62 digits in the order 0-9, A-Z, a-z.
    import zlib

    number, digits = zlib.crc32(b"0" * 32), ""
    alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    while number:
        number, digit = divmod(number, 62)
        digits = alphabet[digit] + digits
    assert tokens.is_well_formed("gh_" + "0" * 32 + digits.rjust(6, "0"))


@pytest.mark.parametrize("bad", ["", "gh_", "gh_" + "0" * 38, "GH_" + "0" * 38, "gh_" + "٣" * 38])
def test_what_is_no_key(bad: str) -> None:
    assert not tokens.is_well_formed(bad)


async def test_any_changed_character_is_refused_unseen(
    clients: Clients, litestar_app: Litestar, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = await clients.key()
    looked_up: list[bytes] = []

    async def look_up(_self: Keyring, digest: bytes) -> None:
        looked_up.append(digest)

    monkeypatch.setattr(Keyring, "_look_up", look_up)
    async with clients.anonymous() as client:
        for place, character in enumerate(secret):
            changed = secret[:place] + ("x" if character != "x" else "y") + secret[place + 1 :]
            response = await client.get("/v1/guilds", headers={"Authorization": f"Bearer {changed}"})
            assert response.status_code == 401, place
            assert 'error="invalid_token"' in response.headers["www-authenticate"]
    assert not looked_up


async def test_headers_that_are_no_credentials(clients: Clients) -> None:
    secret = await clients.key()
    async with clients.anonymous() as client:
        bad = ("", "Bearer", "Bearer ", secret, f"Basic {secret}", f"Bearer {secret} ", f"Bearer {secret},{secret}")
        for header in (*bad, f"Bearer\t{secret}", f"Bearer {secret}\xe9", "Bearer " + "x" * 10_000):
            response = await client.get("/v1/guilds", headers={b"Authorization": header.encode("latin-1")})
            assert response.status_code == 401, header
            assert response.headers["www-authenticate"].startswith('Bearer realm="guildhall"')
        for scheme in ("Bearer", "bearer", "BEARER"):
            response = await client.get("/v1/guilds", headers={"Authorization": f"{scheme} {secret}"})
            assert response.status_code == 200, scheme
