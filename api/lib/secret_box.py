"""The secret box: encrypts secrets that the database stores, such as Discord's tokens and webhooks' secrets."""

from base64 import urlsafe_b64encode
from collections.abc import Sequence
from functools import cached_property
from hashlib import blake2b
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet


class Undecryptable(Exception):
    """The bytes were encrypted with an unknown secret, or were changed."""


class SecretBox:
    """Fernet: AES-128 in CBC mode with an HMAC. Encrypts with the first secret, decrypts with any of them."""

    def __init__(self, secrets: Sequence[str]) -> None:
        self._secrets = secrets

    @cached_property
    def _fernet(self) -> "MultiFernet":
        # Imported at the first use: 8 MB of memory that a server without log-in and webhooks does not need.

        from cryptography.fernet import Fernet, MultiFernet

        keys = (blake2b(secret.encode(), digest_size=32, person=b"sealing").digest() for secret in self._secrets)
        return MultiFernet([Fernet(urlsafe_b64encode(key)) for key in keys])

    def encrypt(self, text: str) -> bytes:
        """The encrypted text, in URL-safe Base64."""
        return self._fernet.encrypt(text.encode())

    def decrypt(self, encrypted: bytes) -> str:
        """The text. Raises `Undecryptable`."""
        from cryptography.fernet import InvalidToken

        try:
            return self._fernet.decrypt(encrypted).decode()
        except InvalidToken:
            raise Undecryptable from None
