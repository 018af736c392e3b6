"""Encrypts what must not lie readable in the database: Discord's tokens."""

from base64 import urlsafe_b64encode
from collections.abc import Sequence
from hashlib import blake2b

from cryptography.fernet import Fernet, InvalidToken, MultiFernet


class Unreadable(Exception):
    """It was encrypted with a secret that is no longer known, or was changed."""


class Sealer:
    """Fernet: AES-128 in CBC with an HMAC. Writes with the present secret, reads with the previous one too."""

    def __init__(self, secrets: Sequence[str]) -> None:
        keys = (blake2b(secret.encode(), digest_size=32, person=b"sealing").digest() for secret in secrets)
        self._fernet = MultiFernet([Fernet(urlsafe_b64encode(key)) for key in keys])

    def seal(self, text: str) -> bytes:
        return self._fernet.encrypt(text.encode())

    def open(self, sealed: bytes) -> str:
        """Raises `Unreadable`."""
        try:
            return self._fernet.decrypt(sealed).decode()
        except InvalidToken:
            raise Unreadable from None
