"""Current credentials, for work that continues after its request: it ends with the credential that began it."""

from api.accounts.accounts import Accounts
from api.auth.actors import Credential
from api.auth.keyring import Keyring
from api.errors import NotFound


class CredentialEnded(Exception):
    """The credential is not valid any more, or does not exist; the message says why."""


class CurrentCredentials:
    def __init__(self, keyring: Keyring, accounts: Accounts) -> None:
        self._keyring = keyring
        self._accounts = accounts

    async def key(self, key_id: int, guild_id: int) -> Credential:
        """The present credential of a key that sees the guild. Raises `CredentialEnded`."""
        credential = await self._keyring.current(key_id)
        if credential is None:
            raise CredentialEnded("The key that started this was revoked, or has expired.")
        if not credential.sees(guild_id):
            raise CredentialEnded("The key that started this no longer sees the guild.")
        return credential

    async def person(self, session_id: int, guild_id: int) -> Credential:
        """The person of a session, with the scopes for changes in the guild. Raises `CredentialEnded`,
        `DiscordAway`."""
        session = await self._accounts.sessions.current(session_id)
        if session is None or self._accounts.access is None:
            raise CredentialEnded("The session that started this has ended.")
        try:
            return await self._accounts.access.narrowed(session, {"guild_id": str(guild_id)}, write=True)
        except NotFound:
            raise CredentialEnded("The person who started this no longer has rights in the guild.") from None
