"""Who is asking, and what they may see."""

import msgspec

from api.auth.scopes import Scope
from api.idempotency import Claim


class Credential(msgspec.Struct, frozen=True):
    """A key, as it was when it was last read. `guild_ids` None: every guild."""

    id: int
    scopes: frozenset[Scope]
    guild_ids: frozenset[int] | None
    rate_limit: int | None
    expires_at: float | None

    @property
    def owner(self) -> str:
        """Whose budget of requests it is, and whose idempotency keys."""
        return f"key:{self.id}"

    def sees(self, guild_id: int) -> bool:
        return self.guild_ids is None or guild_id in self.guild_ids


class Actor(msgspec.Struct, frozen=True):
    """Who does something, for the audit log: a key, a user, an admin or the system itself. `claim`: where what
    they are answered is to be kept."""

    kind: str
    id: str | None
    reason: str | None = None
    ip: str | None = None
    request_id: str | None = None
    credential: Credential | None = None
    claim: Claim | None = None

    def guild_list(self) -> list[int] | None:
        """The only guilds this actor sees; None: all."""
        if self.credential is None or self.credential.guild_ids is None:
            return None
        return sorted(self.credential.guild_ids)


def system(reason: str | None = None) -> Actor:
    """Guildhall itself: its jobs and its command line."""
    return Actor(kind="system", id="guildhall", reason=reason)
