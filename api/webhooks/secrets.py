"""The secrets that sign: made, and kept encrypted."""

import secrets
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from api.people.sealing import Sealer

PREFIX = "whsec_"


def make() -> str:
    """A new one: 256 random bits."""
    return PREFIX + secrets.token_urlsafe(32)


class Vault:
    """Encrypts with the installation's present secret, reads what the previous one encrypted."""

    def __init__(self, own: Sequence[str]) -> None:
        self._own = own

    @cached_property
    def _sealer(self) -> "Sealer":
        from api.people.sealing import Sealer  # 8 MB of cryptography: only for who has a webhook

        return Sealer(self._own)

    def seal(self, secret: str) -> bytes:
        return self._sealer.seal(secret)

    def open(self, sealed: bytes) -> str | None:
        """None where it was encrypted with a secret of the installation that is not known any more."""
        from api.people.sealing import Unreadable  # the same

        try:
            return self._sealer.open(sealed)
        except Unreadable:
            return None
